//! `overlord rules`: sees and changes the rules of a running host, over its control socket.

mod table;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{ConfigFile, say};
use crate::capability::clock;
use crate::domain::Instant;
use crate::generation::{Stage, Standing};
use crate::sandbox::package::{COMPONENT_BYTES_MAX, Digest};
use crate::sandbox::{SlotName, in_one_line};
use crate::server::control::{self, Said};

/// The least digits of a digest that are taken for its beginning: fewer are soon those of two.
const PREFIX_DIGITS_MIN: usize = 6;

/// The command and its options.
#[derive(Debug, Args)]
#[command(
    after_help = "\
A component is loaded as the candidate, compared on live traffic (shadow), given to a share of the
callers (canary), and promoted or aborted; what has served before can be brought back (rollback).
The command speaks to the host over the socket in its data folder, so it needs the host's own
configuration, and to be run by the user that the host runs as, or by root. No component is asked
who you are: a broken auth component locks nobody out here.",
    args_conflicts_with_subcommands = false
)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print what the host answers, as JSON
    #[arg(long, global = true)]
    json: bool,
    /// The configuration file; also `OVERLORD_CONFIG`. Every key of it is also an environment variable
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what serves, what may serve next, what has served and what may not (also without a command)
    Status,
    /// Load a component as the candidate, checked like a changed file
    Load {
        /// The component
        file: PathBuf,
        /// Where it is to serve: auth, limit, history, audit or agent
        #[arg(long, value_parser = slot)]
        slot: SlotName,
        /// Which entry of the slot it replaces; the first where nothing is said
        #[arg(long)]
        entry: Option<String>,
    },
    /// Compare the candidate with what serves, on live traffic; nobody is answered by it
    Shadow,
    /// Let the candidate serve a share of the callers, the same ones each time
    Canary {
        /// More than 0, at most 100
        percent: f64,
    },
    /// Make the candidate serve everybody
    Promote,
    /// Let go of the candidate
    Abort,
    /// Let a generation serve again that has served before
    Rollback {
        /// Its number; the last one where nothing is said
        number: Option<u64>,
    },
    /// Keep a component from serving, wherever its file lies
    Quarantine {
        /// Its digest, or the beginning of it where the host knows it
        digest: String,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a component serve again that is in quarantine
    Release {
        /// Its digest, or the beginning of it
        digest: String,
    },
}

/// What is sent to the host.
struct Wish {
    method: &'static str,
    path: String,
    content_type: &'static str,
    body: Vec<u8>,
}

fn slot(text: &str) -> Result<SlotName, String> {
    let slots = || SlotName::ALL.map(SlotName::as_str).join(", ");
    SlotName::of(text).ok_or_else(|| format!("there are the slots {}", slots()))
}

pub(super) fn run(command: &Rules) -> anyhow::Result<()> {
    let (config, _) = ConfigFile { config: command.config.clone() }.load()?;
    let data = config.data.as_path();
    super::runtime()?.block_on(async {
        let wanted = command.command.as_ref().unwrap_or(&Command::Status);
        if matches!(wanted, Command::Status) {
            let said = sent(data, Wish::get("/admin/api/rules")).await.context("cannot show the rules")?;
            return shown(command, None, wanted, said);
        }
        let doing = wanted.doing();
        let before = sent(data, Wish::get("/admin/api/rules")).await.with_context(|| doing.clone())?;
        let before = standing(&before)?;
        let wish = wanted.wish(&before).with_context(|| doing.clone())?;
        let said = sent(data, wish).await.context(doing)?;
        shown(command, Some(&before), wanted, said)
    })
}

/// Prints what came of a command.
fn shown(command: &Rules, before: Option<&Standing>, wanted: &Command, said: Said) -> anyhow::Result<()> {
    if command.json {
        return say(&String::from_utf8(said.body).context("the host's answer is no text")?);
    }
    let after = standing(&said)?;
    let Some(before) = before else { return say(&table::whole(&after, clock::now())) };
    say(&wanted.done(before, &after, clock::now()))
}

fn standing(said: &Said) -> anyhow::Result<Standing> {
    serde_json::from_slice(&said.body)
        .context("the host's answer is not understood: it may be of another version than this command")
}

/// Asks the host; what it refuses is an error in its own words.
async fn sent(data: &Path, wish: Wish) -> anyhow::Result<Said> {
    let said = control::ask(data, wish.method, &wish.path, wish.content_type, wish.body).await?;
    if said.done {
        return Ok(said);
    }
    let detail = serde_json::from_slice::<serde_json::Value>(&said.body).ok();
    match detail.as_ref().and_then(|body| body["detail"].as_str()) {
        Some(detail) => bail!("{}", in_one_line(detail)),
        None => bail!("the host answered with status {}", said.status),
    }
}

impl Wish {
    fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), content_type: "application/json", body: Vec::new() }
    }

    fn of(method: &'static str, path: impl Into<String>, body: &serde_json::Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { method, path: path.into(), content_type: "application/json", body }
    }
}

impl Command {
    /// What cannot be done where it cannot.
    fn doing(&self) -> String {
        match self {
            Self::Status => "cannot show the rules".to_owned(),
            Self::Load { file, slot, .. } => format!("cannot load {} for {slot}", file.display()),
            Self::Shadow => "cannot compare the candidate".to_owned(),
            Self::Canary { percent } => format!("cannot let the candidate serve {percent} % of the callers"),
            Self::Promote => "cannot promote the candidate".to_owned(),
            Self::Abort => "cannot let go of the candidate".to_owned(),
            Self::Rollback { number: None } => "cannot go back to the last generation".to_owned(),
            Self::Rollback { number: Some(number) } => format!("cannot go back to generation {number}"),
            Self::Quarantine { digest, .. } => format!("cannot quarantine {}", in_one_line(digest)),
            Self::Release { digest } => format!("cannot release {}", in_one_line(digest)),
        }
    }

    fn wish(&self, before: &Standing) -> anyhow::Result<Wish> {
        const CANDIDATE: &str = "/admin/api/candidate";
        let none = json!({});
        Ok(match self {
            Self::Status => Wish::get("/admin/api/rules"),
            Self::Load { file, slot, entry } => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("slot", slot.as_str());
                if let Some(entry) = entry {
                    query.append_pair("entry", entry);
                }
                Wish {
                    method: "POST",
                    path: format!("{CANDIDATE}?{}", query.finish()),
                    content_type: "application/wasm",
                    body: read(file)?,
                }
            }
            Self::Shadow => Wish::of("POST", format!("{CANDIDATE}/shadow"), &none),
            Self::Canary { percent } => {
                Wish::of("POST", format!("{CANDIDATE}/canary"), &json!({ "percent": percent }))
            }
            Self::Promote => Wish::of("POST", format!("{CANDIDATE}/promote"), &none),
            Self::Abort => Wish { body: Vec::new(), ..Wish::of("DELETE", CANDIDATE, &none) },
            Self::Rollback { number: None } => Wish::of("POST", "/admin/api/rollback", &none),
            Self::Rollback { number } => Wish::of("POST", "/admin/api/rollback", &json!({ "to": number })),
            Self::Quarantine { digest, reason } => {
                let mut body = json!({ "digest": meant(digest, before)?.to_string() });
                if let Some(reason) = reason {
                    body["reason"] = reason.as_str().into();
                }
                Wish::of("POST", "/admin/api/quarantine", &body)
            }
            Self::Release { digest } => {
                let path = format!("/admin/api/quarantine/{}", meant(digest, before)?);
                Wish { body: Vec::new(), ..Wish::of("DELETE", path, &none) }
            }
        })
    }

    /// What was done, for people.
    fn done(&self, before: &Standing, after: &Standing, now: Instant) -> String {
        let candidate = || after.candidate.as_ref().map(|it| table::candidate(it, after, now));
        match self {
            Self::Status => table::whole(after, now),
            Self::Load { .. } | Self::Shadow | Self::Canary { .. } => {
                let mut said = candidate().unwrap_or_else(|| "there is no candidate".to_owned());
                if after.candidate.as_ref().is_some_and(|it| it.stage == Stage::Loaded) {
                    said.push_str(
                        "\nnext: `overlord rules shadow` compares it, `canary PERCENT` tries it, `abort` lets go of it",
                    );
                }
                said
            }
            Self::Promote | Self::Rollback { .. } => table::exchanged(before, after),
            Self::Abort => {
                format!("there is no candidate any more; generation {} serves on", after.serving.number)
            }
            Self::Quarantine { .. } | Self::Release { .. } => table::quarantined(after, now),
        }
    }
}

/// The digest that begins so, of those that the host knows.
fn meant(text: &str, standing: &Standing) -> anyhow::Result<Digest> {
    let text = text.to_ascii_lowercase();
    if let Some(digest) = Digest::parse(&text) {
        return Ok(digest);
    }
    let served = std::iter::once(&standing.serving).chain(&standing.previous);
    let entries = served.map(|served| &served.entries).chain(standing.candidate.iter().map(|it| &it.entries));
    let known = entries.flatten().map(|entry| entry.digest);
    let known = known.chain(standing.quarantined.iter().map(|it| it.digest));
    let mut found: Vec<Digest> = known.filter(|digest| digest.to_string().starts_with(&text)).collect();
    found.sort_by_key(ToString::to_string);
    found.dedup();
    match found.as_slice() {
        _ if text.len() < PREFIX_DIGITS_MIN => {
            bail!("a digest has 64 hexadecimal digits; give at least its first {PREFIX_DIGITS_MIN}")
        }
        [one] => Ok(*one),
        [] => bail!("the host knows no digest that begins so; `overlord rules` shows those that it knows"),
        several => bail!("{} digests begin so; give more of it", several.len()),
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        bail!("it is larger than a component may be, which is {COMPONENT_BYTES_MAX} bytes");
    }
    Ok(bytes)
}
