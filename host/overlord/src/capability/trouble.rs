//! How often the operating system would not do what a capability asked of it, since the process was
//! started. Counted where the trouble is, read by whoever tells operators.

use std::sync::atomic::{AtomicU64, Ordering};

/// The state could not be read or written.
pub static STATE: Trouble = Trouble::none();

/// An audit line could not be written to its file.
pub static AUDIT: Trouble = Trouble::none();

/// A counter for the whole process: a host has one state and one audit log, and what opens them would
/// have to hand it to each of their errors otherwise.
#[derive(Debug)]
pub struct Trouble(AtomicU64);

impl Trouble {
    const fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    /// How often so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn again(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
