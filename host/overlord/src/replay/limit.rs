//! A limiter's decisions, made again: which cell the candidate is given, and when two verdicts differ.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use super::report::{Change, Difference, Report};
use crate::capability::state::Cell;
use crate::domain::decision::{Decision, Limited, Said};
use crate::domain::{Instant, Principal, Verdict};
use crate::sandbox::hooks::Load;
use crate::sandbox::{Broken, Limit, Policy};

/// What one lane knows.
pub(super) struct Limits {
    candidate: Arc<Policy<Limit>>,
    beside: Option<(String, Arc<Policy<Limit>>)>,
    cells: HashMap<String, Cells>,
    differences_max: usize,
    pub(super) report: Report,
}

/// One cell, twice.
struct Cells {
    /// As the recorded decisions left it.
    recorded: Vec<u8>,
    /// As the candidate's did, or why it cannot read what it was to begin with.
    own: Result<Vec<u8>, Broken>,
}

/// A recorded cell as the candidate may be given it.
async fn taken_over(candidate: &Policy<Limit>, form: String, bytes: &[u8]) -> Result<Vec<u8>, Broken> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let cell = Cell { form, bytes: bytes.to_vec() };
    Ok(candidate.understood(Some(&cell)).await?.into_owned())
}

/// What the candidate said.
#[derive(Debug, PartialEq, Eq)]
enum Now {
    Verdict(Verdict),
    Broken(&'static str, String),
}

impl Limits {
    pub(super) fn new(
        candidate: Arc<Policy<Limit>>,
        beside: Option<Arc<Policy<Limit>>>,
        differences_max: usize,
    ) -> Self {
        let beside = beside.map(|policy| (policy.digest().to_string(), policy));
        Self { candidate, beside, cells: HashMap::new(), differences_max, report: Report::default() }
    }

    /// One decision after the other.
    pub(super) async fn again(&mut self, decision: Decision) {
        let Decision { number, at, digest, us, committed, form, limit: Some(limited), .. } = decision else {
            return;
        };
        let Limited { user, roles, now, running, waiting, facts, key, before, verdict, after } = limited;
        let who = Principal { user, roles };
        let load = Load::told(running, waiting, &facts);
        let report = &mut self.report;
        report.decisions += 1;
        let known = self.cells.get(&key).map(|cells| cells.recorded == before.0);
        if known != Some(true) {
            // Where it is known: something between the two was not recorded, or the cell is another
            // component's by now.
            report.holes += u64::from(known == Some(false));
            let own = taken_over(&self.candidate, form, &before.0).await;
            self.cells.insert(key.clone(), Cells { recorded: before.0.clone(), own });
        }
        let cells = self.cells.get_mut(&key).expect("it was put there");
        let beside = self.beside.as_ref().filter(|(of, _)| *of == digest).map(|(_, policy)| policy);
        // In turns, so that neither is the one that finds the processor warm.
        if number.is_multiple_of(2)
            && let Some(policy) = beside
        {
            report.beside.push(timed(policy, &who, now, load, &before.0).await.1);
        }
        let (outcome, time) = match &cells.own {
            Ok(own) => timed(&self.candidate, &who, now, load, own).await,
            // It cannot read what was remembered, and would have decided nothing.
            Err(broken) => (Err(broken.clone()), Duration::ZERO),
        };
        report.candidate.push(time);
        report.recorded.push(Duration::from_micros(us));
        if !number.is_multiple_of(2)
            && let Some(policy) = beside
        {
            report.beside.push(timed(policy, &who, now, load, &before.0).await.1);
        }
        let (said, left) = match outcome {
            Ok((verdict, left)) => (Now::Verdict(verdict), left),
            Err(broken) => (Now::broken(&broken), None),
        };
        if let Some(what) = change(&verdict, &said) {
            let change = Change { user: who.user, what };
            let (recorded, candidate) = (recorded_words(&verdict), said.words());
            report.differs(Difference { number, at, change, recorded, candidate }, self.differences_max);
        } else if left.as_ref() != after.as_ref().map(|after| &after.0) {
            report.cells_differ += 1;
        }
        cells.recorded = before.0;
        if committed {
            if let Some(after) = after {
                cells.recorded = after.0;
            }
            if let Some(left) = left {
                cells.own = Ok(left);
            }
        }
    }
}

async fn timed(
    policy: &Policy<Limit>,
    who: &Principal,
    now: u64,
    load: Load,
    cell: &[u8],
) -> (Result<(Verdict, Option<Vec<u8>>), Broken>, Duration) {
    let begun = Moment::now();
    let outcome = policy.admit(who, Instant(now), load, cell).await;
    (outcome, begun.elapsed())
}

impl Now {
    fn broken(broken: &Broken) -> Self {
        let (how, why) = broken.how();
        Self::Broken(how.as_str(), why.to_owned())
    }

    fn kind(&self) -> String {
        match self {
            Self::Verdict(Verdict::Admit) => "admitted".to_owned(),
            Self::Verdict(Verdict::Wait) => "waits".to_owned(),
            Self::Verdict(Verdict::Refuse(refusal)) => format!("refused {}", refusal.event),
            Self::Broken(how, _) => (*how).to_owned(),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Verdict(Verdict::Refuse(refusal)) => {
                refused(&refusal.event, &refusal.message, refusal.retry_after_s)
            }
            Self::Broken(how, why) => format!("{how}: {why}"),
            Self::Verdict(_) => self.kind(),
        }
    }
}

fn recorded_kind(said: &Said) -> String {
    match said {
        Said::Admitted => "admitted".to_owned(),
        Said::Waits => "waits".to_owned(),
        Said::Refused { event, .. } => format!("refused {event}"),
        Said::Broken(broke) => broke.how.as_str().to_owned(),
    }
}

fn recorded_words(said: &Said) -> String {
    match said {
        Said::Refused { event, message, retry_after_s } => refused(event, message, *retry_after_s),
        Said::Broken(broke) => format!("{}, why is not recorded", broke.how.as_str()),
        _ => recorded_kind(said),
    }
}

fn refused(event: &str, message: &str, retry_after_s: Option<u32>) -> String {
    let retry = retry_after_s.map_or_else(|| "no time to retry".to_owned(), |s| format!("retry after {s} s"));
    format!("refused {event}, \"{message}\", {retry}")
}

/// What changes; none where nothing does. A component that is broken says so in many words: in which
/// way is all that counts.
fn change(was: &Said, is: &Now) -> Option<String> {
    let (old, new) = (recorded_kind(was), is.kind());
    if old != new {
        return Some(format!("{old} → {new}"));
    }
    let (Said::Refused { message, retry_after_s, .. }, Now::Verdict(Verdict::Refuse(refusal))) = (was, is)
    else {
        return None;
    };
    match (*message == refusal.message, *retry_after_s == refusal.retry_after_s) {
        (true, true) => None,
        (false, true) => Some(format!("{old}: another message")),
        (true, false) => Some(format!("{old}: another time to retry")),
        (false, false) => Some(format!("{old}: another message and time to retry")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;
    use crate::domain::decision::{Broke, How, StandIn};

    fn was(message: &str, retry_after_s: Option<u32>) -> Said {
        Said::Refused { event: "e".into(), message: message.into(), retry_after_s }
    }

    fn is(event: &str, message: &str, retry_after_s: Option<u32>) -> Now {
        let refusal = Refusal { event: event.into(), message: message.into(), retry_after_s };
        Now::Verdict(Verdict::Refuse(refusal))
    }

    #[test]
    fn all_of_a_verdict_counts() {
        let same = is("e", "m", Some(1));
        assert_eq!(change(&was("m", Some(1)), &same), None);
        assert_eq!(change(&Said::Admitted, &Now::Verdict(Verdict::Admit)), None);
        let words = |was: &Said, is: &Now| change(was, is).expect("a difference");
        assert_eq!(words(&was("n", Some(1)), &same), "refused e: another message");
        assert_eq!(words(&was("m", None), &same), "refused e: another time to retry");
        assert_eq!(words(&was("n", None), &same), "refused e: another message and time to retry");
        assert_eq!(words(&was("m", Some(1)), &is("f", "m", Some(1))), "refused e → refused f");
        assert_eq!(words(&Said::Admitted, &Now::Verdict(Verdict::Wait)), "admitted → waits");
    }

    #[test]
    fn a_fault_is_a_difference_where_none_was_recorded() {
        let fault = Now::broken(&Broken::Fault("no".into()));
        let why = StandIn { hash: String::new(), chars: 0 };
        let broke = |how| Said::Broken(Broke { how, why: why.clone() });
        assert_eq!(change(&Said::Admitted, &fault).as_deref(), Some("admitted → fault"));
        assert_eq!(change(&broke(How::Fault), &fault), None);
        assert_eq!(change(&broke(How::Trap), &fault).as_deref(), Some("trap → fault"));
    }
}
