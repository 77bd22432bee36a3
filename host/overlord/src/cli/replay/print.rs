//! How a replay's report is written: for people, and as JSON.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::About;
use crate::cli::say;
use crate::replay::{Recorded, Report};
use crate::sandbox::in_one_line;

/// How many rows of the table are printed.
const ROWS_MAX: usize = 50;

/// The fewest decisions whose times are held against each other: the first calls of a component take many
/// times as long as the others.
const TELLING_MIN: u64 = 1000;

/// Medians that are no further apart than this are about the same: nobody decides by less.
const ALIKE: f64 = 0.1;

/// How many digits of a digest tell one's own files apart.
const SHORT: usize = 12;

/// For people. The last line is [`sentence`].
pub(super) fn text(about: &About, recorded: &Recorded, report: &Report) -> anyhow::Result<()> {
    let Recorded { component, digest, .. } = recorded;
    say(&format!("candidate  {}@{}", about.file.display(), about.candidate.short()))?;
    let others = match recorded.digests.len() {
        0 | 1 => String::new(),
        more => format!(" (the last of {more} that decided in this time)"),
    };
    say(&format!("recorded   {}@{}{others}", in_one_line(component), short(digest)))?;
    say(&format!(
        "window     {} to {}, entry {}",
        time(recorded.first_at),
        time(recorded.last_at),
        in_one_line(&about.entry)
    ))?;
    if about.same_settings == Some(false) {
        say("settings   those of the configuration at hand, others than it was recorded with")?;
    }
    if report.holes > 0 {
        say(&format!(
            "missing    {} times a cell was not what the decision before had left; it began anew as recorded",
            report.holes
        ))?;
    }
    if report.unreadable > 0 {
        say(&format!("missing    {} lines cannot be read", report.unreadable))?;
    }
    if let Some(speed) = speed(about, recorded, report) {
        say(&format!("time       {speed}"))?;
    }
    differences(report)?;
    table(report)?;
    say("")?;
    say(&sentence(report))
}

/// What there is to say in one line; scripts read it.
pub(super) fn sentence(report: &Report) -> String {
    format!("{} decisions, {} differ", report.decisions, report.differ)
}

fn differences(report: &Report) -> anyhow::Result<()> {
    for difference in &report.differences {
        let about = &difference.change;
        say("")?;
        say(&format!(
            "#{} {} {}: {}",
            difference.number,
            time(difference.at),
            in_one_line(&about.user),
            in_one_line(&about.what)
        ))?;
        say(&format!("    recorded   {}", in_one_line(&difference.recorded)))?;
        say(&format!("    candidate  {}", in_one_line(&difference.candidate)))?;
    }
    let shown = report.differences.len() as u64;
    if shown > 0 && report.differ > shown {
        say(&format!("… and {} more (--show)", report.differ - shown))?;
    }
    Ok(())
}

fn table(report: &Report) -> anyhow::Result<()> {
    let rows = report.table();
    if rows.is_empty() {
        return Ok(());
    }
    let line = |user: &str, times: &str, what: &str, width: usize| {
        let padding = " ".repeat(width.saturating_sub(user.chars().count()));
        format!("{user}{padding}  {times:>7}  {what}")
    };
    let shown: Vec<_> = rows
        .iter()
        .take(ROWS_MAX)
        .map(|(change, times)| (in_one_line(&change.user), times.to_string(), in_one_line(&change.what)))
        .collect();
    let width = shown.iter().map(|(user, ..)| user.chars().count()).max().unwrap_or(0).max("user".len());
    say("")?;
    say(&line("user", "times", "change", width))?;
    for (user, times, what) in &shown {
        say(&line(user, times, what, width))?;
    }
    if rows.len() > shown.len() {
        say(&format!("… and {} more rows (--json has them all)", rows.len() - shown.len()))?;
    }
    Ok(())
}

fn speed(about: &About, recorded: &Recorded, report: &Report) -> Option<String> {
    let ours = report.candidate.median_us()?;
    let name = format!("{}@{}", in_one_line(&recorded.component), short(&recorded.digest));
    let (theirs, how) = match report.beside.median_us() {
        Some(theirs) if about.beside => (theirs, "beside it in this run"),
        _ => (report.recorded.median_us()?, "when it was recorded, since its bytes are not here"),
    };
    let than = than(ours / theirs, report.decisions);
    Some(format!("candidate {ours:.1} µs a decision (median), {name} {theirs:.1} µs {how}{than}"))
}

/// What the ratio of two medians of so many decisions says.
fn than(ratio: f64, decisions: u64) -> String {
    if decisions < TELLING_MIN || !ratio.is_finite() {
        return "; too few to compare them by".to_owned();
    }
    match ratio - 1.0 {
        more if more.abs() < ALIKE => ": about the same".to_owned(),
        more if more > 0.0 => format!(": {:.0} % slower", more * 100.0),
        less => format!(": {:.0} % faster", -less * 100.0),
    }
}

/// One object.
pub(super) fn json(about: &About, recorded: &Recorded, report: &Report) -> anyhow::Result<()> {
    let changes: Vec<Value> = report
        .table()
        .into_iter()
        .map(|(change, times)| json!({"user": change.user, "change": change.what, "times": times}))
        .collect();
    let differences: Vec<Value> = report
        .differences
        .iter()
        .map(|difference| {
            json!({
                "number": difference.number, "at": difference.at, "user": difference.change.user,
                "change": difference.change.what, "recorded": difference.recorded,
                "candidate": difference.candidate,
            })
        })
        .collect();
    let object = json!({
        "slot": about.slot.as_str(),
        "entry": about.entry,
        "candidate": {"file": about.file.to_string_lossy(), "digest": about.candidate.to_string()},
        "recorded": {
            "component": recorded.component, "digest": recorded.digest,
            "digests": recorded.digests, "first_at": recorded.first_at, "last_at": recorded.last_at,
        },
        "same_settings": about.same_settings,
        "decisions": report.decisions,
        "differ": report.differ,
        "cells_differ": report.cells_differ,
        "holes": report.holes,
        "unreadable": report.unreadable,
        "median_us": {
            "candidate": report.candidate.median_us(),
            "beside": report.beside.median_us(),
            "recorded": report.recorded.median_us(),
        },
        "changes": changes,
        "differences": differences,
    });
    say(&object.to_string())
}

/// To the second, UTC.
pub(super) fn time(millis: u64) -> String {
    // The largest that the format takes is the year 9999.
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(millis.min(253_402_300_799_000)));
    at.map_or_else(String::new, |at| humantime::format_rfc3339_seconds(at).to_string())
}

fn short(digest: &str) -> String {
    in_one_line(&digest.chars().take(SHORT).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared_where_that_says_something() {
        assert_eq!(than(2.0, TELLING_MIN - 1), "; too few to compare them by");
        assert_eq!(than(f64::NAN, TELLING_MIN), "; too few to compare them by");
        for (ratio, said) in
            [(1.09, "about the same"), (0.91, "about the same"), (1.5, "50 % slower"), (0.75, "25 % faster")]
        {
            assert_eq!(than(ratio, TELLING_MIN), format!(": {said}"));
        }
    }
}
