//! Gathers the values of all keys from where they can be said: the table's defaults, the file, the
//! original's variables, Overlord's own; the later the stronger. Refuses keys and variables that there
//! are not. Knows nothing of what a value must be.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::chain::Said;
use super::errors::{ConfigError, Origin, nearest};
use super::keys::{Key, Preset, variable};
use super::table::{CHAINS, SECTIONS, SLOTS, keys};
use super::values::Raw;
use crate::domain::REQUEST_ID_VARIABLE;

/// The variable that names the configuration file.
pub(super) const FILE_VARIABLE: &str = "OVERLORD_CONFIG";
const PREFIX: &str = "OVERLORD_";

/// A value and who said it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// All values that were said.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    values: BTreeMap<&'static str, Found>,
    /// By slot, in the order said.
    settings: BTreeMap<&'static str, Vec<(String, Found)>>,
    /// The further components by slot, in the order said. Only the file says any.
    chains: BTreeMap<&'static str, Vec<Said>>,
}

impl Gathered {
    /// The defaults that do not depend on the machine.
    pub(super) fn presets() -> Self {
        let mut gathered = Self::default();
        for key in keys() {
            if let Preset::Value(toml) = key.preset {
                let value = DeValue::parse(toml).expect("a test parses the printed defaults");
                gathered.set(key, Found { raw: Raw::of(value.get_ref()), origin: Origin::Default });
            }
        }
        gathered
    }

    /// What was said of a key.
    pub(super) fn value(&self, key: &Key) -> Option<&Found> {
        self.values.get(key.path)
    }

    /// What was said of a slot's settings.
    pub(super) fn settings(&self, slot: &str) -> &[(String, Found)] {
        self.settings.get(slot).map_or(&[], Vec::as_slice)
    }

    /// What was said of the components of a slot after its first.
    pub(super) fn chain(&self, slot: &str) -> &[Said] {
        self.chains.get(slot).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add_to_chain(&mut self, slot: &'static str, said: Said) {
        self.chains.entry(slot).or_default().push(said);
    }

    fn set(&mut self, key: &Key, found: Found) {
        match slot_setting(key.path) {
            Some((slot, name)) => self.set_setting(slot, name.to_owned(), found),
            None => {
                self.values.insert(key.path, found);
            }
        }
    }

    fn set_setting(&mut self, slot: &str, name: String, found: Found) {
        let slot = SLOTS.iter().find(|known| **known == slot).expect("only slots have settings");
        let settings = self.settings.entry(slot).or_default();
        match settings.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = found,
            None => settings.push((name, found)),
        }
    }

    /// Takes over what the file says; `text` is its content.
    pub(super) fn file(&mut self, path: &Path, text: &str, errors: &mut Vec<ConfigError>) {
        let mut reading = Reading { gathered: self, path: path.to_owned(), text, errors };
        let (table, wrong) = DeTable::parse_recoverable(text);
        // A table recovered from bad syntax would only yield consequential errors.
        if wrong.is_empty() {
            reading.table("", table.get_ref());
        }
        for error in wrong {
            let origin = reading.origin(error.span().unwrap_or_default());
            // Its `Display` would quote the line, which may hold a secret.
            reading.errors.push(ConfigError::Syntax { origin, reason: error.message().to_owned() });
        }
    }

    /// Takes over what the environment says.
    pub(super) fn environment(
        &mut self,
        environment: &[(OsString, OsString)],
        errors: &mut Vec<ConfigError>,
    ) {
        for key in keys() {
            let Some(name) = key.original else { continue };
            if let Some(text) = variable_text(environment, name, errors) {
                self.set(key, Found { raw: Raw::Bare(text), origin: Origin::Original(name) });
            }
        }
        for (name, _) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            // A host that an agent starts, for whatever reason, is not the one that set it.
            if name == FILE_VARIABLE || name == REQUEST_ID_VARIABLE {
                continue;
            }
            let key = keys().find(|key| key.variable() == name);
            let setting = SLOTS.iter().find_map(|slot| {
                let setting = name.strip_prefix(&variable(slot))?.strip_prefix("_SETTINGS_")?;
                (!setting.is_empty()).then(|| (*slot, setting.to_lowercase()))
            });
            if key.is_none() && setting.is_none() {
                errors.push(unknown_variable(name));
                continue;
            }
            let Some(text) = variable_text(environment, name, errors) else { continue };
            let found = Found { raw: Raw::Bare(text), origin: Origin::Variable(name.to_owned()) };
            match (key, setting) {
                (Some(key), _) => self.set(key, found),
                (None, Some((slot, setting))) => self.set_setting(slot, setting, found),
                (None, None) => {}
            }
        }
    }
}

/// The walk through the file's tables.
pub(super) struct Reading<'a> {
    pub(super) gathered: &'a mut Gathered,
    path: PathBuf,
    text: &'a str,
    pub(super) errors: &'a mut Vec<ConfigError>,
}

impl Reading<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in in_order(table) {
            let origin = self.origin(name.span());
            let name = name.get_ref().as_ref();
            let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            if let Some(key) = Key::find(&path) {
                let found = Found { raw: Raw::of(value.get_ref()), origin: self.origin(value.span()) };
                self.gathered.set(key, found);
            } else if let Some(slot) = path.strip_suffix(".settings").filter(|slot| SLOTS.contains(slot)) {
                self.settings(slot, value, origin);
            } else if let Some(chain) = CHAINS.iter().find(|chain| path == format!("{}.then", chain.slot)) {
                self.chain(chain.slot, value, origin);
            } else if SECTIONS.iter().any(|(known, _)| *known == path) {
                match value.get_ref().as_table() {
                    Some(table) => self.table(&path, table),
                    None => self.errors.push(no_table(&path, value, origin)),
                }
            } else {
                let way_out = unknown_key(section, name);
                self.errors.push(ConfigError::UnknownKey { origin, key: path, way_out });
            }
        }
    }

    fn settings(&mut self, slot: &str, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let Some(table) = value.get_ref().as_table() else {
            self.errors.push(no_table(&format!("{slot}.settings"), value, origin));
            return;
        };
        for (name, found) in self.settings_in(table) {
            self.gathered.set_setting(slot, name, found);
        }
    }

    /// The settings in a table, in the order in which they stand there.
    pub(super) fn settings_in(&self, table: &DeTable<'_>) -> Vec<(String, Found)> {
        let entries = in_order(table).into_iter();
        let found = |value: &Spanned<DeValue<'_>>| Found {
            raw: Raw::of(value.get_ref()),
            origin: self.origin(value.span()),
        };
        entries.map(|(name, value)| (name.get_ref().to_string(), found(value))).collect()
    }

    pub(super) fn origin(&self, span: Range<usize>) -> Origin {
        let before = self.text.as_bytes().iter().take(span.start);
        Origin::File { path: self.path.clone(), line: 1 + before.filter(|byte| **byte == b'\n').count() }
    }
}

/// A table's entries as they stand in the file, where the table itself sorts them by name.
pub(super) fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// The slot and the name, where the path is that of a setting.
fn slot_setting(path: &str) -> Option<(&str, &str)> {
    let (slot, rest) = path.split_once('.')?;
    Some((slot, rest.strip_prefix("settings.")?))
}

fn variable_text(
    environment: &[(OsString, OsString)],
    name: &str,
    errors: &mut Vec<ConfigError>,
) -> Option<String> {
    // The last one counts, as where a shell sets a variable twice.
    let (_, value) = environment.iter().rev().find(|(known, _)| known == name)?;
    let text = value.to_str().map(str::to_owned);
    if text.is_none() {
        errors.push(ConfigError::Refused {
            origin: Origin::Variable(name.to_owned()),
            reason: "its value is not UTF-8".to_owned(),
            way_out: "set it to a text that is".to_owned(),
        });
    }
    text
}

fn no_table(key: &str, value: &Spanned<DeValue<'_>>, origin: Origin) -> ConfigError {
    let found = format!("of the type {}", value.get_ref().type_str());
    let expected = format!("a table; write [{key}] on a line of its own above its keys");
    ConfigError::Value { origin, key: key.to_owned(), found, expected }
}

fn unknown_key(section: &str, name: &str) -> String {
    let elsewhere = keys().find(|key| key.parts().1 == name);
    let siblings = keys().filter(|key| key.parts().0 == section).map(|key| key.parts().1.to_owned());
    let sections = SECTIONS.iter().filter(|_| section.is_empty()).map(|(name, _)| (*name).to_owned());
    let chains = CHAINS.iter().filter(|chain| chain.slot == section).map(|_| "then".to_owned());
    match (nearest(name, siblings.chain(sections).chain(chains)), elsewhere) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, Some(key)) => format!("did you mean {}?", key.path),
        (None, None) => "`overlord config` prints all there are".to_owned(),
    }
}

fn unknown_variable(name: &str) -> ConfigError {
    let known = keys().map(Key::variable).chain([FILE_VARIABLE.to_owned()]);
    // All of them begin alike, which says nothing of their likeness.
    let known = known.filter_map(|known| known.strip_prefix(PREFIX).map(str::to_owned));
    let way_out = match nearest(name.strip_prefix(PREFIX).unwrap_or(name), known) {
        Some(near) => format!("did you mean {PREFIX}{near}?"),
        None => "unset it; `overlord config` names all there are".to_owned(),
    };
    ConfigError::UnknownVariable { name: name.to_owned(), way_out }
}
