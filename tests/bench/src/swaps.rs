//! What a swap costs those who ask meanwhile, and how long it takes: the same load with five swaps a
//! second and without any, in turns; and the time from the rename of a limiter's file to the first
//! refusal that the new build has signed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup};
use overlord_tests::load::{Conversation, Whole, converse};
use overlord_tests::marked;
use overlord_tests::shelf::{Shelf, generation};
use uuid::Uuid;

use crate::cookie_check::USER;
use crate::samples::Samples;
use crate::table::{Aim, Beside, Row};

/// As many as the other loads have.
pub(crate) const CONNECTIONS: usize = 16;

/// A swap every so often, of the limiter and of the audit format in turns.
const EVERY: Duration = Duration::from_millis(200);

/// How much slower the slowest of a hundred may be while there are swaps.
const SHARE: f64 = 1.2;

/// How many builds take turns: what has been compiled once is found again.
const BUILDS: u8 = 20;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path {
    /// A session's id: auth alone decides.
    Session,
    /// A question that the window refuses: auth, the limiter and the audit format.
    Refusal,
    /// A question to the demo agent.
    Ask,
}

/// The same request over and over, timed.
struct Timed {
    path: Path,
    head: String,
    end: Instant,
    times: Samples,
}

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, time) = if quick { (1, Duration::from_secs(1)) } else { (4, Duration::from_secs(5)) };
    let mut rows = Vec::new();
    for (path, what, max) in [
        (Path::Session, "POST /agent/sessions/new, five swaps a second", "1"),
        (Path::Refusal, "a refused question, five swaps a second", "1"),
        (Path::Ask, "POST /agent/ask, the demo agent, five swaps a second", "8000"),
    ] {
        rows.push(beside_swaps(path, what, max, rounds, time)?);
    }
    rows.extend(one_swap(if quick { 4 } else { 40 })?);
    Ok(rows)
}

/// A host whose folder of components is its own, and somebody who has used up their window of one.
pub(crate) fn house(max: &str) -> (Host, Shelf, Caller) {
    let (setup, shelf) = Shelf::new(Setup::new().with("AGENT_RATE_MAX", max));
    shelf.put("limit-window", &marked::limiter(0));
    let host = setup.start();
    let caller = host.sign_in(USER);
    caller.ask(&caller.new_session(), "hello demo:fast");
    (host, shelf, caller)
}

fn beside_swaps(path: Path, what: &str, max: &str, rounds: u32, time: Duration) -> anyhow::Result<Row> {
    let (host, shelf, caller) = house(max);
    let cookie = caller.cookie().context("whoever signs in has a cookie")?;
    let connections = if matches!(path, Path::Ask) { 1 } else { CONNECTIONS };
    let load = || timed(path, host.address(), cookie, connections, time);
    let (mut with, mut without, mut swaps) = (Samples::default(), Samples::default(), 0);
    // All builds are swapped in once, so that each is found compiled, as an operator's are.
    for build in 0..=rounds {
        let warming = build == 0;
        let (quiet, swapped) = (load()?, while_swapping(&host, &shelf, &mut swaps, load)?);
        if !warming {
            without.extend(quiet);
            with.extend(swapped);
        }
    }
    eprintln!("  {swaps} swaps beside {what}");
    Ok(Row {
        what: what.to_owned(),
        unit: "ms",
        figure: with.summary(),
        beside: Beside { what: "the same without", figure: without.summary() },
        aim: Some(Aim::P99ShareOfComparison(SHARE)),
    })
}

/// Does `what` while components are swapped; `swaps` counts those that there have been.
fn while_swapping<T>(host: &Host, shelf: &Shelf, swaps: &mut u64, what: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            for number in 0.. {
                thread::sleep((begun + EVERY * number).saturating_duration_since(Instant::now()));
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let build = u8::try_from(*swaps / 2 % u64::from(BUILDS)).expect("two digits") + 1;
                if swaps.is_multiple_of(2) {
                    shelf.put("limit-window", &marked::limiter(build));
                } else {
                    shelf.put("audit-jsonl", &marked::audit(build));
                }
                *swaps += 1;
                generation(host, *swaps + 1);
            }
        });
        let outcome = what();
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

/// How long each answer took, in milliseconds.
pub(crate) fn timed(
    path: Path,
    address: SocketAddr,
    cookie: &str,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Samples> {
    let head = format!("Host: {address}\r\nCookie: {cookie}\r\n");
    let mut timed = Timed { path, head, end: Instant::now() + time, times: Samples::default() };
    converse(address, connections, &mut timed)?;
    Ok(timed.times)
}

impl Conversation for Timed {
    type Turn = ();

    fn next(&mut self, request: &mut Vec<u8>) -> Option<()> {
        let Self { path, head, .. } = self;
        let text = if let Path::Session = path {
            format!("POST /agent/sessions/new HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n")
        } else {
            let body = format!("{{\"session_id\":\"{}\",\"message\":\"hello demo:fast\"}}", Uuid::new_v4());
            format!(
                "POST /agent/ask HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        request.extend_from_slice(text.as_bytes());
        (Instant::now() < self.end).then_some(())
    }

    fn answered(&mut self, (): (), answer: Whole<'_>) -> Result<(), String> {
        let expected = if let Path::Refusal = self.path { 429 } else { 200 };
        self.times.push(answer.read.duration_since(answer.sent).as_secs_f64() * 1e3);
        if answer.status == expected { Ok(()) } else { Err(format!("{expected} was expected")) }
    }
}

/// How long one swap takes where nobody else asks: a build that is new, and one that has been compiled.
fn one_swap(swaps: u8) -> anyhow::Result<Vec<Row>> {
    let (host, shelf, caller) = house("1");
    let mut rows = Vec::new();
    let mut number = 1;
    for what in
        ["a limiter's file renamed, to its first refusal", "the same, of a build that was compiled before"]
    {
        let (mut answered, mut announced) = (Samples::default(), Samples::default());
        for build in 1..=swaps {
            let bytes = marked::limiter(build);
            let begun = Instant::now();
            shelf.put("limit-window", &bytes);
            number += 1;
            let line = format!("generation {number} auth=");
            let mut said = None;
            loop {
                let answer = caller.ask(&caller.new_session(), "hello demo:fast");
                ensure!(answer.status == 429, "the host answers {}: {}", answer.status, answer.text());
                if said.is_none() && host.output().contains(&line) {
                    said = Some(begun.elapsed());
                }
                let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
                if marked::limiter_of(&detail) == Some(build) {
                    break;
                }
            }
            let elapsed = begun.elapsed();
            // What was said while the last answer was on its way was said by then.
            generation(&host, number);
            answered.push(elapsed.as_secs_f64() * 1e3);
            announced.push(said.unwrap_or(elapsed).as_secs_f64() * 1e3);
        }
        rows.push(Row {
            what: what.to_owned(),
            unit: "ms",
            figure: answered.summary(),
            beside: Beside { what: "to the log's line about it", figure: announced.summary() },
            aim: None,
        });
    }
    Ok(rows)
}
