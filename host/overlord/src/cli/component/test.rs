//! `overlord component test`: runs cases against a component of any language, all of them, each on an
//! instance of its own, and shows what differs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::difference::{Style, printable};
use super::{Verdict, junit};
use crate::cli::{runtime, say};
use crate::sandbox::cases::{self, Case, Finding};
use crate::sandbox::package::{self, Digest};
use crate::sandbox::{
    Agent, Audit, Auth, CodeCache, History, Limit, Loader, Policy, Sandbox, SlotName, Terms, Wasi, World,
    in_one_line, names_of,
};

/// The largest file of cases: one with a recorded session in each case takes a tenth.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The most files of cases: the number that one looks through.
const FILES_MAX: usize = 256;

/// The most cases of a run: at a millisecond each that is a coffee's time. A host runs fewer before a
/// component serves.
const CASES_MAX: usize = 10_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all cases hold, 1 some do not, 2 the component or the cases could not be read.
Differences are coloured on a terminal, unless NO_COLOR is set.")]
pub(in crate::cli) struct Test {
    /// The component
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// A file of cases, or a folder of them (*.toml); those that it carries where it is left out
    #[arg(long, value_name = "DIR|FILE.toml")]
    cases: Option<PathBuf>,
    /// Only the cases whose name contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Also write the outcome as `JUnit` XML
    #[arg(long, value_name = "OUT.xml")]
    junit: Option<PathBuf>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    /// What WASI the component is linked with, as in its slot
    #[arg(long, value_name = "WASI", value_enum, default_value = "none")]
    wasi: WasiChoice,
}

/// What WASI a component is linked with.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WasiChoice {
    None,
    Empty,
}

impl From<WasiChoice> for Wasi {
    fn from(choice: WasiChoice) -> Self {
        match choice {
            WasiChoice::None => Self::None,
            WasiChoice::Empty => Self::Empty,
        }
    }
}

/// A case that was run.
#[derive(Debug, Serialize)]
pub(super) struct Ran {
    pub(super) file: String,
    pub(super) name: String,
    #[serde(rename = "time_us", serialize_with = "micros")]
    pub(super) time: Duration,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// Whether it holds.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(super) enum Outcome {
    Holds,
    Differs {
        expected: String,
        found: String,
        /// Both with a field a line.
        #[serde(skip)]
        spread: (String, String),
    },
    Broken {
        why: String,
    },
    Cannot {
        why: String,
    },
}

/// A case and the file that it is in.
pub(super) struct Filed {
    pub(super) file: String,
    pub(super) case: Case,
}

pub(super) fn run(command: &Test) -> anyhow::Result<Verdict> {
    let bytes = super::read(&command.component)?;
    let about = || format!("{}", command.component.display());
    package::expect_component(&bytes).with_context(about)?;
    let mut listed = match &command.cases {
        Some(path) => cases_at(path)?,
        None => carried(&bytes).with_context(about)?,
    };
    let all = listed.len();
    if let Some(part) = &command.filter {
        listed.retain(|one| one.case.name.contains(part.as_str()));
    }
    if listed.is_empty() {
        bail!("none of {all} cases is to be run: give some with --cases, or another --filter");
    }
    let sandbox = Arc::new(Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?);
    let slot = names_of(&sandbox, &bytes).with_context(about)?.world().with_context(|| {
        format!("{} exports none of Overlord's interfaces, so no case can be called", about())
    })?;
    let loader = Loader::new(sandbox, CodeCache::none());
    let terms = Terms { wasi: command.wasi.into(), ..Terms::default() };
    let style = Style::of_this_terminal();
    let ran = runtime()?.block_on(async {
        match slot {
            SlotName::Auth => run_all::<Auth>(&loader, &bytes, terms, &listed).await,
            SlotName::Limit => run_all::<Limit>(&loader, &bytes, terms, &listed).await,
            SlotName::History => run_all::<History>(&loader, &bytes, terms, &listed).await,
            SlotName::Audit => run_all::<Audit>(&loader, &bytes, terms, &listed).await,
            SlotName::Agent => run_all::<Agent>(&loader, &bytes, terms, &listed).await,
        }
    });
    let ran = ran.with_context(about)?;
    if let Some(output) = &command.junit {
        let report = junit::report(&about(), &ran).context("cannot write XML")?;
        std::fs::write(output, report).with_context(|| format!("cannot write {}", output.display()))?;
    }
    let failures = ran.iter().filter(|ran| !matches!(ran.outcome, Outcome::Holds)).count();
    if command.json {
        let whole = serde_json::json!({
            "component": about(), "digest": Digest::of(&bytes).to_string(), "slot": slot.as_str(),
            "total": ran.len(), "failed": failures, "cases": ran,
        });
        say(&serde_json::to_string_pretty(&whole)?)?;
    } else {
        show(&ran, style)?;
        say(&format!("{} case{}, {failures} failed", ran.len(), if ran.len() == 1 { "" } else { "s" }))?;
    }
    Ok(if failures == 0 { Verdict::Good } else { Verdict::Bad })
}

/// Runs cases on a component that fits its world, whatever its own cases say.
async fn run_all<W: World>(
    loader: &Loader,
    bytes: &[u8],
    terms: Terms,
    listed: &[Filed],
) -> anyhow::Result<Vec<Ran>> {
    let policy = loader.prepare::<W>("component", bytes, terms).await?;
    Ok(run_on(&policy, listed).await)
}

/// Runs cases on a policy.
pub(super) async fn run_on<W: World>(policy: &Policy<W>, listed: &[Filed]) -> Vec<Ran> {
    let mut ran = Vec::new();
    for Filed { file, case } in listed {
        let tried = cases::try_one(policy, case).await;
        ran.push(Ran {
            file: file.clone(),
            name: case.name.clone(),
            time: tried.time,
            outcome: tried.finding.into(),
        });
    }
    ran
}

impl From<Finding> for Outcome {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::Holds => Self::Holds,
            Finding::Broken(why) => Self::Broken { why: in_one_line(&why) },
            Finding::Cannot(why) => Self::Cannot { why: in_one_line(&why) },
            Finding::Differs(difference) => {
                let (expected, found) = difference.lines();
                Self::Differs { expected, found, spread: difference.spread() }
            }
        }
    }
}

pub(super) fn show(ran: &[Ran], style: Style) -> anyhow::Result<()> {
    let mut file = "";
    for Ran { file: of, name, time, outcome } in ran {
        if of != file {
            say(&printable(of))?;
            file = of;
        }
        let word = match outcome {
            Outcome::Holds => style.word("ok    ", true),
            _ => style.word("FAILED", false),
        };
        say(&format!("  {word} {:>9}  {}", shown(*time), printable(name)))?;
        match outcome {
            Outcome::Holds => {}
            Outcome::Broken { why } => say(&format!("    the call breaks: {why}"))?,
            Outcome::Cannot { why } => say(&format!("    it cannot be called: {why}"))?,
            Outcome::Differs { spread: (expected, found), .. } => {
                for line in style.difference(expected, found).lines() {
                    say(&format!("    {line}"))?;
                }
            }
        }
    }
    Ok(())
}

/// The cases that a component carries.
fn carried(bytes: &[u8]) -> anyhow::Result<Vec<Filed>> {
    let text = package::cases_of(bytes)?.unwrap_or_default();
    let cases = cases::parse(&text)?;
    Ok(cases.into_iter().map(|case| Filed { file: "its own cases".to_owned(), case }).collect())
}

/// The cases of a file, or of all files of a folder in the order of their names.
fn cases_at(path: &Path) -> anyhow::Result<Vec<Filed>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = super::case_files(path)?;
        if files.len() > FILES_MAX {
            bail!("{} has {} files of cases, and {FILES_MAX} are read", path.display(), files.len());
        }
    }
    let mut listed = Vec::new();
    for file in files {
        let about = || format!("cannot read the cases {}", file.display());
        let size = std::fs::metadata(&file).with_context(about)?.len();
        if size > FILE_BYTES_MAX {
            bail!("{} has {size} bytes, and a file of cases may have {FILE_BYTES_MAX}", file.display());
        }
        let text = std::fs::read_to_string(&file).with_context(about)?;
        let cases = cases::read(&text).with_context(|| format!("{}", file.display()))?;
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        listed.extend(cases.into_iter().map(|case| Filed { file: name.clone(), case }));
        if listed.len() > CASES_MAX {
            bail!("{} has more than {CASES_MAX} cases, which is the most of one run", path.display());
        }
    }
    Ok(listed)
}

/// A time as a person reads it.
fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..1000.0 => format!("{micros:.1} µs"),
        ..1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody measures centuries")]
fn micros<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_nanos() as f64) / 1e3)
}
