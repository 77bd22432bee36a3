//! Generations: all slots together, published by one pointer swap. A request pins the one that it
//! began with, so it never sees auth from one and limits from another; the last request that leaves
//! an old one drops it.

mod candidate;
mod publish;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

pub use candidate::{Candidate, CandidateError, Shelf, Taken};
pub use publish::{Publisher, StartError};
pub use watch::watch;

use crate::sandbox::{Agent, Audit, Auth, History, Limit, Policy, SlotName, Terms};

/// All rules of the house at one time.
#[derive(Debug)]
pub struct Generation {
    /// Counted from 1 since the host started.
    pub number: u64,
    /// Who is asking?
    pub auth: Arc<Policy<Auth>>,
    /// May they ask now?
    pub limit: Arc<Policy<Limit>>,
    /// What was said?
    pub history: Arc<Policy<History>>,
    /// How is it written down?
    pub audit: Arc<Policy<Audit>>,
    /// How is the program driven?
    pub agent: Arc<Policy<Agent>>,
    _alive: Alive,
}

/// What each slot is to hold: the configuration's part of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    slots: [(String, Terms); 5],
}

impl Plan {
    /// The component's name and the terms of each slot, asked for in the order of [`SlotName::ALL`].
    pub fn new(slot: impl FnMut(SlotName) -> (String, Terms)) -> Self {
        Self { slots: SlotName::ALL.map(slot) }
    }

    /// The component's name: its file's without the ending.
    pub fn component(&self, slot: SlotName) -> &str {
        &self.slots[slot as usize].0
    }

    /// The slot's terms.
    pub fn terms(&self, slot: SlotName) -> &Terms {
        &self.slots[slot as usize].1
    }
}

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
