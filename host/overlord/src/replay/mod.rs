//! Makes recorded decisions again with another component, in their order, and says what would have
//! been different. Owns what is compared and with which state; knows nothing of HTTP, of a host that
//! runs, or of how a report looks.
//!
//! The candidate has a state of its own: a cell begins as it was recorded at its first decision, and
//! from then on is what the candidate left, where the recorded decision was taken over. Decisions are
//! spread over the processor's cores by whose cell they are about, so that the order that matters is
//! kept.

mod audit;
mod lanes;
mod limit;
mod report;
mod survey;

use std::path::Path;
use std::sync::Arc;

pub use report::{Change, Difference, Report, Times};
pub use survey::{Recorded, Survey, survey};

use crate::capability::decisions::{ReadingError, Slot};
use crate::sandbox::{Audit, Limit, Policy};

/// What the recorded decisions are made again with: the candidate, and beside it the component that
/// made them, where its bytes were found.
#[derive(Debug, Clone)]
pub enum Pair {
    /// Of the slot `limit`.
    Limit(Arc<Policy<Limit>>, Option<Arc<Policy<Limit>>>),
    /// Of the slot `audit`.
    Audit(Arc<Policy<Audit>>, Option<Arc<Policy<Audit>>>),
}

/// Which decisions.
#[derive(Debug, Clone)]
pub struct Window {
    /// Of this entry.
    pub entry: String,
    /// From this time on, in milliseconds since the Unix epoch.
    pub since: u64,
    /// Up to this number: what a running host adds meanwhile is left out.
    pub last: u64,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The files.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// A part of this program.
    #[error("the replay ended unexpectedly: {0}")]
    Ended(String),
}

impl Pair {
    fn slot(&self) -> Slot {
        match self {
            Self::Limit(..) => Slot::Limit,
            Self::Audit(..) => Slot::Audit,
        }
    }
}

/// Makes the decisions of a window again. `differences_max`: how many are described one by one.
/// `progress` hears now and then how many were handed out.
pub async fn replay(
    folder: &Path,
    pair: &Pair,
    window: &Window,
    differences_max: usize,
    progress: impl FnMut(u64) + Send + 'static,
) -> Result<Report, ReplayError> {
    lanes::run(folder.to_owned(), pair, window.clone(), differences_max, progress).await
}
