//! May they ask now: the sixtieth question of an hour, the last one that is admitted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use limit_window::decision::{self, decide};
use limit_window::settings::Settings;
use overlord::domain::{self, Principal, Verdict};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Limit, Policy};

use super::{Bench, DECISION, timed};
use crate::cookie_check::USER;
use crate::table::Row;

/// Questions that count already: a cell of 473 bytes, 481 with the one that is asked.
const ASKED: u64 = 59;

/// When the first was asked, and how long after it each other one.
const BEGAN: u64 = 1_800_000_000_000;
const APART_MS: u64 = 10_000;

/// Of a caller whose questions are all answered.
const IDLE: decision::Load = decision::Load { running: 0, waiting: 0, queued: false };

pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    let pairs = Vec::new();
    let policies = bench.load::<Limit>("limit-window", &pairs)?;
    let caller = Principal { user: USER.to_owned(), roles: Vec::new() };
    let mut cell = Vec::new();
    for asked in 0..ASKED {
        let outcome = decide(&Settings::DEFAULT, BEGAN + asked * APART_MS, IDLE, &cell)?;
        cell = outcome.cell.context("an admitted question is remembered")?;
    }
    let now = BEGAN + ASKED * APART_MS;
    bench.rows(
        "limiter admit, 59 questions remembered",
        DECISION,
        async || admitted(&policies.fresh, &caller, now, &cell).await,
        async || admitted(&policies.warm, &caller, now, &cell).await,
        || {
            let begun = Instant::now();
            let outcome = decide(&Settings::read(&pairs)?, now, IDLE, &cell)?;
            let elapsed = begun.elapsed();
            ensure!(
                outcome.verdict == decision::Verdict::Admit && outcome.cell.is_some(),
                "the native limiter says no"
            );
            Ok(elapsed)
        },
    )
}

pub(super) async fn admitted(
    policy: &Policy<Limit>,
    caller: &Principal,
    now: u64,
    cell: &[u8],
) -> anyhow::Result<Duration> {
    let (outcome, elapsed) = timed(policy.admit(caller, domain::Instant(now), Load::default(), cell)).await;
    match outcome? {
        (Verdict::Admit, Some(_)) => Ok(elapsed),
        (verdict, _) => bail!("the limiter says {verdict:?}"),
    }
}
