//! `overlord check`: would a host with this configuration come up, and what would serve in it?

use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::{ConfigFile, say};
use crate::generation::{Candidate, CandidateError, Kept, Shelf};
use crate::host::plan;
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
    let shelf = Shelf { components: config.components.clone() };
    let (bad, all) = super::runtime()?.block_on(async {
        let sandbox = Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let loader = Loader::new(Arc::new(sandbox), CodeCache::none());
        let (mut bad, mut all) = (0, 0);
        let plan = plan(&config, &[NO_SECRET.to_owned()], &config.workspace);
        let entries = SlotName::ALL
            .into_iter()
            .flat_map(|slot| plan.entries(slot).iter().map(move |entry| (slot, entry)));
        for (slot, entry) in entries {
            all += 1;
            let component = &entry.component;
            let outcome = match shelf.take(&Kept::none(), &plan, slot, component) {
                Ok(taken) => Candidate::load(&loader, slot, component, &taken.bytes, entry.terms.clone())
                    .await
                    .map_err(|error| CandidateError::Load { path: shelf.path(component), error }),
                Err(error) => Err(error),
            };
            let name = if entry.name == *component {
                component.clone()
            } else {
                format!("{}:{component}", entry.name)
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
        anyhow::Ok((bad, all))
    })?;
    if bad > 0 {
        bail!("{bad} of {all} components may not serve");
    }
    Ok(())
}
