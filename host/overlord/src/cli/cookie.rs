//! `overlord cookie`: signs a user in without a browser, with the secrets of the configuration.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::ConfigFile;
use crate::capability::clock;
use crate::config::Config;
use crate::domain::Principal;
use crate::generation::Shelf;
use crate::host::{DataFolder, terms};
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

/// What the auth component of a configuration issues.
pub(super) fn issue(config: &Config, who: &Principal) -> anyhow::Result<Issued> {
    let folder = DataFolder::open(&config.data)?;
    let secrets = folder.secrets(&config.secrets)?;
    let name = &config.auth.slot.component;
    let shelf = Shelf { components: config.components.clone(), last_good: None };
    let terms = terms(config, SlotName::Auth, &secrets, &config.workspace);
    let bytes = shelf.take(SlotName::Auth, name, &terms.trust)?.bytes;
    let issued = super::runtime()?.block_on(async {
        let sandbox = Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let loader = Loader::new(Arc::new(sandbox), CodeCache::at(&folder.path().join("compiled")));
        let policy = loader.prepare::<Auth>(name, &bytes, terms).await?;
        anyhow::Ok(policy.issue(who, clock::now()).await?)
    });
    issued.with_context(|| format!("cannot issue a cookie with {}", shelf.path(name).display()))
}
