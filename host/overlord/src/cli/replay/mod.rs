//! `overlord replay`: what another component would have decided.

mod print;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{ConfigFile, component};
use crate::capability::clock;
use crate::capability::decisions::{FOLDER, KeyedHash, Slot as Series};
use crate::config::Config;
use crate::generation::Candidate;
use crate::host::{DECISIONS_KEY, plan};
use crate::replay::{Pair, Recorded, Survey, Window, replay, survey};
use crate::sandbox::package::Digest;
use crate::sandbox::{CodeCache, Loader, Sandbox, SlotName, Terms, World, in_one_line};

/// It could not run.
const COULD_NOT: u8 = 2;

/// The command and its options.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord replay --slot limit --candidate new.wasm --since 7d
  overlord replay --slot audit --candidate new.wasm --since 2026-11-28T09:00:00Z --json

The candidate gets the settings that the configuration at hand gives to its slot, and a state of its
own, which begins as recorded. No running host is needed and none is disturbed: nothing is written.

Exit codes: 0 no decision differs, 1 some do, 2 it could not run and says why.")]
pub(super) struct Replay {
    /// The slot whose decisions are made again
    #[arg(long, value_enum)]
    slot: Slot,
    /// The component to make them with
    #[arg(long, value_name = "FILE")]
    candidate: PathBuf,
    /// From when on: 90s, 5m, 12h or 7d ago, or a time such as 2026-11-28T09:00:00Z; everything
    /// that is recorded where it is left out
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// The entry of the slot, where more than one has decided
    #[arg(long, value_name = "NAME")]
    entry: Option<String>,
    /// How many differences to describe one by one
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    show: usize,
    /// Print one JSON object instead; the sentence at the end goes to standard error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Slot {
    Auth,
    Limit,
    Audit,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    /// Milliseconds since the Unix epoch.
    At(u64),
}

/// What a report is about.
struct About {
    slot: SlotName,
    entry: String,
    file: PathBuf,
    candidate: Digest,
    /// None where the key is not at hand.
    same_settings: Option<bool>,
    beside: bool,
}

/// Runs the command; gives the exit code.
pub(super) fn run(command: &Replay) -> ExitCode {
    match differs(command) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("overlord: {error:#}");
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Whether anything does.
fn differs(command: &Replay) -> anyhow::Result<bool> {
    let (slot, series) = match command.slot {
        Slot::Limit => (SlotName::Limit, Series::Limit),
        Slot::Audit => (SlotName::Audit, Series::Audit),
        Slot::Auth => bail!(
            "decisions of the slot auth cannot be made again: what they are made on, credentials, is never \
             stored; try a component on cases of its own instead (`overlord component new --cases DIR`)"
        ),
    };
    let (config, _) = command.config.load()?;
    let folder = config.data.join(FOLDER);
    let since = command.since.map_or(0, Since::millis);
    let found = survey(&folder, series, since)?;
    let (entry, recorded) = chosen(&found, command, &folder)?;
    let bytes = component::read(&command.candidate)?;
    let plan = plan(&config, &[], &config.workspace);
    let configured = plan.entries(slot).iter().find(|known| known.name == entry);
    let terms = configured.unwrap_or(&plan.entries(slot)[0]).terms.clone();
    super::runtime()?.block_on(async {
        let sandbox = Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        // No cache: the data folder is another process's.
        let loader = Loader::new(Arc::new(sandbox), CodeCache::none());
        let pair = pair(&loader, slot, &command.candidate, &bytes, &terms, recorded, &config).await?;
        let about = About {
            slot,
            entry: entry.clone(),
            file: command.candidate.clone(),
            candidate: Digest::of(&bytes),
            same_settings: keyed(&config).map(|keyed| keyed.settings(&terms.settings) == recorded.settings),
            beside: matches!(&pair, Pair::Limit(_, Some(_)) | Pair::Audit(_, Some(_))),
        };
        let window = Window { entry, since, last: recorded.last };
        let report = replay(&folder, &pair, &window, command.show, progress(recorded.decisions)).await;
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
        let report = report?;
        if command.json {
            print::json(&about, recorded, &report)?;
            eprintln!("{}", print::sentence(&report));
        } else {
            print::text(&about, recorded, &report)?;
        }
        Ok(report.differ > 0)
    })
}

/// The entry that is meant.
fn chosen<'a>(found: &'a Survey, command: &Replay, folder: &Path) -> anyhow::Result<(String, &'a Recorded)> {
    let names = || found.entries.keys().map(|name| in_one_line(name)).collect::<Vec<_>>().join(", ");
    let Some(newest) = found.newest else {
        bail!(
            "nothing is recorded of this slot in {}; `decisions.record` must not be false, and the host must \
             have decided something since (look at `data` in the configuration: --config, OVERLORD_DATA)",
            folder.display()
        );
    };
    if found.entries.is_empty() {
        bail!("no decision of this slot is that young; the newest is of {}", print::time(newest));
    }
    match &command.entry {
        Some(name) => match found.entries.get(name) {
            Some(recorded) => Ok((name.clone(), recorded)),
            None => bail!("the entry `{name}` has decided nothing in that time; these have: {}", names()),
        },
        None if found.entries.len() > 1 => {
            bail!("several entries of this slot have decided; choose one with --entry: {}", names())
        }
        None => {
            Ok(found.entries.iter().next().map(|(name, recorded)| (name.clone(), recorded)).expect("one"))
        }
    }
}

/// The candidate, and the component that made the last decisions, where its bytes are found.
async fn pair(
    loader: &Loader,
    slot: SlotName,
    file: &Path,
    bytes: &[u8],
    terms: &Terms,
    recorded: &Recorded,
    config: &Config,
) -> anyhow::Result<Pair> {
    let name =
        file.file_stem().map_or_else(|| "candidate".into(), |stem| stem.to_string_lossy().into_owned());
    let candidate = Candidate::load(loader, slot, &name, bytes, terms.clone()).await;
    let (candidate, _) = candidate.with_context(|| format!("{} cannot take part", file.display()))?;
    let own = (Digest::of(bytes).to_string() == recorded.digest).then(|| bytes.to_vec());
    let bytes = own.or_else(|| found(config, &recorded.digest));
    Ok(match candidate {
        Candidate::Limit(policy) => Pair::Limit(policy, beside(loader, bytes, terms, recorded).await),
        Candidate::Audit(policy) => Pair::Audit(policy, beside(loader, bytes, terms, recorded).await),
        _ => bail!("{} is loaded for another slot than asked", file.display()),
    })
}

async fn beside<W: World>(
    loader: &Loader,
    bytes: Option<Vec<u8>>,
    terms: &Terms,
    recorded: &Recorded,
) -> Option<Arc<crate::sandbox::Policy<W>>> {
    // What served once and does not fit any more is only not measured.
    loader.prepare::<W>(&recorded.component, &bytes?, terms.clone()).await.ok().map(Arc::new)
}

/// The bytes of this digest: what served last, or what lies in the components folder.
fn found(config: &Config, digest: &str) -> Option<Vec<u8>> {
    [config.data.join("kept"), config.components.clone()].iter().find_map(|folder| {
        let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        files
            .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
            .filter_map(|path| component::read(&path).ok())
            .find(|bytes| Digest::of(bytes).to_string() == digest)
    })
}

/// The key that settings were hashed with, if it is there to be read.
fn keyed(config: &Config) -> Option<KeyedHash> {
    KeyedHash::from_hex(&std::fs::read_to_string(config.data.join(DECISIONS_KEY)).ok()?)
}

/// Says how far it is, where somebody looks on.
fn progress(all: u64) -> impl FnMut(u64) + Send + 'static {
    let looked_at = std::io::stderr().is_terminal();
    move |done| {
        if looked_at {
            let mut error = std::io::stderr();
            let _ = write!(error, "\r{done} of {all} decisions").and_then(|()| error.flush());
        }
    }
}

impl Since {
    fn millis(self) -> u64 {
        match self {
            Self::At(millis) => millis,
            Self::Ago(time) => {
                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                clock::now().0.saturating_sub(millis)
            }
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(time) = humantime::parse_duration(text) {
        return Ok(Since::Ago(time));
    }
    let at = text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    at.map(Since::At).ok_or_else(|| {
        "write how long ago (90s, 5m, 12h, 7d), or a time with its zone (2026-11-28T09:00:00Z)".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_in_either_way() {
        let ago = |seconds| Ok(Since::Ago(Duration::from_secs(seconds)));
        assert_eq!(since("90s"), ago(90));
        assert_eq!(since("5m"), ago(300));
        assert_eq!(since("12h"), ago(12 * 3600));
        assert_eq!(since("7d"), ago(7 * 24 * 3600));
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(Since::At(1000)));
        assert_eq!(since("1970-01-01T01:00:01.5+01:00"), Ok(Since::At(1500)));
        for wrong in ["", "7", "yesterday", "1969-12-31T00:00:00Z", "2026-11-28", "-5m"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
