//! What a candidate in shadow costs those who ask: the same refused question to a host that compares a
//! candidate with what serves and to one that does not, in turns; with one connection, where each decision
//! is compared, and with as many as the machine can serve, where some are left out.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use overlord_tests::host::Host;
use overlord_tests::marked;
use serde_json::{Value, json};

use crate::cookie_check::USER;
use crate::samples::Samples;
use crate::swaps::{CONNECTIONS, Path, house, timed};
use crate::table::{Aim, Beside, Row};

/// The window of one is used up, so that each question is refused.
const MAX: &str = "1";

/// What being compared may add to a question, in milliseconds: the two instances have a core each.
const AIM_MS: f64 = 0.1;

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, time) = if quick { (1, Duration::from_millis(500)) } else { (5, Duration::from_secs(3)) };
    let (compared, _shelf, caller) = house(MAX);
    let (bare, _other_shelf, other) = house(MAX);
    propose(&compared)?;
    let cookie = |caller: &overlord_tests::caller::Caller| {
        caller.cookie().map(str::to_owned).context("whoever signs in has a cookie")
    };
    let (one, two) = (cookie(&caller)?, cookie(&other)?);
    let mut rows = Vec::new();
    for (connections, what, aim) in [
        (1, "a refused question, a limiter in shadow", Some(Aim::OverComparison(AIM_MS))),
        (CONNECTIONS, "the same, 16 connections", None),
    ] {
        let (mut with, mut without) = (Samples::default(), Samples::default());
        for round in 0..=rounds {
            let shadowed = timed(Path::Refusal, compared.address(), &one, connections, time)?;
            let quiet = timed(Path::Refusal, bare.address(), &two, connections, time)?;
            // The first round warms both up.
            if round > 0 {
                with.extend(shadowed);
                without.extend(quiet);
            }
        }
        eprintln!("  {what}: {}", told(&compared)?);
        rows.push(Row {
            what: what.to_owned(),
            unit: "ms",
            figure: with.summary(),
            beside: Beside { what: "no candidate", figure: without.summary() },
            aim,
        });
    }
    Ok(rows)
}

/// Puts another build of the limiter into shadow.
fn propose(host: &Host) -> anyhow::Result<()> {
    let admin = host.sign_in_as(USER, &["admin"]);
    let wasm = [("content-type", "application/wasm")];
    let sent = admin.send("POST", "/admin/api/candidate?slot=limit", &wasm, Some(&marked::limiter(1)));
    ensure!(sent.status == 200, "the host takes no candidate: {}", sent.text());
    let shadowed = admin.post("/admin/api/candidate/shadow", &json!({}));
    ensure!(shadowed.status == 200, "the candidate is not compared: {}", shadowed.text());
    Ok(())
}

/// How many decisions were compared so far, and how many were left out.
fn told(host: &Host) -> anyhow::Result<String> {
    let rules = host.sign_in_as(USER, &["admin"]).get("/admin/api/rules").json();
    let counts = &rules["candidate"];
    let count = |name: &str| counts[name].as_u64().with_context(|| format!("{name} is not in {rules}"));
    let (compared, dropped) = (count("compared")?, count("dropped")?);
    ensure!(compared > 0, "nothing was compared: {}", Value::to_string(counts));
    Ok(format!("{compared} compared so far, {dropped} left out"))
}
