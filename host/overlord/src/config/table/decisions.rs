//! The keys of the recording of decisions.

use super::super::keys::{Key, Preset, Shape};

/// Less is not worth keeping: the slots share it, and one decision can have half a megabyte.
const MAX_BYTES_MIN: i64 = 16 << 20;
/// A terabyte: more than a host decides in its life, and a mistyped number is seen.
const MAX_BYTES_MAX: i64 = 1 << 40;
/// Ten years.
const KEEP_DAYS_MAX: i64 = 3650;

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "decisions.record",
        shape: Shape::Flag,
        preset: Preset::Value("true"),
        original: None,
        about: "Whether what auth, limit and audit decide is recorded, in `decisions` of the data directory,\n\
                so that `overlord replay` can try another component on it. What is there already stays.",
    },
    Key {
        path: "decisions.max_bytes",
        shape: Shape::Number { min: MAX_BYTES_MIN, max: MAX_BYTES_MAX },
        preset: Preset::Value("268435456"),
        original: None,
        about: "How many bytes the recording may take; the oldest goes first. Half is the limiter's, three\n\
                eighths are audit's, one is auth's.",
    },
    Key {
        path: "decisions.keep_days",
        shape: Shape::Number { min: 1, max: KEEP_DAYS_MAX },
        preset: Preset::Value("30"),
        original: None,
        about: "For how many days a decision is kept; a file of them goes when its last one is that old.",
    },
    Key {
        path: "decisions.redact",
        shape: Shape::Tokens,
        preset: Preset::Value("[]"),
        original: None,
        about: "Further fields of audit events whose text is not stored, such as \"session_id\". Those of\n\
                message, result_preview and error never are: a keyed hash and the length stand in.",
    },
];
