//! Generations: all slots together, published by one pointer swap. A request pins the one that it
//! began with, so it never sees auth from one and limits from another; the last request that leaves
//! an old one drops it.

mod budget;
mod canary;
mod candidate;
pub mod figures;
mod files;
mod journal;
mod kept;
mod lifecycle;
mod plan;
mod publish;
mod rules;
mod shadow;
mod standing;
mod start;
mod watch;
mod way_back;
mod witness;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

pub use budget::keep_to;
pub use canary::Canary;
pub use candidate::{Candidate, CandidateError, Shelf, Taken};
pub use files::NotTaken;
pub use kept::Kept;
pub use plan::{Entry, Plan};
pub use publish::{Publisher, Tools};
pub use rules::{AuditEntry, AuthEntry, Chains, Generation, LimitEntry, Serving};
pub use shadow::{About, Shadow};
pub use standing::{ChangeError, Divergence, Proposed, Quarantined, Served, Stage, Standing, StandingEntry};
pub use start::StartError;
pub use watch::watch;
pub use witness::{Silent, Witness};

/// Counts the generations that have not been dropped.
#[derive(Debug)]
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn one_more(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let left = self.0.fetch_sub(1, Ordering::Relaxed) - 1;
        tracing::debug!("a generation has ended, {left} alive");
    }
}

/// What serves: all of it or, where a candidate serves a share of the callers, the rest of them.
#[derive(Debug)]
pub struct Rules {
    /// The generation that serves.
    pub serving: Arc<Generation>,
    /// The candidate that serves some callers instead, if one does.
    pub canary: Option<Canary>,
}

/// The rules that serve. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Current {
    pointer: Arc<ArcSwap<Rules>>,
    alive: Arc<AtomicUsize>,
}

impl Current {
    /// Pins the generation that serves now.
    pub fn pin(&self) -> Arc<Generation> {
        Arc::clone(&self.pointer.load().serving)
    }

    /// Pins what serves now, with the candidate that serves some.
    pub fn rules(&self) -> Arc<Rules> {
        self.pointer.load_full()
    }

    /// How many generations are alive: the one that serves, the candidate, and those that requests hold.
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}
