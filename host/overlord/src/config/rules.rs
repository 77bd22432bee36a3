//! How the rules change while the host runs.

use std::time::Duration;

use super::read::Reader;

/// How the rules change.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesConfig {
    /// How many generations that served can be brought back.
    pub previous_max: usize,
    /// When the host changes them by itself.
    pub budget: Budget,
}

/// What a component may do wrong before the host stops it from serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Whether the host does anything by itself.
    pub automatic: bool,
    /// How many calls may fail in the window.
    pub failures_max: u64,
    /// The window.
    pub window: Duration,
    /// How many decisions of a candidate may come out otherwise; none for as many as there are.
    pub divergences_max: Option<u64>,
}

impl RulesConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            previous_max: reader.number("rules.previous_max"),
            budget: Budget {
                automatic: reader.flag("rules.automatic"),
                failures_max: reader.number("rules.failures_max"),
                window: reader.seconds("rules.failures_window_s"),
                divergences_max: Some(reader.number("rules.divergences_max")).filter(|max| *max > 0),
            },
        }
    }
}
