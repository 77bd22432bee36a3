//! Which callers a candidate serves: a share of them, and always the same ones, so that nobody is served
//! now by one generation and now by another. A larger share takes more callers and gives none back.

use std::sync::Arc;

use super::Generation;
use crate::sandbox::package::Digest;

/// The whole, in the unit of a share: hundredths of a per cent.
pub const WHOLE: u32 = 10_000;

/// A candidate that serves a share of the callers.
#[derive(Debug)]
pub struct Canary {
    /// The candidate.
    pub generation: Arc<Generation>,
    /// In hundredths of a per cent.
    share: u32,
    /// What makes another candidate take other callers.
    salt: Digest,
}

impl Canary {
    /// That share, in hundredths of a per cent. `changed`: what makes the candidate the one that it is.
    pub(super) fn new(
        generation: Arc<Generation>,
        share: u32,
        changed: impl Iterator<Item = Digest>,
    ) -> Self {
        let salt = changed.map(|digest| digest.to_string()).collect::<String>();
        Self { generation, share, salt: Digest::of(salt.as_bytes()) }
    }

    /// Whether a user is served by it.
    pub fn takes(&self, user: &str) -> bool {
        let place = Digest::of(format!("{} {user}", self.salt).as_bytes()).first_number() % u64::from(WHOLE);
        place < u64::from(self.share)
    }
}

/// A share of so many per cent, in hundredths of one; none for what is no share: nothing, more than all,
/// less than a hundredth.
pub fn share_of(percent: f64) -> Option<u32> {
    let hundredths = (percent * 100.0).round();
    if !(1.0..=f64::from(WHOLE)).contains(&hundredths) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 1 to 10,000")]
    let share = hundredths as u32;
    Some(share)
}

/// A share in per cent.
pub fn percent_of(share: u32) -> f64 {
    f64::from(share) / 100.0
}
