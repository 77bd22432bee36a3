//! The keys of how the rules change.

use super::super::keys::{Key, Preset, Shape};

/// Each is a copy of the components on the disk; nobody goes further back by hand.
const PREVIOUS_MAX: i64 = 100;
/// A component that fails more often than this in a window has failed for everybody.
const FAILURES_MAX: i64 = 1_000_000;
/// An hour: a budget for longer would be spent by what happened before lunch.
const WINDOW_MAX_S: i64 = 3600;

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "rules.previous_max",
        shape: Shape::Number { min: 1, max: PREVIOUS_MAX },
        preset: Preset::Value("5"),
        original: None,
        about: "How many generations that served before can be brought back.",
    },
    Key {
        path: "rules.automatic",
        shape: Shape::Flag,
        preset: Preset::Value("true"),
        original: None,
        about: "Whether the host itself goes back to the generation before, and lets go of a candidate, when\n\
                the next two are passed; the component that failed is then in quarantine.",
    },
    Key {
        path: "rules.failures_max",
        shape: Shape::Number { min: 1, max: FAILURES_MAX },
        preset: Preset::Value("10"),
        original: None,
        about: "How many calls of a component that is not in the generation before may fail (traps, faults,\n\
                time-outs, answers out of bounds) within rules.failures_window_s.",
    },
    Key {
        path: "rules.failures_window_s",
        shape: Shape::Number { min: 1, max: WINDOW_MAX_S },
        preset: Preset::Value("60"),
        original: None,
        about: "The length of that window in seconds.",
    },
    Key {
        path: "rules.divergences_max",
        shape: Shape::Number { min: 0, max: FAILURES_MAX },
        preset: Preset::Value("0"),
        original: None,
        about: "How many decisions of a candidate that is compared may come out otherwise than those of what\n\
                serves; 0 for as many as there are. After a promotion the generation before is compared with\n\
                what serves for one window: too many divergences then bring it back.",
    },
];
