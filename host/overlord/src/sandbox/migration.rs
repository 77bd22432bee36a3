//! The optional interface `migration` of a limiter: which form its cells have, and how it takes over one
//! of another form. A component that cannot read a cell gets a fault, never another's bytes.

use std::borrow::Cow;

use wasmtime::Store;
use wasmtime::component::Val;

use super::bindings::migration::CellsOfOtherFormsPre;
use super::cases::{CallError, call};
use super::guest::{Guest, Lent};
use super::hooks::CELL_BYTES_MAX;
use super::policy::{Broken, FaultMessage, Policy};
use super::world::Limit;
use crate::capability::state::Cell;

/// The interface.
pub(super) const INTERFACE: &str = "overlord:policy/migration@0.1.0";

/// The longest name of a form, in bytes: it is kept with every cell.
const FORM_BYTES_MAX: usize = 64;

/// What a limiter says of its cells.
pub(super) struct Migration {
    form: String,
    pre: CellsOfOtherFormsPre<Guest>,
}

impl Policy<Limit> {
    /// The form of the cells that it writes; empty where it calls it nothing.
    pub fn form(&self) -> &str {
        self.migration.as_ref().map_or("", |migration| &migration.form)
    }

    /// Finds out whether it takes over cells of other forms, and what it calls its own. Fails with a
    /// sentence.
    pub(super) async fn find_migration(&mut self) -> Result<(), String> {
        if self.bare.component().get_export_index(None, INTERFACE).is_none() {
            return Ok(());
        }
        let pre = CellsOfOtherFormsPre::new(self.bare.clone()).map_err(|error| format!("{error:#}"))?;
        let said = call(self, "form()", Lent::Nothing, |_| ()).await.map_err(|error| match error {
            CallError::Cannot(why) | CallError::Broken(why) => why,
        })?;
        let Val::String(form) = said.value else { return Err("its `form` is no text".to_owned()) };
        if form.is_empty() || form.len() > FORM_BYTES_MAX || form.chars().any(char::is_control) {
            return Err(format!(
                "the name of a form must have 1 to {FORM_BYTES_MAX} bytes and no control characters, and its own is {form:?}"
            ));
        }
        self.migration = Some(Migration { form, pre });
        Ok(())
    }

    /// What it may be given of a cell: nothing of none, the bytes of one of its own form, and of one of
    /// another what it makes of it.
    pub async fn understood<'c>(&self, cell: Option<&'c Cell>) -> Result<Cow<'c, [u8]>, Broken> {
        let Some(cell) = cell else { return Ok(Cow::default()) };
        if cell.form == self.form() {
            return Ok(Cow::Borrowed(&cell.bytes));
        }
        let Some(migration) = &self.migration else {
            return Err(self.faulted(Broken::Fault(format!(
                "a cell has the form {:?}, and the component takes over no other cells than its own: it exports no \
                 `migration`; let a component serve that knows this form",
                cell.form
            ))));
        };
        // An instance of its own: it is seldom asked, and a warm one is not found by this interface.
        let _place = self.sandbox.place().await;
        let mut store = self.store(Lent::Nothing);
        let trapped = |store: &Store<Guest>, error: &wasmtime::Error| self.broke(store.data(), error);
        let found = match migration.pre.instantiate_async(&mut store).await {
            Ok(found) => found,
            Err(error) => return Err(trapped(&store, &error)),
        };
        let settings = &self.terms().settings;
        let functions = found.overlord_policy_migration();
        match functions.call_migrate(&mut store, settings, &cell.form, &cell.bytes).await {
            Ok(Ok(bytes)) if bytes.len() > CELL_BYTES_MAX => {
                let why = format!("it makes a cell of more than {CELL_BYTES_MAX} bytes");
                Err(self.faulted(Broken::Answer(why)))
            }
            Ok(Ok(bytes)) => Ok(Cow::Owned(bytes)),
            Ok(Err(fault)) => Err(self.faulted(Broken::Fault(FaultMessage::from(fault).0))),
            Err(error) => Err(trapped(&store, &error)),
        }
    }
}
