//! The further components of a slot: `[[limit.then]]` and its like. Owns what such a table may say, and
//! how many there may be; what a component's settings mean only the component knows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::errors::{ConfigError, Origin, nearest};
use super::keys::Key;
use super::layers::{Found, Reading, in_order};
use super::read::{Reader, key};
use super::signing::{PINS_MAX, digests};
use super::table::CHAINS;
use super::values::{Raw, is_component_name};
use super::words::{Instances, Wasi, meant};
use super::{Settings, Slot};
use crate::domain::Whose;
use crate::sandbox::package::Digest;

/// How many components a slot may have: each is asked for every request, one after another, and each
/// may take its whole time.
pub(super) const ENTRIES_MAX: usize = 8;

/// A component that a slot has besides its first.
#[derive(Debug, Clone, PartialEq)]
pub struct Then {
    /// Its name in the slot.
    pub name: String,
    /// The component's name: `NAME.wasm` in the components directory.
    pub component: String,
    /// How long its instances live.
    pub instances: Instances,
    /// What WASI it is linked with.
    pub wasi: Wasi,
    /// What it is handed with every call.
    pub settings: Settings,
    /// On whose cell it decides, where it is a limiter.
    pub cell: Whose,
    /// Where its lines go, where it writes audit lines; none for where the slot's go.
    pub file: Option<PathBuf>,
    /// The digests of which its file must have one; none for those of the slot.
    pub digests: Vec<Digest>,
}

/// One such table as it stands in the file.
#[derive(Debug)]
pub(super) struct Said {
    origin: Origin,
    values: BTreeMap<String, Found>,
    settings: Vec<(String, Found)>,
}

/// What every entry may say besides its settings.
const KEYS: [&str; 5] = ["component", "name", "instances", "wasi", "digest"];

impl Said {
    /// What its component is handed.
    pub(super) fn settings(&self) -> &[(String, Found)] {
        &self.settings
    }

    /// Who says what a key of it is.
    fn origin(&self, name: &str) -> &Origin {
        self.values.get(name).map_or(&self.origin, |found| &found.origin)
    }
}

impl Reading<'_> {
    /// Takes over the list of tables of a slot.
    pub(super) fn chain(&mut self, slot: &'static str, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let all: Option<Vec<_>> = value.get_ref().as_array().and_then(|items| {
            items.iter().map(|item| Some((item.span(), item.get_ref().as_table()?))).collect()
        });
        let Some(all) = all else {
            let found = format!("of the type {}", value.get_ref().type_str());
            let expected =
                format!("a list of tables; write [[{slot}.then]] on a line of its own above each one's keys");
            let key = format!("{slot}.then");
            self.errors.push(ConfigError::Value { origin, key, found, expected });
            return;
        };
        for (index, (span, table)) in all.into_iter().enumerate() {
            let mut said = Said { origin: self.origin(span), values: BTreeMap::new(), settings: Vec::new() };
            for (name, value) in in_order(table) {
                let origin = self.origin(name.span());
                let name = name.get_ref().as_ref();
                let key = format!("{slot}.then[{index}].{name}");
                if name == "settings" {
                    match value.get_ref().as_table() {
                        Some(table) => said.settings = self.settings_in(table),
                        None => self.errors.push(ConfigError::Value {
                            origin,
                            key,
                            found: format!("of the type {}", value.get_ref().type_str()),
                            expected: "a table, such as settings = { max = 5 }".to_owned(),
                        }),
                    }
                } else if keys_of(slot).any(|known| known == name) {
                    let found = Found { raw: Raw::of(value.get_ref()), origin: self.origin(value.span()) };
                    said.values.insert(name.to_owned(), found);
                } else {
                    let way_out = unknown(slot, name);
                    self.errors.push(ConfigError::UnknownKey { origin, key, way_out });
                }
            }
            self.gathered.add_to_chain(slot, said);
        }
    }
}

impl Reader<'_> {
    /// The further components of a slot, each with a name that no other one has. `first`: the slot's
    /// own.
    pub(super) fn chain(&mut self, slot: &'static str, first: &Slot) -> Vec<Then> {
        let said = self.gathered.chain(slot);
        let mut chain: Vec<Then> = Vec::new();
        for (index, said) in said.iter().enumerate() {
            let at = format!("{slot}.then[{index}]");
            let then = self.then(slot, &at, said);
            let taken = match chain.iter().position(|other| other.name == then.name) {
                Some(other) => Some(format!("{slot}.then[{other}]")),
                None => (first.name == then.name).then(|| "the slot's first component".to_owned()),
            };
            if let Some(other) = taken.filter(|_| !then.name.is_empty()) {
                let origin = said.origin(if said.values.contains_key("name") { "name" } else { "component" });
                let reason = format!("{at} has the name \"{}\", and so has {other}", then.name);
                self.refuse_at(origin.clone(), reason, "give one of them a `name` of its own".to_owned());
            }
            chain.push(then);
        }
        if let Some(beyond) = said.get(ENTRIES_MAX - 1) {
            let reason = format!(
                "the slot {slot} has {} components, more than the {ENTRIES_MAX} allowed",
                said.len() + 1
            );
            let way_out = format!("leave {slot}.then[{}] and all after it out", ENTRIES_MAX - 1);
            self.refuse_at(beyond.origin.clone(), reason, way_out);
        }
        chain
    }

    fn then(&mut self, slot: &'static str, at: &str, said: &Said) -> Then {
        let of = |name: &str| key(&format!("{slot}.{name}"));
        if !said.values.contains_key("component") {
            let way_out = "say `component = \"NAME\"` there, for NAME.wasm in the components directory";
            self.refuse_at(said.origin.clone(), format!("{at} has no component"), way_out.to_owned());
        }
        let name = |raw: &Raw| raw.text(is_component_name);
        let component = self.said(at, said, of("component"), name).unwrap_or_default();
        let named = self.said(at, said, of("name"), name);
        let cell = (slot == "limit")
            .then(|| self.said(at, said, of("cell"), |raw| Whose::parse(&raw.text(|_| true)?)))
            .flatten();
        let file = (slot == "audit").then(|| self.file(at, said, of("file"))).flatten();
        let digests = self.said(at, said, of("digest"), digests).unwrap_or_default();
        if digests.len() > PINS_MAX {
            let reason = format!("{at}.digest has {} digests, and {PINS_MAX} are allowed", digests.len());
            let way_out = "pin those that may serve".to_owned();
            self.refuse_at(said.origin("digest").clone(), reason, way_out);
        }
        let settings = self.settings_of(at, &said.settings, &said.origin, |_| false);
        Then {
            // A name that cannot be is no reason to complain of another as well.
            name: named.unwrap_or_else(|| {
                if said.values.contains_key("name") { String::new() } else { component.clone() }
            }),
            component,
            instances: self.said(at, said, of("instances"), meant).unwrap_or(Instances::Fresh),
            wasi: self.said(at, said, of("wasi"), meant).unwrap_or(Wasi::None),
            settings,
            cell: cell.unwrap_or_default(),
            file,
            digests,
        }
    }

    fn file(&mut self, at: &str, said: &Said, known: &'static Key) -> Option<PathBuf> {
        let base = said.values.get("file").map(|found| self.base(found)).unwrap_or_default();
        self.said(at, said, known, |raw| raw.path(&base))
    }

    /// What `take` makes of a value of an entry; none where nothing was said, or something wrong, which
    /// is noted.
    fn said<T>(
        &mut self,
        at: &str,
        said: &Said,
        known: &'static Key,
        take: impl FnOnce(&Raw) -> Option<T>,
    ) -> Option<T> {
        let name = known.parts().1;
        let Found { raw, origin } = said.values.get(name)?;
        let taken = take(raw);
        if taken.is_none() {
            self.errors.push(ConfigError::Value {
                origin: origin.clone(),
                key: format!("{at}.{name}"),
                found: raw.shown(),
                expected: known.expected(),
            });
        }
        taken
    }

    /// Who says where an entry's lines go.
    pub(super) fn origin_of_then(&self, slot: &'static str, index: usize, name: &str) -> Origin {
        self.gathered.chain(slot).get(index).map_or(Origin::Default, |said| said.origin(name).clone())
    }
}

/// What an entry of this slot may say besides its settings.
fn keys_of(slot: &str) -> impl Iterator<Item = &'static str> {
    let own = CHAINS.iter().find(|chain| chain.slot == slot).and_then(|chain| chain.own_key);
    KEYS.into_iter().chain(own)
}

fn unknown(slot: &str, name: &str) -> String {
    if Key::find(&format!("{slot}.{name}")).is_some() {
        return format!("it holds for the whole slot: set {slot}.{name}");
    }
    let known: Vec<_> = keys_of(slot).chain(["settings"]).collect();
    nearest(name, known.iter().map(|known| (*known).to_owned()))
        .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean {near}?"))
}
