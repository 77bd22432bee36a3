//! Generations: all slots together, published by one pointer swap. A request pins the one that it
//! began with, so it never sees auth from one and limits from another; the last request that leaves
//! an old one drops it.

mod candidate;
mod plan;
mod publish;
mod rules;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

pub use candidate::{Candidate, CandidateError, Shelf};
pub use plan::{Entry, Plan};
pub use publish::{Publisher, StartError};
pub use rules::{AuditEntry, AuthEntry, Generation, LimitEntry, Serving};
pub use watch::watch;

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

/// The generation that serves. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Current {
    pointer: Arc<ArcSwap<Generation>>,
    alive: Arc<AtomicUsize>,
}

impl Current {
    /// Pins the generation that serves now.
    pub fn pin(&self) -> Arc<Generation> {
        self.pointer.load_full()
    }

    /// How many generations are alive: the one that serves, and those that requests still hold.
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}
