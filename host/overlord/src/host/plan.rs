//! What each slot is to hold, by the configuration: its component, its settings, and what the host adds
//! to them.

use std::path::Path;

use crate::config::{self, Config};
use crate::generation::Plan;
use crate::sandbox::{Instances, SlotName, Terms, Trust, Wasi};

/// The plan of a configuration. `secrets`: oldest first. `workspace`: its real path.
pub fn plan(config: &Config, secrets: &[String], workspace: &Path) -> Plan {
    Plan::new(|slot| (of(config, slot).component.clone(), terms(config, slot, secrets, workspace)))
}

/// One slot's terms.
pub fn terms(config: &Config, slot: SlotName, secrets: &[String], workspace: &Path) -> Terms {
    let configured = of(config, slot);
    let mut settings = configured.settings.0.clone();
    match slot {
        SlotName::Auth => {
            settings.extend(secrets.iter().map(|secret| ("secret".to_owned(), secret.clone())));
            settings.push(("cookie".to_owned(), config.auth.cookie.clone()));
            settings.push(("own_cookie".to_owned(), config.auth.own_cookie.clone()));
        }
        SlotName::History | SlotName::Agent => {
            settings.push(("cwd".to_owned(), workspace.to_string_lossy().into_owned()));
        }
        SlotName::Limit | SlotName::Audit => {}
    }
    Terms {
        settings,
        instances: match configured.instances {
            config::Instances::Fresh => Instances::Fresh,
            config::Instances::Warm => Instances::Warm,
        },
        wasi: match configured.wasi {
            config::Wasi::None => Wasi::None,
            config::Wasi::Empty => Wasi::Empty,
        },
        trust: Trust {
            keys: config.signing.keys.clone(),
            required: config.signing.required.contains(&slot),
            pins: config.signing.pins(slot).to_vec(),
        },
    }
}

fn of(config: &Config, slot: SlotName) -> &config::Slot {
    match slot {
        SlotName::Auth => &config.auth.slot,
        SlotName::Limit => &config.limit,
        SlotName::History => &config.history,
        SlotName::Audit => &config.audit.slot,
        SlotName::Agent => &config.agent.slot,
    }
}
