//! What limiters remember. A cell lies in a space, so that two versions of a component can remember the
//! same caller side by side and neither finds the other's: the newer one reads what the older one left,
//! and writes in a space of its own. When there is no way back any more, a space is settled into the
//! ground that all share.

use std::sync::Arc;

use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};

use super::{State, StateError, unreadable};

/// By space, entry, and whose: the form and the bytes.
const CELLS: TableDefinition<'_, (Space, &str, &str), (&str, &[u8])> = TableDefinition::new("cells-by-space");

/// Those of the first schema, by slot and user.
const FIRST_CELLS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("cells");

/// The limiter that there was when cells did not say whose they are.
const FIRST_ENTRY: &str = "limit-window";

/// How many cells are settled in one commit: nobody's question waits longer for it than for a disk.
const SETTLED_MAX: usize = 1000;

/// A number that no other space of the data folder has or had.
pub type Space = u64;

/// The space below all others.
pub const GROUND: Space = 0;

/// Where a component's cells may be found: spaces, the one that it writes in first, the ground left out.
pub type Spaces = Arc<[Space]>;

/// What is remembered, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// As the component that wrote it calls its form; empty where it calls it nothing.
    pub form: String,
    /// Anything.
    pub bytes: Vec<u8>,
}

/// Which cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellKey {
    /// Where to look.
    pub spaces: Spaces,
    /// The name of the limiter's entry.
    pub entry: Arc<str>,
    /// Whose: a user's, a role's, everybody's.
    pub whose: String,
}

/// One cell, compared and swapped.
#[derive(Debug)]
pub struct CellChange {
    /// Which.
    pub key: CellKey,
    /// What the decision was made on; none where there was none.
    pub before: Option<Cell>,
    /// What it left behind.
    pub after: Cell,
}

/// What becomes of a space that no component writes in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// Its cells are the newest there are of their owners: they go to the ground.
    Keep(Space),
    /// Nobody goes back to it.
    Forget(Space),
}

impl Settle {
    /// Which one.
    pub fn space(self) -> Space {
        match self {
            Self::Keep(space) | Self::Forget(space) => space,
        }
    }
}

impl State {
    /// What a limiter remembers of somebody.
    pub fn cell(&self, key: &CellKey) -> Result<Option<Cell>, StateError> {
        let read = || -> Result<Option<Cell>, redb::Error> {
            find(&self.database.begin_read()?.open_table(CELLS)?, key)
        };
        read().map_err(|error| unreadable(&error))
    }

    /// The spaces that hold cells, the ground left out.
    pub fn spaces(&self) -> Result<Vec<Space>, StateError> {
        let read = || -> Result<Vec<Space>, redb::Error> {
            let table = self.database.begin_read()?.open_table(CELLS)?;
            let (mut found, mut from) = (Vec::new(), GROUND + 1);
            while let Some(entry) = table.range((from, "", "")..)?.next() {
                let space = entry?.0.value().0;
                found.push(space);
                let Some(next) = space.checked_add(1) else { break };
                from = next;
            }
            Ok(found)
        };
        read().map_err(|error| unreadable(&error))
    }

    /// Empties a space, a part at a time, so that decisions go on between.
    pub async fn settle(&self, settle: Settle) -> Result<(), StateError> {
        loop {
            self.write(super::Change { settle: Some(settle), ..super::Change::default() }).await?;
            if !self.spaces()?.contains(&settle.space()) {
                return Ok(());
            }
        }
    }
}

/// The newest cell of a key.
fn find(
    table: &impl redb::ReadableTable<(Space, &'static str, &'static str), (&'static str, &'static [u8])>,
    key: &CellKey,
) -> Result<Option<Cell>, redb::Error> {
    for space in key.spaces.iter().copied().chain([GROUND]) {
        if let Some(found) = table.get((space, &*key.entry, key.whose.as_str()))? {
            let (form, bytes) = found.value();
            return Ok(Some(Cell { form: form.to_owned(), bytes: bytes.to_vec() }));
        }
    }
    Ok(None)
}

/// The table within a commit.
pub(super) struct Cells<'t>(
    redb::Table<'t, (Space, &'static str, &'static str), (&'static str, &'static [u8])>,
);

impl<'t> Cells<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self(transaction.open_table(CELLS)?))
    }

    /// Whether every cell is what its decision was made on.
    pub(super) fn unmoved(&self, changes: &[CellChange]) -> Result<bool, redb::Error> {
        for change in changes {
            if find(&self.0, &change.key)? != change.before {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn set(&mut self, change: &CellChange) -> Result<(), redb::Error> {
        let CellKey { spaces, entry, whose } = &change.key;
        let space = spaces.first().copied().unwrap_or(GROUND);
        self.0
            .insert((space, &**entry, whose.as_str()), (change.after.form.as_str(), &*change.after.bytes))?;
        Ok(())
    }

    pub(super) fn settle(&mut self, settle: Settle) -> Result<(), redb::Error> {
        let space = settle.space();
        let range = (space, "", "")..(space.saturating_add(1), "", "");
        let mut taken = Vec::new();
        for cell in self.0.extract_from_if(range, |_, _| true)?.take(SETTLED_MAX) {
            let (key, value) = cell?;
            let ((_, entry, whose), (form, bytes)) = (key.value(), value.value());
            taken.push((entry.to_owned(), whose.to_owned(), form.to_owned(), bytes.to_owned()));
        }
        if let Settle::Keep(_) = settle {
            for (entry, whose, form, bytes) in &taken {
                self.0.insert((GROUND, entry.as_str(), whose.as_str()), (form.as_str(), bytes.as_slice()))?;
            }
        }
        Ok(())
    }
}

/// Makes the table; takes over what the first schema kept.
pub(super) fn prepare(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut cells = transaction.open_table(CELLS)?;
    {
        let first = transaction.open_table(FIRST_CELLS)?;
        for entry in first.iter()? {
            let (key, bytes) = entry?;
            let whose = format!("user:{}", key.value().1);
            cells.insert((GROUND, FIRST_ENTRY, whose.as_str()), ("", bytes.value()))?;
        }
    }
    transaction.delete_table(FIRST_CELLS)?;
    Ok(())
}
