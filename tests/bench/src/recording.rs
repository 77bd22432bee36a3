//! What it costs to record decisions, on a limiter's decision alone and on a whole question, and how
//! fast a recording of 100,000 is replayed. The recording is made here, by the limiter's own code
//! natively and the host's own writer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use limit_window::decision::{self, Load, decide};
use limit_window::settings::Settings;
use overlord::capability::decisions::{Bounds, Decisions, FOLDER, Slot};
use overlord::domain::decision::{Bytes, Decision, Limited, Said};
use overlord::domain::{self, Principal};
use overlord::sandbox::package::Digest;
use overlord::sandbox::{CodeCache, Limit, Loader, Sandbox, Terms, hooks};
use overlord::stages::{Asked, Remember};
use overlord_tests::host::{Setup, built};

use crate::cookie_check::USER;
use crate::samples::Samples;
use crate::table::{Aim, Beside, Row};

/// How many decisions are replayed, and how long that may take in seconds.
const DECISIONS: u64 = 100_000;
const REPLAY_AIM_S: f64 = 10.0;

/// By how many users, and how long after another each question comes: 72 an hour of each, of which 60
/// are admitted, so that cells are as large as they get.
const USERS: u64 = 500;
const APART_MS: u64 = 100;
const BEGAN: u64 = 1_800_000_000_000;

/// How many decisions the writer is given before it is waited for: fewer than its queue holds.
const LOT: u64 = 4096;

/// What recording may add to a limiter's decision, in microseconds, and to a question, in milliseconds.
const DECISION_AIM_US: f64 = 5.0;
const ASK_AIM_MS: f64 = 1.0;

/// The demo agent without its pauses, and more questions than are asked.
const MESSAGE: &str = "hello demo:fast";
const RATE_MAX: &str = "8000";

/// The shortest key.
const KEY: &str = "00112233445566778899aabbccddeeff";

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    Ok(vec![on_a_decision(quick)?, on_a_question(quick)?, replay(quick)?])
}

fn bounds() -> Bounds {
    Bounds { max_bytes: 1 << 30, keep: Duration::MAX }
}

fn on_a_decision(quick: bool) -> anyhow::Result<Row> {
    let turns = if quick { 4 } else { 80 };
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let file = built("target/components/limit-window.wasm");
    let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    runtime.block_on(async {
        let loader = Loader::new(Arc::new(Sandbox::new()?), CodeCache::none());
        let policy = loader.load::<Limit>("limit-window", &bytes, Terms::default()).await?.policy;
        let recording = Remember::start(folder.path(), KEY, bounds(), &[])?;
        let who = Principal { user: USER.to_owned(), roles: Vec::new() };
        let mut cell = Vec::new();
        for asked in 0..59 {
            let outcome = decide(&Settings::DEFAULT, BEGAN + asked, IDLE, &cell)?;
            cell = outcome.cell.context("an admitted question is remembered")?;
        }
        let (mut with, mut without) = (Samples::default(), Samples::default());
        for turn in 0..=turns {
            for (remember, samples) in [(&recording, &mut with), (&Remember::default(), &mut without)] {
                for _ in 0..250 {
                    let now = domain::Instant(BEGAN + 1000);
                    let load = hooks::Load::default();
                    let begun = Instant::now();
                    let asked = Asked { who: &who, now, load, key: "user:bench", before: &cell };
                    let mut deciding = remember.limit("limit-window", &policy, asked);
                    let outcome = policy.admit(&who, now, load, &cell).await;
                    deciding.answered(&outcome);
                    deciding.committed();
                    drop(deciding);
                    // The first turn is for caches of all sorts.
                    if turn > 0 {
                        samples.push(begun.elapsed().as_secs_f64() * 1e6);
                    }
                }
                recording.flush().await;
            }
        }
        let dropped = recording.counts().map_or(0, overlord::capability::decisions::Counts::dropped);
        ensure!(dropped == 0, "{dropped} decisions were dropped: what was measured is not what it costs");
        Ok(Row {
            what: "limiter admit, fresh instance, recorded".to_owned(),
            unit: "µs",
            figure: with.summary(),
            beside: Beside { what: "not recorded", figure: without.summary() },
            aim: Some(Aim::OverComparison(DECISION_AIM_US)),
        })
    })
}

fn on_a_question(quick: bool) -> anyhow::Result<Row> {
    let questions = if quick { 10 } else { 200 };
    let with = Setup::new().with("AGENT_RATE_MAX", RATE_MAX).start();
    let without =
        Setup::new().with("AGENT_RATE_MAX", RATE_MAX).with("OVERLORD_DECISIONS_RECORD", "false").start();
    let (one, other) = (with.sign_in(USER), without.sign_in(USER));
    let (mut ours, mut bare) = (Samples::default(), Samples::default());
    for question in 0..=questions {
        for (caller, samples) in [(&one, &mut ours), (&other, &mut bare)] {
            let session = caller.new_session();
            let begun = Instant::now();
            let answer = caller.ask(&session, MESSAGE);
            let elapsed = begun.elapsed();
            ensure!(answer.status == 200, "the host answers {}: {}", answer.status, answer.text());
            if question > 0 {
                samples.push(elapsed.as_secs_f64() * 1e3);
            }
        }
    }
    Ok(Row {
        what: "POST /agent/ask, the demo agent, decisions recorded".to_owned(),
        unit: "ms",
        figure: ours.summary(),
        beside: Beside { what: "not recorded", figure: bare.summary() },
        aim: Some(Aim::OverComparison(ASK_AIM_MS)),
    })
}

fn replay(quick: bool) -> anyhow::Result<Row> {
    let (decisions, rounds) = if quick { (DECISIONS / 10, 1) } else { (DECISIONS, 3) };
    let setup = Setup::new();
    let component = built("target/components/limit-window.wasm");
    let native = record(&setup.data().join(FOLDER), decisions, &component)?;
    let (mut ours, mut beside) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        let mut command = setup.command(["replay", "--slot", "limit", "--candidate"]);
        command.arg(&component);
        let begun = Instant::now();
        let output = command.output()?;
        ours.push(begun.elapsed().as_secs_f64());
        let said = String::from_utf8_lossy(&output.stdout);
        let expected = format!("{decisions} decisions, 0 differ");
        ensure!(
            output.status.success() && said.lines().last() == Some(expected.as_str()),
            "the replay said {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for line in said.lines().filter(|line| line.starts_with("time ")) {
            eprintln!("  {line}");
        }
        beside.push(native.as_secs_f64());
    }
    Ok(Row {
        what: format!("replay of {decisions} decisions of limit-window, and of the recorded one beside it"),
        unit: "s",
        figure: ours.summary(),
        beside: Beside { what: "the same code natively, cells in memory", figure: beside.summary() },
        aim: Some(Aim::AtMost(REPLAY_AIM_S)),
    })
}

/// Of a caller whose questions are all answered.
const IDLE: Load = Load { running: 0, waiting: 0, queued: false };

/// Makes a recording; how long the decisions alone took.
fn record(folder: &Path, count: u64, component: &Path) -> anyhow::Result<Duration> {
    let digest = Digest::of(&std::fs::read(component)?).to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let decisions = Decisions::open(folder, bounds())?;
    let mut cells: HashMap<String, Vec<u8>> = HashMap::new();
    let mut native = Duration::ZERO;
    for number in 0..count {
        let user = format!("user-{}", number % USERS);
        let now = BEGAN + number * APART_MS;
        let before = cells.get(&user).cloned().unwrap_or_default();
        let begun = Instant::now();
        let outcome = decide(&Settings::DEFAULT, now, IDLE, &before)?;
        native += begun.elapsed();
        let verdict = match outcome.verdict {
            decision::Verdict::Admit => Said::Admitted,
            decision::Verdict::Wait => Said::Waits,
            decision::Verdict::Refuse(refusal) => Said::Refused {
                event: refusal.event().to_owned(),
                message: refusal.message(),
                retry_after_s: refusal.retry_after_s(),
            },
        };
        if let Some(cell) = &outcome.cell {
            cells.insert(user.clone(), cell.clone());
        }
        let limited = Limited {
            key: format!("user:{user}"),
            user,
            roles: Vec::new(),
            now,
            running: 0,
            waiting: 0,
            facts: Vec::new(),
            before: Bytes(before),
            verdict,
            after: outcome.cell.map(Bytes),
        };
        let digest = digest.clone();
        decisions.put(Slot::Limit, 0, move |number| Decision {
            number,
            at: now,
            slot: Slot::Limit.as_str().into(),
            entry: "limit-window".to_owned(),
            component: "limit-window".to_owned(),
            digest,
            form: String::new(),
            settings: String::new(),
            us: 10,
            committed: true,
            auth: None,
            limit: Some(limited),
            audit: None,
        });
        if number % LOT == 0 {
            runtime.block_on(decisions.flush());
        }
    }
    runtime.block_on(decisions.flush());
    ensure!(decisions.counts().written() == count, "not all decisions were written");
    Ok(native)
}
