//! `overlord component check`: would this file serve in its slot, and what would it cost? Looks at one
//! file alone; needs no running host, and disturbs none.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::Verdict;
use super::difference::Style;
use super::report::{Cost, Import, Limits, Report, Signature};
use super::test::{Filed, Outcome, Ran, run_on};
use crate::cli::{ConfigFile, runtime};
use crate::config::{Config, Surroundings};
use crate::host::plan;
use crate::sandbox::package::{self, Digest};
use crate::sandbox::signature;
use crate::sandbox::{
    Agent, Audit, Auth, CodeCache, History, Instances, Limit, LoadError, Loader, Sandbox, SlotName, Terms,
    Trial, Trust, Wasi, World, grants, in_one_line, measure, names_of, try_settings,
};

/// Stands in for the secrets, which a check need not know.
const NO_SECRET: &str = "a stand-in for the secret while a component is checked";

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 it may serve, 1 it may not, 2 the file or the configuration could not be read.
Times are those of this machine, as it is now: the cases that the component carries, called again
and again, or the host's own harmless question where it carries none.")]
pub(in crate::cli) struct Check {
    /// The component
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// The slot that it is for; the one whose interface it exports where it is left out
    #[arg(long, value_name = "SLOT", value_parser = slot_of)]
    slot: Option<SlotName>,
    #[command(flatten)]
    config: ConfigFile,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

fn slot_of(text: &str) -> Result<SlotName, String> {
    SlotName::ALL
        .into_iter()
        .find(|slot| slot.as_str() == text)
        .ok_or_else(|| "there are auth, limit, history, audit and agent".to_owned())
}

pub(super) fn run(command: &Check) -> anyhow::Result<Verdict> {
    let bytes = super::read(&command.component)?;
    let mut report = Report {
        file: command.component.display().to_string(),
        size: bytes.len(),
        digest: Digest::of(&bytes).to_string(),
        ..Report::default()
    };
    runtime()?.block_on(look(command, &bytes, &mut report))?;
    if command.json {
        crate::cli::say(&serde_json::to_string_pretty(&report)?)?;
    } else {
        report.show(Style::of_this_terminal())?;
    }
    Ok(if report.problems.is_empty() { Verdict::Good } else { Verdict::Bad })
}

async fn look(command: &Check, bytes: &[u8], report: &mut Report) -> anyhow::Result<()> {
    if let Err(error) = package::expect_component(bytes) {
        report.problems.push(error.to_string());
        return Ok(());
    }
    let sandbox = Arc::new(Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?);
    let names = match names_of(&sandbox, bytes) {
        Ok(names) => names,
        Err(error) => {
            report.problems.push(in_one_line(&error.to_string()));
            return Ok(());
        }
    };
    report.exports.clone_from(&names.exports);
    let Some(slot) = command.slot.or_else(|| names.world()) else {
        report.imports = names.imports.into_iter().map(|name| Import { name, granted: false }).collect();
        report.problems.push("it exports none of the interfaces that a slot calls".to_owned());
        return Ok(());
    };
    let config = config(command, slot)?;
    report.configuration = config
        .file
        .as_ref()
        .map_or_else(|| "defaults and environment".to_owned(), |file| file.display().to_string());
    let plan = plan(&config, &[NO_SECRET.to_owned()], &config.workspace);
    let entries = plan.entries(slot);
    // The entry that holds a component of this file's name, or else the slot's first.
    let name = command.component.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let entry = entries.iter().find(|entry| entry.component == name).unwrap_or(&entries[0]);
    let terms = entry.terms.clone();
    let loader = Loader::new(sandbox, CodeCache::none());
    match slot {
        SlotName::Auth => look_as::<Auth>(&loader, bytes, names.imports, terms, report).await,
        SlotName::Limit => look_as::<Limit>(&loader, bytes, names.imports, terms, report).await,
        SlotName::History => look_as::<History>(&loader, bytes, names.imports, terms, report).await,
        SlotName::Audit => look_as::<Audit>(&loader, bytes, names.imports, terms, report).await,
        SlotName::Agent => look_as::<Agent>(&loader, bytes, names.imports, terms, report).await,
    }
    Ok(())
}

/// The configuration at hand, as if its slot named this component: the defaults of another's settings
/// are not for it.
fn config(command: &Check, slot: SlotName) -> anyhow::Result<Config> {
    let mut surroundings = Surroundings::of_this_process()?;
    let stem = command.component.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !stem.is_empty() && !stem.starts_with('-') && stem.bytes().all(plain) {
        let variable = format!("OVERLORD_{}_COMPONENT", slot.as_str().to_uppercase());
        surroundings.environment.push((variable.into(), stem.into()));
    }
    Config::load(command.config.config.as_deref(), &surroundings).context("cannot read the configuration")
}

async fn look_as<W: World>(
    loader: &Loader,
    bytes: &[u8],
    imports: Vec<String>,
    terms: Terms,
    report: &mut Report,
) {
    report.world = Some(W::NAME);
    report.slot = Some(W::SLOT.as_str());
    report.imports = imports
        .into_iter()
        .map(|name| Import { granted: grants(W::GRANTS, &name, terms.wasi), name })
        .collect();
    report.limits = Some(Limits {
        memory_bytes: W::LIMITS.memory_bytes,
        computing_ms: W::LIMITS.time().as_millis(),
        output_bytes: W::LIMITS.output_bytes,
        instances: if terms.instances == Instances::Warm { "warm" } else { "fresh" },
        wasi: if terms.wasi == Wasi::Empty { "empty" } else { "none" },
    });
    let digest = Digest::of(bytes);
    // The pin and the signature apart: both are said.
    let pins = Trust { required: false, ..terms.trust.clone() };
    let signature = Trust { pins: Vec::new(), ..terms.trust.clone() };
    for trust in [pins, signature] {
        if let Err(error) = trust.check(W::SLOT, digest, bytes) {
            report.problems.push(error.to_string());
        }
    }
    report.signature = signature_of(bytes, digest, &terms);
    let problem = |error: LoadError| in_one_line(&error.to_string());
    let filed = match package::cases_of(bytes)
        .map_err(LoadError::from)
        .and_then(|text| crate::sandbox::cases::parse(&text.unwrap_or_default()).map_err(LoadError::from))
    {
        Ok(cases) => cases,
        Err(error) => {
            report.problems.push(problem(error));
            Vec::new()
        }
    };
    let component = match loader.compile(digest, bytes).await {
        Ok(component) => component,
        Err(error) => return report.problems.push(problem(error)),
    };
    let obstacles = loader.obstacles::<W>(&component, terms.wasi);
    if !obstacles.is_empty() {
        return report.problems.extend(obstacles.into_iter().map(problem));
    }
    let policy = match loader.fit::<W>("component", digest, &component, terms.clone()).await {
        Ok(policy) => policy,
        Err(error) => return report.problems.push(problem(error)),
    };
    match try_settings(&policy).await {
        Trial::Answered => report.settings_taken = Some(true),
        Trial::Fault(fault) => {
            report.settings_taken = Some(false);
            report.problems.push(problem(LoadError::Settings { slot: W::SLOT, fault }));
        }
        Trial::Broke(why) => report.problems.push(problem(LoadError::Trial(why))),
    }
    report.cost = measure(&policy, &filed).await.map(|cost| Cost {
        fresh: cost.fresh.into(),
        warm: cost.warm.map(Into::into),
        memory_at_start_bytes: cost.memory_at_start,
        memory_after_bytes: cost.memory_after,
    });
    if terms.instances == Instances::Warm && report.cost.as_ref().is_some_and(|cost| cost.warm.is_none()) {
        report.problems.push(format!(
            "an instance of it breaks when it is called again, and the slot `{0}` keeps instances warm \
             (`{0}.instances`)",
            W::SLOT
        ));
    }
    let filed: Vec<_> =
        filed.into_iter().map(|case| Filed { file: "its own cases".to_owned(), case }).collect();
    report.cases = run_on(&policy, &filed).await;
    for Ran { name, outcome, .. } in &report.cases {
        let why = match outcome {
            Outcome::Holds => continue,
            Outcome::Differs { .. } => "does not hold, as shown above".to_owned(),
            Outcome::Broken { why } => format!("breaks: {why}"),
            Outcome::Cannot { why } => format!("cannot be called: {why}"),
        };
        report.problems.push(format!("its case \"{}\" {why}", in_one_line(name)));
    }
}

fn signature_of(bytes: &[u8], digest: Digest, terms: &Terms) -> Signature {
    let trust = &terms.trust;
    let mut shown = Signature {
        required: trust.required,
        pinned: (!trust.pins.is_empty()).then(|| trust.pinned(digest)),
        ..Signature::default()
    };
    match signature::signers(bytes) {
        Ok(signers) => {
            shown.by = signers.known(&trust.keys).map(|key| key.name().to_owned());
            shown.keys = signers.shown(&trust.keys);
        }
        Err(error) => shown.error = Some(error.to_string()),
    }
    shown
}
