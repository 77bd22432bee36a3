//! `overlord config`: the defaults, annotated.

use std::io::Write as _;

use crate::config::annotated_defaults;

pub(super) fn run() {
    // Whoever reads may stop early, as `head` does.
    let _ = std::io::stdout().write_all(annotated_defaults().as_bytes());
}
