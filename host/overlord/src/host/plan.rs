//! What each slot is to hold, by the configuration: its components, their settings, and what the host
//! adds to them.

use std::path::{Path, PathBuf};

use crate::config::{self, Config};
use crate::domain::Whose;
use crate::generation::{Entry, Plan};
use crate::sandbox::{Instances, SlotName, Terms, Trust, Wasi};

/// The settings that say by which cookies an auth component knows somebody.
const COOKIES: [&str; 2] = ["cookie", "own_cookie"];

/// The plan of a configuration. `secrets`: oldest first. `workspace`: its real path.
pub fn plan(config: &Config, secrets: &[String], workspace: &Path) -> Plan {
    Plan::new(|slot| entries(config, slot, &added(config, slot, secrets, workspace)))
}

/// The cookies that the auth components see: those of the slot, and those that further components name
/// in their own settings.
pub(super) fn visible_cookies(config: &Config) -> Vec<String> {
    let mut names = vec![config.auth.cookie.clone(), config.auth.own_cookie.clone()];
    for then in &config.auth.slot.then {
        for (name, value) in &then.settings.0 {
            if COOKIES.contains(&name.as_str()) && !names.contains(value) {
                names.push(value.clone());
            }
        }
    }
    names
}

/// The files that audit lines go to besides the audit log, each once.
pub(super) fn own_audit_files(config: &Config) -> Vec<PathBuf> {
    let mut files: Vec<_> = config.audit.slot.then.iter().filter_map(|then| then.file.clone()).collect();
    files.sort();
    files.dedup();
    files
}

/// What the host tells the components of a slot besides what is configured.
fn added(config: &Config, slot: SlotName, secrets: &[String], workspace: &Path) -> Vec<(String, String)> {
    match slot {
        SlotName::Auth => {
            let secrets = secrets.iter().map(|secret| ("secret".to_owned(), secret.clone()));
            let cookies = COOKIES.map(str::to_owned).into_iter();
            secrets.chain(cookies.zip([config.auth.cookie.clone(), config.auth.own_cookie.clone()])).collect()
        }
        SlotName::History | SlotName::Agent => {
            vec![("cwd".to_owned(), workspace.to_string_lossy().into_owned())]
        }
        SlotName::Limit | SlotName::Audit => Vec::new(),
    }
}

fn entries(config: &Config, slot: SlotName, added: &[(String, String)]) -> Vec<Entry> {
    let first = of(config, slot);
    let own = first.settings.0.iter().chain(added).cloned().collect();
    let trust = Trust {
        keys: config.signing.keys.clone(),
        required: config.signing.required.contains(&slot),
        pins: config.signing.pins(slot).to_vec(),
    };
    let mut entries = vec![Entry {
        name: first.name.clone(),
        component: first.component.clone(),
        terms: terms(own, first.instances, first.wasi, &trust),
        whose: if slot == SlotName::Limit { config.limit.cell.clone() } else { Whose::Caller },
        file: None,
    }];
    entries.extend(first.then.iter().map(|then| {
        // What an entry says itself is not said a second time: it may know another application's cookies
        // by another secret.
        let says = |name: &String| then.settings.0.iter().any(|(said, _)| said == name);
        let added = added.iter().filter(|(name, _)| !says(name));
        let pins = if then.digests.is_empty() { &trust.pins } else { &then.digests };
        let trust = Trust { pins: pins.clone(), ..trust.clone() };
        Entry {
            name: then.name.clone(),
            component: then.component.clone(),
            terms: terms(
                then.settings.0.iter().chain(added).cloned().collect(),
                then.instances,
                then.wasi,
                &trust,
            ),
            whose: then.cell.clone(),
            file: then.file.clone(),
        }
    }));
    entries
}

fn terms(
    settings: Vec<(String, String)>,
    instances: config::Instances,
    wasi: config::Wasi,
    trust: &Trust,
) -> Terms {
    Terms {
        settings,
        instances: match instances {
            config::Instances::Fresh => Instances::Fresh,
            config::Instances::Warm => Instances::Warm,
        },
        wasi: match wasi {
            config::Wasi::None => Wasi::None,
            config::Wasi::Empty => Wasi::Empty,
        },
        trust: trust.clone(),
    }
}

fn of(config: &Config, slot: SlotName) -> &config::Slot {
    match slot {
        SlotName::Auth => &config.auth.slot,
        SlotName::Limit => &config.limit.slot,
        SlotName::History => &config.history,
        SlotName::Audit => &config.audit.slot,
        SlotName::Agent => &config.agent.slot,
    }
}
