//! The decision: a question takes a token, and time brings tokens. Knows nothing of bytes.
//!
//! All arithmetic is exact. A token has as many parts as the rate's time has milliseconds (1000 where
//! the rate is of a second, 3,600,000 where it is of an hour), so each millisecond brings just `rate`
//! parts, and nothing is rounded but the time that a refusal names.

use crate::cell::{Bucket, CellError};
use crate::settings::Settings;

/// The audit event of a refusal.
pub const EVENT: &str = "rate_limited";

/// Why someone may not ask: there is no whole token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Whole seconds after which there is one, if nobody else takes it; none where there never is,
    /// since `burst` is 0.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// The `detail` of the answer: the original's words.
    pub fn message(self) -> String {
        match self.retry_after_s {
            Some(seconds) => format!("Rate limit exceeded; retry in {seconds}s"),
            None => "Rate limit exceeded".to_owned(),
        }
    }
}

/// The decision and what to remember of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why they may not ask; none where they may.
    pub refusal: Option<Refusal>,
    /// The new cell, or none to leave it as it was.
    pub cell: Option<Vec<u8>>,
}

/// Decides at the time `now`, in milliseconds.
///
/// A cell that is empty is a full bucket. A clock that was set back brings no token and takes none:
/// time is counted from then on.
pub fn decide(settings: &Settings, now: u64, cell: &[u8]) -> Result<Outcome, CellError> {
    let token = settings.per.ms();
    let full = settings.burst.saturating_mul(token);
    let before = Bucket::read(cell)?.map(|bucket| bucket.of(settings.per));
    let bucket = before.unwrap_or(Bucket { parts: full, per: settings.per, at: now });
    let came = now.saturating_sub(bucket.at).saturating_mul(settings.rate);
    let parts = bucket.parts.saturating_add(came).min(full);
    let remember = |parts| Some(Bucket { parts, per: settings.per, at: now }.write());
    if let Some(parts) = parts.checked_sub(token) {
        return Ok(Outcome { refusal: None, cell: remember(parts) });
    }
    let retry_after_s = (settings.burst > 0).then(|| {
        let ms = (token - parts).div_ceil(settings.rate);
        u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX)
    });
    // What has come until now can be counted again later, unless now is before then.
    let set_back = before.is_some_and(|bucket| bucket.at > now);
    Ok(Outcome { refusal: Some(Refusal { retry_after_s }), cell: remember(parts).filter(|_| set_back) })
}

#[cfg(test)]
mod tests;
