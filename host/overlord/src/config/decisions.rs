//! How decisions are recorded. Knows what its keys may be; what is done with them others know.

use std::time::Duration;

use super::read::Reader;

/// A day.
const DAY_S: u64 = 24 * 3600;

/// How decisions are recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionsConfig {
    /// Whether they are.
    pub record: bool,
    /// How many bytes they may take.
    pub max_bytes: u64,
    /// For how long they are kept.
    pub keep: Duration,
    /// The further fields of audit events whose text is not stored.
    pub redact: Vec<String>,
}

impl DecisionsConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            record: reader.flag("decisions.record"),
            max_bytes: reader.number("decisions.max_bytes"),
            keep: Duration::from_secs(DAY_S * reader.number::<u64>("decisions.keep_days")),
            redact: reader.tokens("decisions.redact"),
        }
    }
}
