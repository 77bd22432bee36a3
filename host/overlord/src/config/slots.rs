//! Reads what is said of a slot: its first component and what holds for all of it. What comes after the
//! first is `chain`'s.

use super::errors::{ConfigError, Origin};
use super::keys::{Key, Preset, SETTING, Shape};
use super::layers::Found;
use super::read::{Reader, key};
use super::values::{is_component_name, is_whole};
use super::{FailMode, LimitConfig, Settings, Slot};
use crate::domain::Whose;

/// The most that the settings of one component may have, names and values together: they are copied into
/// it with every call.
pub(super) const SETTINGS_MAX_BYTES: usize = 16 * 1024;

impl Reader<'_> {
    pub(super) fn slot(&mut self, name: &'static str) -> Slot {
        let at = |part: &str| key(&format!("{name}.{part}")).path;
        let component = self.read(at("component"), String::new(), |raw| raw.text(is_component_name));
        let settings = self.settings(name, &component, key(at("component")));
        let mut slot = Slot {
            name: component.clone(),
            component,
            instances: self.choice(at("instances")),
            wasi: self.choice(at("wasi")),
            fail: self.fail(at("fail")),
            settings,
            then: Vec::new(),
        };
        if let Some(named) = Key::find(&format!("{name}.name")) {
            if self.gathered.value(named).is_some() {
                slot.name = self.read(named.path, String::new(), |raw| raw.text(is_component_name));
            }
            slot.then = self.chain(name, &slot);
        }
        slot
    }

    pub(super) fn limit(&mut self) -> LimitConfig {
        LimitConfig {
            slot: self.slot("limit"),
            cell: self.read("limit.cell", Whose::Caller, |raw| Whose::parse(&raw.text(|_| true)?)),
        }
    }

    fn fail(&mut self, path: &'static str) -> FailMode {
        let Shape::Closed(reason) = key(path).shape else { return self.choice(path) };
        let said = self.text(path);
        if said == "open" {
            let way_out = format!("set {path} to \"closed\" or leave it out");
            self.refuse(path, format!("{path} cannot be \"open\": {reason}"), way_out);
        } else if said != "closed" {
            self.wrong(path);
        }
        FailMode::Closed
    }

    /// A slot's settings as its first component gets them. The table's own defaults belong to the
    /// component that the table names, and are left out for another.
    fn settings(&mut self, slot: &'static str, component: &str, named: &Key) -> Settings {
        let ours = matches!(named.preset, Preset::Value(preset) if preset.trim_matches('"') == component);
        let said: Vec<_> = self.gathered.settings(slot).to_vec();
        let said: Vec<_> =
            said.into_iter().filter(|(_, found)| ours || found.origin != Origin::Default).collect();
        let number = |name: &str| {
            let known = Key::find(&format!("{slot}.settings.{name}")).filter(|_| ours);
            known.is_some_and(|key| matches!(key.preset, Preset::Value(v) if is_whole(v)))
        };
        let origin = self.origin(named.path);
        self.settings_of(slot, &said, &origin, number)
    }

    /// Settings as a component gets them. `at`: whose they are; `number`: which of them must be whole
    /// numbers.
    pub(super) fn settings_of(
        &mut self,
        at: &str,
        said: &[(String, Found)],
        origin: &Origin,
        number: impl Fn(&str) -> bool,
    ) -> Settings {
        let mut settings = Vec::new();
        for (name, found) in said {
            let number = number(name);
            match found.raw.setting() {
                Some(values) if !number || values.iter().all(|value| is_whole(value)) => {
                    settings.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                _ => self.errors.push(ConfigError::Value {
                    origin: found.origin.clone(),
                    key: format!("{at}.settings.{name}"),
                    found: found.raw.kind().to_owned(),
                    expected: if number { "a whole number".to_owned() } else { SETTING.to_owned() },
                }),
            }
        }
        let size: usize = settings.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > SETTINGS_MAX_BYTES {
            let reason =
                format!("{at}.settings has {size} bytes, more than the {SETTINGS_MAX_BYTES} allowed");
            let way_out = "say less there: they are handed over with every call".to_owned();
            self.refuse_at(origin.clone(), reason, way_out);
        }
        Settings(settings)
    }
}
