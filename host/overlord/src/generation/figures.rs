//! What components did in the last ten minutes, in steps of five seconds: what a page draws. Owns the
//! ring; what is counted, the sandbox counts.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::publish::Publisher;
use crate::capability::clock;
use crate::sandbox::package::Digest;
use crate::sandbox::{SlotName, Tally};

/// How long a step is: short enough to watch a change, and a page asks as often.
pub const STEP: Duration = Duration::from_secs(5);

/// How many steps are kept: ten minutes, the time in which somebody watches a change.
pub const STEPS_MAX: usize = 120;

/// What one component has done in a slot since it was first loaded.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The slot.
    pub slot: SlotName,
    /// The component's name.
    pub component: String,
    /// What its file hashed to.
    pub digest: Digest,
    /// The counters.
    pub total: Total,
    /// The upper bounds of the histogram's buckets in microseconds.
    pub bounds_us: &'static [u64],
    /// How many calls fell into each bucket alone; one more than there are bounds.
    pub counts: Vec<u64>,
    /// How long all calls took together, in microseconds.
    pub sum_us: u64,
}

/// Counters that only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Calls that have ended, however they did.
    pub decisions: u64,
    /// How often it said no.
    pub refusals: u64,
    /// How often it could not decide.
    pub faults: u64,
    /// How often it trapped.
    pub traps: u64,
    /// How often it computed for too long.
    pub time_outs: u64,
    /// How often its answer was out of bounds.
    pub refused_answers: u64,
    /// How often it decided otherwise than what it was compared with.
    pub divergences: u64,
}

/// The ring.
#[derive(Debug, Default)]
pub struct Figures(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    /// When the last sample was taken, in milliseconds since the Unix epoch.
    at: u64,
    /// How long each step took, in milliseconds.
    took: VecDeque<u64>,
    entries: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    last: Counted,
    steps: VecDeque<Step>,
}

/// What was done in one step.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    total: Total,
    mean_us: Option<u64>,
    p99_us: Option<u64>,
}

/// The ring as it is told. The lists of an entry are as long as `took_ms`, the oldest step first.
#[derive(Debug, Serialize)]
pub struct Drawn {
    /// When the last step ended, in milliseconds since the Unix epoch.
    pub at: u64,
    /// How long each step took, in milliseconds.
    pub took_ms: Vec<u64>,
    /// A component in a slot each.
    pub entries: Vec<DrawnEntry>,
}

/// A component in a slot.
#[derive(Debug, Serialize)]
pub struct DrawnEntry {
    /// The slot.
    pub slot: SlotName,
    /// The component's name.
    pub component: String,
    /// What its file hashed to.
    pub digest: Digest,
    /// All that it has done.
    pub total: Total,
    /// Decisions in each step.
    pub decisions: Vec<u64>,
    /// Refusals in each step.
    pub refusals: Vec<u64>,
    /// Faults, traps, time-outs and answers out of bounds in each step.
    pub faults: Vec<u64>,
    /// Divergences in each step.
    pub divergences: Vec<u64>,
    /// The mean time of a decision in each step, in microseconds; none where there was none.
    pub mean_us: Vec<Option<u64>>,
    /// What 99 of 100 decisions took at most; a histogram's estimate.
    pub p99_us: Vec<Option<u64>>,
}

impl Figures {
    /// Takes one step: `now` is in milliseconds since the Unix epoch.
    pub fn step(&self, now: u64, counted: Vec<Counted>) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.at == 0;
        let took = now.saturating_sub(ring.at);
        ring.at = now;
        let before = if first { 0 } else { ring.took.len() };
        if !first {
            push(&mut ring.took, took);
        }
        let mut old = std::mem::take(&mut ring.entries);
        for now in counted {
            let known = old.iter().position(|series| series.is_of(&now)).map(|at| old.swap_remove(at));
            // One that is new has done nothing before; one that was there at the start, who knows when.
            let mut series = known.unwrap_or_else(|| Series {
                last: if first { now.clone() } else { now.nothing() },
                steps: vec![Step::default(); before].into(),
            });
            if !first {
                push(&mut series.steps, Step::between(&series.last, &now));
            }
            series.last = now;
            ring.entries.push(series);
        }
    }

    /// The ring as it is now.
    pub fn drawn(&self) -> Drawn {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = ring.entries.iter().map(Series::drawn).collect();
        Drawn { at: ring.at, took_ms: ring.took.iter().copied().collect(), entries }
    }
}

impl Publisher {
    /// What every component has done so far.
    pub fn counted(&self) -> Vec<Counted> {
        self.loader.sandbox().tallies().iter().map(|tally| Counted::of(tally)).collect()
    }
}

/// Takes a step every [`STEP`], until the task is dropped.
pub async fn keep(figures: &Figures, publisher: &Publisher) {
    let mut ticks = tokio::time::interval(STEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        figures.step(clock::now().0, publisher.counted());
    }
}

impl Series {
    fn is_of(&self, other: &Counted) -> bool {
        self.last.slot == other.slot && self.last.digest == other.digest
    }

    fn drawn(&self) -> DrawnEntry {
        let each = |of: fn(&Step) -> u64| self.steps.iter().map(of).collect();
        DrawnEntry {
            slot: self.last.slot,
            component: self.last.component.clone(),
            digest: self.last.digest,
            total: self.last.total,
            decisions: each(|step| step.total.decisions),
            refusals: each(|step| step.total.refusals),
            faults: each(|step| step.total.failures()),
            divergences: each(|step| step.total.divergences),
            mean_us: self.steps.iter().map(|step| step.mean_us).collect(),
            p99_us: self.steps.iter().map(|step| step.p99_us).collect(),
        }
    }
}

impl Counted {
    fn of(tally: &Tally) -> Self {
        let now = tally.snapshot();
        Self {
            slot: tally.slot(),
            component: now.component,
            digest: tally.digest(),
            total: Total {
                decisions: now.calls,
                refusals: now.refusals.values().sum(),
                faults: now.faults,
                traps: now.traps,
                time_outs: now.time_outs,
                refused_answers: now.refused_answers,
                divergences: now.divergences,
            },
            bounds_us: now.latency.bounds_us,
            counts: now.latency.counts,
            sum_us: now.latency.sum_us,
        }
    }

    /// The same before it did anything.
    fn nothing(&self) -> Self {
        let counts = vec![0; self.counts.len()];
        Self { total: Total::default(), sum_us: 0, counts, ..self.clone() }
    }
}

impl Total {
    /// What went wrong, however it did.
    fn failures(&self) -> u64 {
        self.faults + self.traps + self.time_outs + self.refused_answers
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            decisions: self.decisions.saturating_sub(before.decisions),
            refusals: self.refusals.saturating_sub(before.refusals),
            faults: self.faults.saturating_sub(before.faults),
            traps: self.traps.saturating_sub(before.traps),
            time_outs: self.time_outs.saturating_sub(before.time_outs),
            refused_answers: self.refused_answers.saturating_sub(before.refused_answers),
            divergences: self.divergences.saturating_sub(before.divergences),
        }
    }
}

impl Step {
    fn between(before: &Counted, now: &Counted) -> Self {
        let total = now.total.since(&before.total);
        let counts: Vec<u64> = (now.counts.iter().zip(before.counts.iter().chain(std::iter::repeat(&0))))
            .map(|(now, before)| now.saturating_sub(*before))
            .collect();
        let calls: u64 = counts.iter().sum();
        let mean_us = now.sum_us.saturating_sub(before.sum_us).checked_div(calls);
        Self { total, mean_us, p99_us: percentile(now.bounds_us, &counts, 99) }
    }
}

/// What `percent` of the calls took at most: as far into its bucket as the call lies among the bucket's.
/// What is beyond the last bound is told as that.
fn percentile(bounds: &[u64], counts: &[u64], percent: u64) -> Option<u64> {
    let calls: u64 = counts.iter().sum();
    let wanted = (calls * percent).div_ceil(100);
    let (mut seen, mut lower) = (0, 0);
    for (count, bound) in counts.iter().zip(bounds) {
        if *count > 0 && seen + count >= wanted {
            return Some(lower + (bound - lower) * (wanted - seen) / count);
        }
        (seen, lower) = (seen + count, *bound);
    }
    (calls > 0).then_some(lower)
}

fn push<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() >= STEPS_MAX {
        ring.pop_front();
    }
    ring.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[u64] = &[10, 100, 1000];

    fn counted(name: &str, decisions: u64, sum_us: u64, counts: [u64; 4]) -> Counted {
        Counted {
            slot: SlotName::Limit,
            component: name.into(),
            digest: Digest::of(name.as_bytes()),
            total: Total { decisions, traps: decisions / 2, faults: 1, ..Total::default() },
            bounds_us: BOUNDS,
            counts: counts.into(),
            sum_us,
        }
    }

    #[test]
    fn a_step_tells_what_was_done_in_it() {
        let figures = Figures::default();
        figures.step(1000, vec![counted("a", 10, 500, [10, 0, 0, 0])]);
        assert!(figures.drawn().took_ms.is_empty(), "nobody knows how long that took");
        figures.step(6000, vec![counted("a", 14, 900, [10, 4, 0, 0])]);
        figures.step(11_500, vec![counted("b", 2, 20, [2, 0, 0, 0]), counted("a", 14, 900, [10, 4, 0, 0])]);
        let drawn = figures.drawn();
        assert_eq!((drawn.at, drawn.took_ms.as_slice()), (11_500, [5000, 5500].as_slice()));
        let (new, old) = (&drawn.entries[0], &drawn.entries[1]);
        assert_eq!((old.component.as_str(), old.decisions.as_slice()), ("a", [4, 0].as_slice()));
        assert_eq!((old.faults.as_slice(), old.total.decisions), ([2, 0].as_slice(), 14));
        assert_eq!(old.mean_us, [Some(100), None]);
        assert_eq!(old.p99_us, [Some(100), None]);
        assert_eq!((new.component.as_str(), new.decisions.as_slice()), ("b", [0, 2].as_slice()));
    }

    #[test]
    fn ten_minutes_are_kept_and_who_is_gone_is_forgotten() {
        let figures = Figures::default();
        for step in 0..=STEPS_MAX as u64 {
            figures.step(1 + step, vec![counted("a", step, 0, [step, 0, 0, 0])]);
        }
        let drawn = figures.drawn();
        assert_eq!((drawn.took_ms.len(), drawn.entries[0].decisions.len()), (STEPS_MAX, STEPS_MAX));
        figures.step(500, vec![counted("b", 1, 0, [1, 0, 0, 0])]);
        let drawn = figures.drawn();
        assert_eq!((drawn.took_ms.len(), drawn.entries.len()), (STEPS_MAX, 1));
        assert_eq!(drawn.entries[0].decisions.len(), STEPS_MAX);
    }

    #[test]
    fn a_percentile_is_as_far_into_its_bucket_as_the_call_is() {
        assert_eq!(percentile(BOUNDS, &[0, 0, 0, 0], 99), None);
        assert_eq!(percentile(BOUNDS, &[100, 0, 0, 0], 99), Some(9));
        assert_eq!(percentile(BOUNDS, &[98, 2, 0, 0], 99), Some(55));
        assert_eq!(percentile(BOUNDS, &[0, 0, 0, 1], 99), Some(1000));
        assert_eq!(percentile(BOUNDS, &[1, 1, 1, 1], 50), Some(100));
    }
}
