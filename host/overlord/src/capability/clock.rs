//! The time, for whoever hands it on to a policy.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::Instant;

/// Milliseconds since the Unix epoch; 0 on a machine whose clock stands before it.
pub fn now() -> Instant {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
