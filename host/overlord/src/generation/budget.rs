//! When the host changes the rules by itself: a component that came with the last change, or that is being
//! tried, fails more often than the budget allows, or decides otherwise too often. Only those that are not
//! in the generation before are counted: going back would not help against the others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::journal::{Journal, Member};
use super::publish::{Publisher, Publishing};
use super::standing::Stage;
use crate::domain::Actor;
use crate::sandbox::package::Digest;
use crate::sandbox::{SlotName, Tally};

/// How often the tallies are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How many looks pass before spaces of cells are settled: once a second.
const SETTLE_EVERY: u32 = 4;

/// How many calls of a component had failed at one time.
#[derive(Debug, Default)]
struct Failures {
    seen: VecDeque<(Instant, u64)>,
    /// Whether it could have been stopped when it was last looked at.
    suspect: bool,
    /// How many had failed when it came to be one.
    since: u64,
}

impl Failures {
    /// Says whether it can be stopped now. What failed before it could be is not held against it: what
    /// served before and serves again has been brought back knowingly.
    fn suspected(&mut self, suspect: bool, total: u64) {
        if suspect && !self.suspect && !self.seen.is_empty() {
            self.since = total;
        }
        self.suspect = suspect;
    }

    /// How many have failed within the window; `total`: how many have ever.
    fn within(&mut self, now: Instant, window: Duration, total: u64) -> u64 {
        // One that lies before the window is what the others are counted from.
        while self.seen.len() > 1 && self.seen[1].0 + window <= now {
            self.seen.pop_front();
        }
        let before = match self.seen.front() {
            Some((at, count)) if *at + window <= now => *count,
            _ => 0,
        };
        if self.seen.back().is_none_or(|(_, count)| *count != total) {
            self.seen.push_back((now, total));
        }
        total.saturating_sub(before.max(self.since))
    }
}

/// The failures of each component.
type Remembered = HashMap<(SlotName, Digest), Failures>;

/// What is to be done.
enum Verdict {
    /// This component may not serve.
    Quarantine(Digest, String),
    /// The candidate decides otherwise too often.
    Abort(String),
}

/// How many components' failures are remembered before those that neither serve nor are tried are forgotten.
const REMEMBERED_MAX: usize = 256;

/// Looks until the task is dropped: keeps to the budget, and settles spaces of cells.
pub async fn keep_to(publisher: Arc<Publisher>) {
    let mut failures = Remembered::new();
    let mut hopeless = Vec::new();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut looks = 0_u32;
    loop {
        ticks.tick().await;
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(SETTLE_EVERY)
            && let Err(error) = publisher.settle().await
        {
            tracing::error!("cannot settle the cells of components that are not needed any more: {error}");
        }
        if !publisher.budget.automatic {
            continue;
        }
        let outcome = match publisher.over_budget(&mut failures).await {
            None => continue,
            Some(Verdict::Abort(why)) => {
                tracing::error!("the candidate passes its budget and is let go of: {why}");
                publisher.abort_since(&why, &Actor::Host).await
            }
            Some(Verdict::Quarantine(digest, _)) if hopeless.contains(&digest) => continue,
            Some(Verdict::Quarantine(digest, why)) => {
                tracing::error!(digest = %digest.short(), "{} passes its budget: {why}", digest.short());
                let outcome = publisher.quarantine(digest, &why, &Actor::Host).await;
                // It is said once, and may be helped by hand.
                if outcome.is_err() {
                    hopeless.push(digest);
                }
                outcome
            }
        };
        match outcome {
            Ok(standing) => {
                tracing::error!("generation {} serves, by the host itself", standing.serving.number);
            }
            Err(error) => tracing::error!("what passed its budget serves on: {error}"),
        }
    }
}

impl Publisher {
    /// What passes the budget, if anything does.
    async fn over_budget(&self, failures: &mut Remembered) -> Option<Verdict> {
        let mut publishing = self.publishing.lock().await;
        let budget = &self.budget;
        let now = Instant::now();
        self.end_looking_back(&mut publishing, now);
        let mut over = None;
        let looked_at = self.looked_at(&publishing);
        let is_there = |of: &(SlotName, Digest)| {
            looked_at.iter().any(|(tally, _)| (tally.slot(), tally.digest()) == *of)
        };
        if failures.len() > REMEMBERED_MAX {
            failures.retain(|of, _| is_there(of));
        }
        for (_, gone) in failures.iter_mut().filter(|(of, _)| !is_there(of)) {
            gone.suspect = false;
        }
        for (tally, suspect) in &looked_at {
            let known = failures.entry((tally.slot(), tally.digest())).or_default();
            let total = tally.failures();
            known.suspected(*suspect, total);
            let failed = known.within(now, budget.window, total);
            if *suspect && failed > budget.failures_max && over.is_none() {
                let window = budget.window.as_secs();
                let why = format!("{failed} of its calls failed within {window} s");
                over = Some(Verdict::Quarantine(tally.digest(), why));
            }
        }
        if over.is_some() {
            return over;
        }
        let max = budget.divergences_max?;
        if let Some(back) = &publishing.looking_back
            && back.shadow.seen().diverged() > max
        {
            let why = format!(
                "{} of its decisions were not those of the generation before",
                back.shadow.seen().diverged()
            );
            return Some(Verdict::Quarantine(back.digest, why));
        }
        let record = publishing.journal.candidate.as_ref().filter(|record| record.stage == Stage::Shadow)?;
        let diverged = publishing.trial.as_ref()?.shadow.as_ref()?.seen().diverged();
        (diverged > max && !record.changed.is_empty())
            .then(|| Verdict::Abort(format!("{diverged} of its decisions were not those of what serves")))
    }

    /// The tallies of what serves and what is being tried, and of each whether it can be stopped: it came
    /// with the last change, or is what is being tried.
    fn looked_at(&self, publishing: &Publishing) -> Vec<(Arc<Tally>, bool)> {
        let new = |tally: &Tally| came_last(&publishing.journal, tally.slot(), tally.digest());
        let serving = self.current.pin().tallies().into_iter();
        let mut all: Vec<_> = serving.map(|tally| (Arc::clone(&tally), new(&tally))).collect();
        let tried = publishing.trial.as_ref().map(|trial| trial.generation.tallies());
        let candidate = publishing.journal.candidate.as_ref();
        let changed = |tally: &Arc<Tally>| {
            candidate.is_some_and(|record| holds(&record.changed, tally.slot(), tally.digest()))
        };
        all.extend(tried.into_iter().flatten().filter(changed).map(|tally| (tally, true)));
        all
    }

    /// After a promotion what served before is compared for a while, and then no longer.
    fn end_looking_back(&self, publishing: &mut Publishing, now: Instant) {
        if publishing.looking_back.as_ref().is_some_and(|back| back.until <= now) {
            publishing.looking_back = None;
            self.set_stage(publishing);
        }
    }
}

fn holds(members: &[Member], slot: SlotName, digest: Digest) -> bool {
    members.iter().any(|member| (member.slot, member.digest) == (slot, digest))
}

/// Whether a component serves that the generation before had not.
fn came_last(journal: &Journal, slot: SlotName, digest: Digest) -> bool {
    journal.previous.first().is_some_and(|before| !holds(&before.members, slot, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_within_the_window() {
        let (start, window) = (Instant::now(), Duration::from_mins(1));
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut failures = Failures::default();
        assert_eq!(failures.within(at(0), window, 3), 3, "what is new has failed three times");
        assert_eq!(failures.within(at(30), window, 8), 8);
        assert_eq!(failures.within(at(59), window, 8), 8);
        assert_eq!(failures.within(at(61), window, 9), 6, "the first three are forgotten");
        assert_eq!(failures.within(at(200), window, 9), 0);
        assert_eq!(failures.within(at(201), window, 11), 2);
    }

    #[test]
    fn what_failed_before_a_component_could_be_stopped_is_not_held_against_it() {
        let (now, window) = (Instant::now(), Duration::from_mins(1));
        let mut failures = Failures::default();
        failures.suspected(false, 50);
        assert_eq!(failures.within(now, window, 50), 50);
        failures.suspected(true, 60);
        assert_eq!(failures.within(now, window, 60), 0, "it was brought back");
        failures.suspected(true, 71);
        assert_eq!(failures.within(now, window, 71), 11);
        let mut new = Failures::default();
        new.suspected(true, 5);
        assert_eq!(new.within(now, window, 5), 5, "nobody has looked at it before");
    }
}
