//! May they ask now, by a day's and a month's number in a time zone: a question of a day that has begun,
//! and the first one of a day, for which the calendar is looked up.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use limit_quota::decision::decide;
use limit_quota::settings::Settings;
use overlord::domain::Principal;
use overlord::sandbox::Limit;

use super::limit::admitted;
use super::{Bench, DECISION};
use crate::cookie_check::USER;
use crate::table::{Aim, Row};

/// Noon of the 29th of March 2026, on which clocks change in Vienna.
const NOW: u64 = 1_774_782_000_000;

pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    measured(bench, "limiter admit, a quota", DECISION, NOW)
}

/// Once a day for each user: reading a time zone is no decision of every question.
pub(super) fn measure_first(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    measured(bench, "limiter admit, a quota, a day's first question", None, NOW + 24 * 3_600_000)
}

fn measured(bench: &Bench, what: &str, aim: Option<Aim>, now: u64) -> anyhow::Result<[Row; 2]> {
    let pairs = [("day", "100"), ("month", "1000"), ("zone", "Europe/Vienna")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let policies = bench.load::<Limit>("limit-quota", &pairs)?;
    let caller = Principal { user: USER.to_owned(), roles: Vec::new() };
    let remembered = decide(&Settings::read(&pairs)?, NOW, &[])?.cell;
    let cell = remembered.context("an admitted question is remembered")?;
    bench.rows(
        what,
        aim,
        async || admitted(&policies.fresh, &caller, now, &cell).await,
        async || admitted(&policies.warm, &caller, now, &cell).await,
        || {
            let begun = Instant::now();
            let outcome = decide(&Settings::read(&pairs)?, now, &cell)?;
            let elapsed = begun.elapsed();
            ensure!(outcome.refusal.is_none() && outcome.cell.is_some(), "the native limiter says no");
            Ok(elapsed)
        },
    )
}
