//! `overlord check`: would a host with this configuration come up, and what would serve in it?

use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::{ConfigFile, say};
use crate::generation::{Candidate, CandidateError, Shelf};
use crate::host::terms;
use crate::sandbox::{CodeCache, Loader, Sandbox, SlotName};

/// The command and its options.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
}

/// Stands in for the secrets, which a check need not know.
const NO_SECRET: &str = "a stand-in for the secret while components are checked";

pub(super) fn run(command: &Check) -> anyhow::Result<()> {
    let (config, _) = command.config.load()?;
    match &config.file {
        Some(file) => say(&format!("configuration  {}  good", file.display()))?,
        None => say("configuration  defaults and environment  good")?,
    }
    for warning in &config.warnings {
        say(&format!("warning        {warning}"))?;
    }
    let shelf = Shelf { components: config.components.clone(), last_good: None };
    let bad = super::runtime()?.block_on(async {
        let sandbox = Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let loader = Loader::new(Arc::new(sandbox), CodeCache::none());
        let mut bad = 0;
        for slot in SlotName::ALL {
            let terms = terms(&config, slot, &[NO_SECRET.to_owned()], &config.workspace);
            let name = match slot {
                SlotName::Auth => &config.auth.slot.component,
                SlotName::Limit => &config.limit.component,
                SlotName::History => &config.history.component,
                SlotName::Audit => &config.audit.slot.component,
                SlotName::Agent => &config.agent.slot.component,
            };
            let outcome = match shelf.take(slot, name, &terms.trust) {
                Ok(taken) => Candidate::load(&loader, slot, name, &taken.bytes, terms)
                    .await
                    .map_err(|error| CandidateError::Load { path: shelf.path(name), error }),
                Err(error) => Err(error),
            };
            match outcome {
                Ok((candidate, 0)) => {
                    say(&format!(
                        "{slot:<14} {name}@{}  good, carries no cases",
                        candidate.digest().short()
                    ))?;
                }
                Ok((candidate, cases)) => {
                    say(&format!(
                        "{slot:<14} {name}@{}  good, {cases} cases hold",
                        candidate.digest().short()
                    ))?;
                }
                Err(error) => {
                    bad += 1;
                    say(&format!("{slot:<14} {name}  BAD: {error}"))?;
                }
            }
        }
        anyhow::Ok(bad)
    })?;
    if bad > 0 {
        bail!("{bad} of {} components may not serve", SlotName::ALL.len());
    }
    Ok(())
}
