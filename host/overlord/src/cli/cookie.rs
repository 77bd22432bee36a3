//! `overlord cookie`: signs a user in without a browser, with the secrets of the configuration.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::ConfigFile;
use crate::capability::clock;
use crate::config::Config;
use crate::domain::Principal;
use crate::generation::{Kept, Shelf};
use crate::host::{DataFolder, plan};
use crate::sandbox::hooks::Issued;
use crate::sandbox::{Auth, CodeCache, Loader, Sandbox, SlotName};

/// The command and its options.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  curl -b \"$(overlord cookie alice)\" -X POST http://127.0.0.1:8767/agent/sessions/new

The auth component issues it, so it is good for as long as that component's settings say. It needs
the same configuration as the host (the data folder holds the generated secret), and no running one.")]
pub(super) struct Cookie {
    /// The user's name
    user: String,
    /// A role of theirs, such as admin; may come more than once
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn run(command: &Cookie) -> anyhow::Result<()> {
    let (config, _) = command.config.load()?;
    let who = Principal { user: command.user.clone(), roles: command.role.clone() };
    let issued = issue(&config, &who)?;
    super::say(&format!("{}={}", issued.name, issued.value))
}

/// What the auth components of a configuration issue: the first one that does not say that it cannot.
pub(super) fn issue(config: &Config, who: &Principal) -> anyhow::Result<Issued> {
    let folder = DataFolder::open(&config.data)?;
    let secrets = folder.secrets(&config.secrets)?;
    let shelf = Shelf { components: config.components.clone() };
    let plan = plan(config, &secrets, &config.workspace);
    super::runtime()?.block_on(async {
        let sandbox = Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let loader = Loader::new(Arc::new(sandbox), CodeCache::at(&folder.path().join("compiled")));
        let mut why = anyhow::anyhow!("the slot auth holds no component");
        for entry in plan.entries(SlotName::Auth) {
            let name = &entry.component;
            let bytes = shelf.take(&Kept::none(), &plan, SlotName::Auth, name)?.bytes;
            let said = || format!("cannot issue a cookie with {}", shelf.path(name).display());
            let policy =
                loader.prepare::<Auth>(name, &bytes, entry.terms.clone()).await.with_context(said)?;
            match policy.issue(who, clock::now()).await.with_context(said) {
                Ok(issued) => return Ok(issued),
                Err(error) => why = error,
            }
        }
        Err(why)
    })
}
