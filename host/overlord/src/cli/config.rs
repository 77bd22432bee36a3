//! `overlord config`: the defaults, annotated.

use crate::config::annotated_defaults;

pub(super) fn run() -> anyhow::Result<()> {
    super::say(annotated_defaults().trim_end())
}
