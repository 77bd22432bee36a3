//! The standing of the rules as text for a terminal. Knows no socket.

use std::fmt::Write as _;

use crate::domain::Instant;
use crate::generation::{Proposed, Served, Stage, Standing, StandingEntry as Entry};
use crate::sandbox::in_one_line;

/// Everything.
pub(super) fn whole(standing: &Standing, now: Instant) -> String {
    let serving = &standing.serving;
    let mut text = format!(
        "generation {} serves since {} (by {}: {}); {} alive\n\n{}",
        serving.number,
        age(serving.since, now),
        in_one_line(&serving.by),
        in_one_line(&serving.why),
        standing.alive,
        entries(&serving.entries, now)
    );
    match &standing.candidate {
        Some(it) => {
            let _ = write!(text, "\n{}\n", candidate(it, standing, now));
        }
        None => text.push_str("\nno candidate\n"),
    }
    if standing.previous.is_empty() {
        text.push_str("\nno previous generation\n");
    } else {
        text.push_str("\nprevious generations\n");
        text.push_str(&rows(standing.previous.iter().map(|served| previous(served, standing, now))));
    }
    let _ = write!(text, "\n{}", quarantined(standing, now));
    text
}

/// How far a candidate has come, and what differs.
pub(super) fn candidate(it: &Proposed, standing: &Standing, now: Instant) -> String {
    let stage = match it.stage {
        Stage::Loaded => "loaded".to_owned(),
        Stage::Shadow => "in shadow".to_owned(),
        Stage::Canary => format!("canary of {} %", it.percent),
    };
    let (since, by) = (age(it.since, now), in_one_line(&it.by));
    let mut text = format!("candidate: {stage} since {since} (by {by})");
    if it.stage == Stage::Shadow {
        let _ = write!(text, "; {} compared, {} differ, {} left out", it.compared, it.diverged, it.dropped);
    }
    for line in changes(&standing.serving.entries, &it.entries) {
        let _ = write!(text, "\n  {line}");
    }
    text
}

/// From what to what.
pub(super) fn exchanged(before: &Standing, after: &Standing) -> String {
    let mut text =
        format!("generation {} serves (it was generation {})", after.serving.number, before.serving.number);
    for line in changes(&before.serving.entries, &after.serving.entries) {
        let _ = write!(text, "\n  {line}");
    }
    text
}

/// What may not serve.
pub(super) fn quarantined(standing: &Standing, now: Instant) -> String {
    if standing.quarantined.is_empty() {
        return "nothing is in quarantine".to_owned();
    }
    let row = |it: &crate::generation::Quarantined| {
        let component = it.component.as_deref().map(in_one_line).unwrap_or_default();
        let slot = it.slot.map(|slot| format!("{slot}/{component}")).unwrap_or(component);
        let why = format!("{} ago by {}: {}", age(it.at, now), in_one_line(&it.by), in_one_line(&it.why));
        vec![it.digest.to_string(), slot, why]
    };
    format!("in quarantine\n{}", rows(standing.quarantined.iter().map(row)).trim_end())
}

/// Which entries differ, with what each was and is.
fn changes(before: &[Entry], after: &[Entry]) -> Vec<String> {
    let same = |one: &Entry, other: &Entry| one.slot == other.slot && one.entry == other.entry;
    let short =
        |entry: Option<&Entry>| entry.map_or_else(|| "nothing".to_owned(), |entry| entry.digest.short());
    let mut lines = Vec::new();
    for entry in after {
        let old = before.iter().find(|old| same(old, entry));
        if old.is_none_or(|old| old.digest != entry.digest) {
            lines.push(format!(
                "{}/{}  {} \u{2192} {}",
                entry.slot,
                in_one_line(&entry.entry),
                short(old),
                entry.digest.short()
            ));
        }
    }
    for gone in before.iter().filter(|old| !after.iter().any(|entry| same(old, entry))) {
        lines.push(format!(
            "{}/{}  {} \u{2192} nothing",
            gone.slot,
            in_one_line(&gone.entry),
            gone.digest.short()
        ));
    }
    if lines.is_empty() {
        lines.push("the same components as before".to_owned());
    }
    lines
}

fn previous(served: &Served, standing: &Standing, now: Instant) -> Vec<String> {
    let until = served.until.map_or_else(String::new, |until| format!("until {} ago", age(until, now)));
    let differs = changes(&standing.serving.entries, &served.entries).join(", ");
    vec![served.number.to_string(), until, format!("by {}", in_one_line(&served.by)), differs]
}

fn entries(entries: &[Entry], now: Instant) -> String {
    let head = ["slot", "entry", "component", "digest", "loaded"].map(str::to_owned).to_vec();
    let row = |entry: &Entry| {
        vec![
            entry.slot.to_string(),
            in_one_line(&entry.entry),
            in_one_line(&entry.component),
            entry.digest.short(),
            if entry.loaded == 0 { "-".to_owned() } else { format!("{} ago", age(entry.loaded, now)) },
        ]
    };
    rows(std::iter::once(head).chain(entries.iter().map(row)))
}

/// Rows with their cells below each other.
fn rows(rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<_> = rows.collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("  {cell:width$}", width = *width));
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}

/// How long ago, in one unit.
fn age(at: u64, now: Instant) -> String {
    let seconds = now.0.saturating_sub(at) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Quarantined;
    use crate::sandbox::SlotName;
    use crate::sandbox::package::Digest;

    fn entry(slot: SlotName, name: &str, bytes: &[u8]) -> Entry {
        Entry { slot, entry: name.into(), component: name.into(), digest: Digest::of(bytes), loaded: 1 }
    }

    fn served(number: u64, entries: Vec<Entry>) -> Served {
        Served { number, since: 60_000, until: None, by: "file".into(), why: "w".into(), entries }
    }

    fn standing() -> Standing {
        Standing {
            serving: served(2, vec![entry(SlotName::Limit, "l", b"b"), entry(SlotName::Audit, "a", b"a")]),
            candidate: None,
            previous: vec![Served {
                until: Some(60_000),
                ..served(1, vec![entry(SlotName::Limit, "l", b"a")])
            }],
            quarantined: vec![],
            alive: 1,
        }
    }

    #[test]
    fn all_of_it_can_be_read() {
        let mut standing = standing();
        standing.quarantined.push(Quarantined {
            digest: Digest::of(b"q"),
            slot: Some(SlotName::Limit),
            component: Some("l\x1b[31m".into()),
            at: 0,
            by: "host".into(),
            why: "11 failures\nin 60 s".into(),
        });
        standing.candidate = Some(Proposed {
            stage: Stage::Shadow,
            percent: 0.0,
            since: 100_000,
            by: "alice".into(),
            entries: vec![entry(SlotName::Limit, "l", b"c"), entry(SlotName::Audit, "a", b"a")],
            changed: vec!["limit/l".into()],
            compared: 120,
            diverged: 3,
            dropped: 0,
        });
        let text = whole(&standing, Instant(180_000));
        let (a, b, c) = (Digest::of(b"a").short(), Digest::of(b"b").short(), Digest::of(b"c").short());
        for line in [
            "generation 2 serves since 2 min (by file: w); 1 alive".to_owned(),
            "  slot   entry  component  digest        loaded".to_owned(),
            format!("  limit  l      l          {b}  2 min ago"),
            "candidate: in shadow since 80 s (by alice); 120 compared, 3 differ, 0 left out".to_owned(),
            format!("  limit/l  {b} \u{2192} {c}"),
            format!(
                "  1  until 2 min ago  by file  limit/l  {b} \u{2192} {a}, audit/a  {a} \u{2192} nothing"
            ),
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
        }
        if let Some(candidate) = &mut standing.candidate {
            (candidate.stage, candidate.percent) = (Stage::Canary, 2.5);
        }
        let canary = "candidate: canary of 2.5 % since 80 s (by alice)";
        let text = whole(&standing, Instant(180_000));
        assert!(text.lines().any(|found| found == canary), "nothing is compared: {text}");
        assert!(!text.contains('\x1b') && !text.contains("failures\nin"), "{text:?}");
    }

    #[test]
    fn what_was_exchanged_is_told_from_to() {
        let before = standing();
        let mut after = before.clone();
        after.serving.number = 3;
        assert!(exchanged(&before, &after).ends_with("the same components as before"));
        after.serving.entries[0] = entry(SlotName::Limit, "l", b"z");
        let (b, z) = (Digest::of(b"b").short(), Digest::of(b"z").short());
        let said = exchanged(&before, &after);
        assert_eq!(said, format!("generation 3 serves (it was generation 2)\n  limit/l  {b} \u{2192} {z}"));
    }

    #[test]
    fn an_age_has_one_unit() {
        for (ms, said) in
            [(0, "0 s"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"), (172_800_000, "2 days")]
        {
            assert_eq!(age(0, Instant(ms)), said);
        }
        assert_eq!(age(5, Instant(0)), "0 s", "a clock that was set back");
    }
}
