//! May they ask now, by a bucket: one that has half of its tokens.

use std::time::Instant;

use anyhow::ensure;
use limit_bucket::decision::decide;
use limit_bucket::settings::Settings;
use overlord::domain::Principal;
use overlord::sandbox::Limit;

use super::limit::admitted;
use super::{Bench, DECISION};
use crate::cookie_check::USER;
use crate::table::Row;

const NOW: u64 = 1_800_000_000_000;

pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    let pairs = [("rate_per_h", "60"), ("burst", "10")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let policies = bench.load::<Limit>("limit-bucket", &pairs)?;
    let caller = Principal { user: USER.to_owned(), roles: Vec::new() };
    let mut cell = Vec::new();
    for _ in 0..5 {
        let outcome = decide(&Settings::read(&pairs)?, NOW, &cell)?;
        cell = outcome.cell.unwrap_or(cell);
    }
    let now = NOW + 1234;
    bench.rows(
        "limiter admit, a bucket",
        DECISION,
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
