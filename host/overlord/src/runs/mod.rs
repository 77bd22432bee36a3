//! The questions that are on their way, and those that have ended a moment ago: who asked them, how far
//! they are, what was said. Owns what is remembered and for how long; knows neither HTTP nor how a
//! question is answered.

mod log;
mod run;
mod watcher;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::capability::clock;
use crate::domain::{Instant, NotAnswered, RunId};

pub use log::{Entry, Happening};
pub use run::{Asked, Run, Snapshot};
pub use watcher::{Told, Watcher};

/// For how long a run that has ended can be read again: longer than a reload or a walk through a tunnel.
const KEEP_MS: u64 = 5 * 60 * 1000;

/// For how long one can be asked about that a host's end has interrupted.
pub const KEEP_INTERRUPTED_MS: u64 = 7 * 24 * 3600 * 1000;

/// The most runs that have ended and are still kept, and the most bytes that they hold: the oldest go
/// first. Those under way are bounded by the places and the queue.
const ENDED_MAX: usize = 512;
const ENDED_BYTES_MAX: usize = 64 << 20;

/// The most listeners to one user's runs: a few hundred tabs. Each holds a piece of a run's text while it
/// reads.
pub const LISTENERS_MAX: usize = 256;

/// All runs of a host.
#[derive(Debug)]
pub struct Runs {
    epoch: u64,
    all: Mutex<HashMap<RunId, Arc<Run>>>,
}

impl Runs {
    /// None yet. `epoch` tells the ids of this host's events from those of the one before.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, all: Mutex::default() }
    }

    /// What every event's id begins with.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A new run.
    pub fn begin(&self, id: RunId, asked: Asked) -> Arc<Run> {
        let run = Arc::new(Run::new(id, asked, self.epoch));
        let mut all = self.all();
        prune(&mut all, clock::now());
        all.insert(id, Arc::clone(&run));
        run
    }

    /// One that was under way when an earlier host ended, at this time or before.
    pub fn was_interrupted(&self, id: RunId, asked: Asked, at: Instant) {
        let run = Run::new(id, asked, self.epoch);
        run.end_at(Err(NotAnswered::Interrupted), at);
        self.all().insert(id, Arc::new(run));
    }

    /// The run of this id.
    pub fn find(&self, id: RunId) -> Option<Arc<Run>> {
        let now = clock::now();
        self.all().get(&id).filter(|run| !is_stale(run, now)).cloned()
    }

    /// Those that `wanted` picks, first asked first.
    pub fn list(&self, wanted: impl Fn(&Run) -> bool) -> Vec<Arc<Run>> {
        let mut all = self.all();
        prune(&mut all, clock::now());
        let mut runs: Vec<_> = all.values().filter(|run| wanted(run)).cloned().collect();
        drop(all);
        runs.sort_by_key(|run| (run.asked().at, run.id()));
        runs
    }

    /// How many are on their way.
    pub fn under_way(&self) -> usize {
        self.all().values().filter(|run| run.ended_at().is_none()).count()
    }

    /// How many listen to a user's runs.
    pub fn listeners(&self, user: &str) -> usize {
        let all = self.all();
        all.values().filter(|run| run.asked().user == user).map(|run| run.listeners()).sum()
    }

    /// Tells every run to stop, since the host does.
    pub fn stop_all(&self) {
        for run in self.all().values() {
            run.stop_with_the_host();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Run>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_stale(run: &Run, now: Instant) -> bool {
    let keep = if run.is_interrupted() { KEEP_INTERRUPTED_MS } else { KEEP_MS };
    run.ended_at().is_some_and(|at| now.0.saturating_sub(at.0) > keep)
}

fn prune(all: &mut HashMap<RunId, Arc<Run>>, now: Instant) {
    all.retain(|_, run| !is_stale(run, now));
    let mut ended: Vec<_> =
        all.values().filter_map(|run| Some((run.ended_at()?, run.id(), run.bytes()))).collect();
    let mut bytes: usize = ended.iter().map(|(_, _, bytes)| bytes).sum();
    if ended.len() <= ENDED_MAX && bytes <= ENDED_BYTES_MAX {
        return;
    }
    ended.sort_unstable();
    let mut count = ended.len();
    for (_, id, size) in ended {
        if count <= ENDED_MAX && bytes <= ENDED_BYTES_MAX {
            break;
        }
        all.remove(&id);
        count -= 1;
        bytes -= size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SessionId, Update};

    fn asked(at: u64) -> Asked {
        let session = SessionId::fresh();
        Asked { session, user: "a".into(), message: "?".into(), at: Instant(at) }
    }

    #[test]
    fn what_has_ended_is_kept_for_a_while() {
        let run = Run::new(RunId::fresh(), asked(0), 1);
        assert!(!is_stale(&run, Instant(u64::MAX)), "it is under way");
        run.end_at(Err(NotAnswered::Broken), Instant(1000));
        assert!(!is_stale(&run, Instant(1000 + KEEP_MS)) && is_stale(&run, Instant(1001 + KEEP_MS)));
        let run = Run::new(RunId::fresh(), asked(0), 1);
        run.end_at(Err(NotAnswered::Interrupted), Instant(0));
        assert!(!is_stale(&run, Instant(KEEP_INTERRUPTED_MS)));
        assert!(is_stale(&run, Instant(KEEP_INTERRUPTED_MS + 1)));
    }

    #[test]
    fn of_those_that_have_ended_the_oldest_go_first() {
        let runs = Runs::new(1);
        let now = clock::now().0;
        let mut ids = Vec::new();
        for n in 0..=ENDED_MAX as u64 {
            let id = RunId::fresh();
            runs.begin(id, asked(n)).end_at(Err(NotAnswered::Broken), Instant(now + n));
            ids.push(id);
        }
        let live = runs.begin(RunId::fresh(), asked(0));
        assert!(runs.list(|_| true).len() == ENDED_MAX + 1, "the running one does not count");
        assert!(runs.find(ids[0]).is_none() && runs.find(ids[1]).is_some());
        assert!(runs.find(live.id()).is_some());
    }

    #[test]
    fn and_they_hold_no_more_than_so_many_bytes() {
        let runs = Runs::new(1);
        let now = clock::now().0;
        for n in 0..80 {
            let run = runs.begin(RunId::fresh(), asked(n));
            run.say(Update::Delta("x".repeat(1 << 20)));
            run.end_at(Err(NotAnswered::Broken), Instant(now + n));
        }
        let bytes: usize = runs.list(|_| true).iter().map(|run| run.bytes()).sum();
        assert!(bytes <= ENDED_BYTES_MAX && bytes > ENDED_BYTES_MAX / 2, "{bytes}");
    }
}
