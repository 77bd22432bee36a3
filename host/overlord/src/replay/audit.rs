//! Audit records, made again of the events with stand-ins: what differs is the record, byte for byte.

use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use super::report::{Change, Difference, Report};
use crate::domain::decision::{Decision, Field, Formatted, Written, values};
use crate::domain::{Instant, Value};
use crate::sandbox::{Audit, Broken, Policy};

/// How many characters of a record are shown before the first that differs, and in all.
const SHOWN_BEFORE: usize = 40;
const SHOWN: usize = 160;

/// What one lane knows.
pub(super) struct Audits {
    candidate: Arc<Policy<Audit>>,
    beside: Option<(String, Arc<Policy<Audit>>)>,
    differences_max: usize,
    pub(super) report: Report,
}

impl Audits {
    pub(super) fn new(
        candidate: Arc<Policy<Audit>>,
        beside: Option<Arc<Policy<Audit>>>,
        differences_max: usize,
    ) -> Self {
        let beside = beside.map(|policy| (policy.digest().to_string(), policy));
        Self { candidate, beside, differences_max, report: Report::default() }
    }

    /// One record after the other.
    pub(super) async fn again(&mut self, decision: Decision) {
        let Decision { number, at, digest, us, audit: Some(formatted), .. } = decision else { return };
        let report = &mut self.report;
        report.decisions += 1;
        let values = values(&formatted.fields);
        let (outcome, time) = timed(&self.candidate, &formatted, &values).await;
        report.candidate.push(time);
        report.recorded.push(Duration::from_micros(us));
        if let Some((_, policy)) = self.beside.as_ref().filter(|(of, _)| *of == digest) {
            report.beside.push(timed(policy, &formatted, &values).await.1);
        }
        let event = &formatted.event;
        let (what, recorded, candidate) = match (&formatted.result, outcome) {
            (Written::Line { line }, Ok(new)) if *line == new => return,
            (Written::Line { line }, Ok(new)) => {
                let (line, new) = around_the_first_difference(line, &new);
                (format!("{event}: another record"), line, new)
            }
            (Written::Line { line }, Err(broken)) => {
                let (how, why) = broken.how();
                let how = how.as_str();
                (format!("{event}: record → {how}"), shown(line, 0), format!("{how}: {why}"))
            }
            (Written::Broken(broke), Ok(new)) => {
                let how = broke.how.as_str();
                (format!("{event}: {how} → record"), format!("{how}, why is not recorded"), shown(&new, 0))
            }
            (Written::Broken(broke), Err(broken)) => {
                let (how, why) = broken.how();
                if how == broke.how {
                    return;
                }
                let (old, how) = (broke.how.as_str(), how.as_str());
                (
                    format!("{event}: {old} → {how}"),
                    format!("{old}, why is not recorded"),
                    format!("{how}: {why}"),
                )
            }
        };
        let user = formatted.fields.iter().find_map(|(name, field)| match field {
            Field::Text(text) if name == "user" => Some(text.clone()),
            _ => None,
        });
        let change = Change { user: user.unwrap_or_else(|| "-".to_owned()), what };
        report.differs(Difference { number, at, change, recorded, candidate }, self.differences_max);
    }
}

async fn timed(
    policy: &Policy<Audit>,
    formatted: &Formatted,
    values: &[(&str, Value)],
) -> (Result<String, Broken>, Duration) {
    let begun = Moment::now();
    let fields = values.iter().map(|(name, value)| (*name, value));
    let outcome = policy.format_fields(&formatted.event, Instant(formatted.at), fields).await;
    (outcome, begun.elapsed())
}

/// That part of both in which they begin to differ.
fn around_the_first_difference(one: &str, other: &str) -> (String, String) {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(SHOWN_BEFORE);
    (shown(one, from), shown(other, from))
}

fn shown(text: &str, from: usize) -> String {
    let mut rest = text.chars().skip(from);
    let part: String = rest.by_ref().take(SHOWN).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if rest.next().is_some() { "…" } else { "" };
    format!("{before}{part}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_what_is_shown() {
        let same = "é".repeat(100);
        let (one, other) = around_the_first_difference(&format!("{same}a"), &format!("{same}b{same}{same}"));
        assert_eq!(one, format!("…{}a", "é".repeat(SHOWN_BEFORE)));
        assert!(other.starts_with(&format!("…{}b", "é".repeat(SHOWN_BEFORE))) && other.ends_with('…'));
        assert_eq!(around_the_first_difference("ab", "a"), ("ab".to_owned(), "a".to_owned()));
    }
}
