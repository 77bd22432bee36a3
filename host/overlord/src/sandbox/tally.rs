//! What a component has done since it was first loaded, in numbers: one tally for each slot and digest,
//! shared by every policy of that digest. Owns the counters and how they are read; refuses to know what
//! anybody makes of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::package::Digest;
use super::policy::in_one_line;
use super::world::SlotName;

/// The tallies that are kept of components which no policy stands for any more: the ones used last stay
/// readable, and a folder in which files change all day fills no memory.
const PAST_MAX: usize = 32;

/// The different reasons that are counted of one component: events are named by components, and one that
/// names a new one each time must not fill the memory.
const REASONS_MAX: usize = 32;

/// The longest name of a reason, in bytes: the contract's own have up to 20.
const REASON_BYTES_MAX: usize = 64;

/// Under which name the reasons beyond those limits, and those without a name, are counted.
pub const OTHER_REASON: &str = "other";

/// The upper bounds of the histogram's buckets in microseconds: a decision takes some 5, a call of a
/// component in Python thousands, and what a program takes is beyond the last one.
pub const BOUNDS_US: [u64; 22] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
];

/// What a component has done in a slot. Counts are of calls that requests have made, not of its cases or
/// of trials of its settings.
#[derive(Debug)]
pub struct Tally {
    slot: SlotName,
    component: Arc<str>,
    digest: Digest,
    faults: AtomicU64,
    traps: AtomicU64,
    time_outs: AtomicU64,
    refused_answers: AtomicU64,
    divergences: AtomicU64,
    /// One more than there are bounds: what is beyond the last.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    spent_ns: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
}

/// How a call went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It said that it cannot decide.
    Fault,
    /// It trapped.
    Trap,
    /// It was stopped since it computed for too long.
    TimeOut,
    /// What it answered is out of bounds.
    RefusedAnswer,
}

/// A tally as it was at one moment. Counters are read one after the other, so that a call which ends
/// meanwhile may be in some of them and not yet in others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TallySnapshot {
    /// The slot's name.
    pub slot: &'static str,
    /// The component's name: its file's without the ending, as it was when it was first loaded.
    pub component: String,
    /// What its file hashed to, as 64 hexadecimal digits.
    pub digest: String,
    /// How many calls have ended, however they did.
    pub calls: u64,
    /// Of these, in how many it said that it cannot decide.
    pub faults: u64,
    /// In how many it trapped: a bug, or a limit other than that of its time.
    pub traps: u64,
    /// In how many it was stopped since it computed for too long.
    pub time_outs: u64,
    /// In how many its answer was out of bounds.
    pub refused_answers: u64,
    /// How often it decided otherwise than what it was compared with.
    pub divergences: u64,
    /// How often it said no, by reason: the limiter's events; `missing`, `invalid`, `expired` and
    /// `forbidden` of auth; `refused`, `failed`, `timed-out` and `cancelled` of the agent.
    pub refusals: BTreeMap<String, u64>,
    /// How long the calls took.
    pub latency: Latency,
}

/// How long calls took. An agent's includes the program's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// The buckets' upper bounds in microseconds, each included.
    pub bounds_us: &'static [u64],
    /// How many calls fell into each bucket alone; the last one, beyond the bounds, is one more.
    pub counts: Vec<u64>,
    /// All of them together, in microseconds.
    pub sum_us: u64,
}

tokio::task_local! {
    /// Set where calls are made for something else than a request.
    static UNCOUNTED: ();
}

/// Makes calls that no tally counts: they are made for the host's own use, and not for a request.
pub async fn uncounted<F: Future>(calls: F) -> F::Output {
    UNCOUNTED.scope((), calls).await
}

fn counts() -> bool {
    UNCOUNTED.try_with(|()| ()).is_err()
}

impl Tally {
    fn new(slot: SlotName, component: &str, digest: Digest) -> Self {
        Self {
            slot,
            component: component.into(),
            digest,
            faults: AtomicU64::new(0),
            traps: AtomicU64::new(0),
            time_outs: AtomicU64::new(0),
            refused_answers: AtomicU64::new(0),
            divergences: AtomicU64::new(0),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            spent_ns: AtomicU64::new(0),
            reasons: Mutex::default(),
        }
    }

    /// The slot.
    pub fn slot(&self) -> SlotName {
        self.slot
    }

    /// What the component's file hashed to.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many calls have ended, however they did.
    pub fn calls(&self) -> u64 {
        self.buckets.iter().map(read).sum()
    }

    /// How many calls have gone wrong: faults, traps, time-outs and refused answers.
    pub fn failures(&self) -> u64 {
        [&self.faults, &self.traps, &self.time_outs, &self.refused_answers].into_iter().map(read).sum()
    }

    /// How often it decided otherwise than what it was compared with.
    pub fn divergences(&self) -> u64 {
        read(&self.divergences)
    }

    /// Counts a decision that differs from the one that it was compared with.
    pub fn diverged(&self) {
        one_more(&self.divergences);
    }

    /// Counts a no, by its reason.
    pub(super) fn refused(&self, reason: &str) {
        if !counts() {
            return;
        }
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = reasons.get_mut(reason) {
            *count += 1;
            return;
        }
        let fits = (1..=REASON_BYTES_MAX).contains(&reason.len()) && reasons.len() < REASONS_MAX;
        let name = if fits { in_one_line(reason) } else { OTHER_REASON.to_owned() };
        *reasons.entry(name).or_default() += 1;
    }

    pub(super) fn failed(&self, how: Failure) {
        if !counts() {
            return;
        }
        one_more(match how {
            Failure::Fault => &self.faults,
            Failure::Trap => &self.traps,
            Failure::TimeOut => &self.time_outs,
            Failure::RefusedAnswer => &self.refused_answers,
        });
    }

    fn took(&self, time: Duration) {
        if !counts() {
            return;
        }
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| bound * 1000 < ns);
        one_more(&self.buckets[bucket]);
        self.spent_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// What the counters say now.
    pub fn snapshot(&self) -> TallySnapshot {
        let counts: Vec<u64> = self.buckets.iter().map(read).collect();
        TallySnapshot {
            slot: self.slot.as_str(),
            component: self.component.to_string(),
            digest: self.digest.to_string(),
            calls: counts.iter().sum(),
            faults: read(&self.faults),
            traps: read(&self.traps),
            time_outs: read(&self.time_outs),
            refused_answers: read(&self.refused_answers),
            divergences: read(&self.divergences),
            refusals: self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            latency: Latency { bounds_us: &BOUNDS_US, counts, sum_us: read(&self.spent_ns) / 1000 },
        }
    }
}

/// Counts one call when it is dropped, so that every way in which a call ends counts once.
#[derive(Debug)]
pub(super) struct Timed {
    tally: Arc<Tally>,
    begun: Instant,
}

impl Timed {
    pub(super) fn begin(tally: &Arc<Tally>) -> Self {
        Self { tally: Arc::clone(tally), begun: Instant::now() }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.tally.took(self.begun.elapsed());
    }
}

/// The tallies of one sandbox, in the order in which their components were first loaded.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<Vec<Arc<Tally>>>);

impl Tallies {
    /// The one tally of a slot and digest.
    pub(super) fn of(&self, slot: SlotName, component: &str, digest: Digest) -> Arc<Tally> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|tally| tally.slot == slot && tally.digest == digest) {
            // What came back last goes last.
            let tally = all.remove(at);
            all.push(Arc::clone(&tally));
            return tally;
        }
        let tally = Arc::new(Tally::new(slot, component, digest));
        all.push(Arc::clone(&tally));
        drop_past(&mut all);
        tally
    }

    /// Those of all components that serve or have served, the ones loaded last at the end.
    pub(super) fn all(&self) -> Vec<Arc<Tally>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop_past(&mut all);
        all.clone()
    }
}

/// Lets go of what no policy counts in any more: at once where nothing was counted, since such a component
/// was only tried, and otherwise of the oldest.
fn drop_past(all: &mut Vec<Arc<Tally>>) {
    let past = |tally: &Arc<Tally>| Arc::strong_count(tally) == 1;
    all.retain(|tally| !past(tally) || tally.calls() > 0);
    let mut surplus = all.iter().filter(|tally| past(tally)).count().saturating_sub(PAST_MAX);
    all.retain(|tally| {
        let goes = surplus > 0 && past(tally);
        surplus -= usize::from(goes);
        !goes
    });
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        Tally::new(SlotName::Limit, "l", Digest::of(b"l"))
    }

    #[test]
    fn a_bound_is_in_its_bucket_and_what_is_over_it_in_the_next() {
        let tally = tally();
        let last = Duration::from_micros(BOUNDS_US[BOUNDS_US.len() - 1]);
        let nothing_more = Duration::from_nanos(1);
        for time in [Duration::ZERO, Duration::from_micros(1), Duration::from_micros(1) + nothing_more] {
            tally.took(time);
        }
        tally.took(last);
        tally.took(last + nothing_more);
        tally.took(Duration::MAX);
        let latency = tally.snapshot().latency;
        let mut expected = vec![0; BOUNDS_US.len() + 1];
        (expected[0], expected[1]) = (2, 1);
        (expected[BOUNDS_US.len() - 1], expected[BOUNDS_US.len()]) = (1, 2);
        assert_eq!(latency.counts, expected);
        assert_eq!(tally.calls(), 6);
    }

    #[test]
    fn a_component_may_name_so_many_reasons_and_the_rest_is_other() {
        let tally = tally();
        for number in 0..=REASONS_MAX {
            tally.refused(&format!("reason {number}"));
            tally.refused(&format!("reason {number}"));
        }
        let refusals = tally.snapshot().refusals;
        assert_eq!(refusals.len(), REASONS_MAX + 1);
        assert_eq!(refusals["reason 31"], 2);
        assert_eq!(refusals[OTHER_REASON], 2, "the one that was too many");
    }

    #[test]
    fn a_reason_has_a_length_and_one_line() {
        let tally = tally();
        let longest = "x".repeat(REASON_BYTES_MAX);
        tally.refused(&longest);
        tally.refused(&format!("{longest}x"));
        tally.refused("a\nb");
        let refusals: Vec<_> = tally.snapshot().refusals.into_keys().collect();
        assert_eq!(refusals, ["a\\nb", OTHER_REASON, longest.as_str()]);
    }

    #[test]
    fn one_digest_in_one_slot_is_counted_together() {
        let tallies = Tallies::default();
        let digest = Digest::of(b"l");
        let (one, two) = (tallies.of(SlotName::Limit, "l", digest), tallies.of(SlotName::Limit, "m", digest));
        drop(Timed::begin(&one));
        drop(Timed::begin(&two));
        assert_eq!(one.calls(), 2);
        assert!(!Arc::ptr_eq(&one, &tallies.of(SlotName::Audit, "l", digest)));
    }

    #[test]
    fn what_is_past_is_forgotten_beyond_a_number_and_what_lives_never() {
        let tallies = Tallies::default();
        let living = tallies.of(SlotName::Auth, "living", Digest::of(b"living"));
        for number in 0..=PAST_MAX {
            let tally = tallies.of(SlotName::Auth, "past", Digest::of(&number.to_le_bytes()));
            drop(Timed::begin(&tally));
        }
        drop(tallies.of(SlotName::Auth, "tried", Digest::of(b"never called")));
        let all = tallies.all();
        assert_eq!(all.len(), 1 + PAST_MAX);
        assert!(Arc::ptr_eq(&all[0], &living));
        assert_eq!(all[1].digest(), Digest::of(&1_usize.to_le_bytes()), "the oldest of the past has gone");
    }
}
