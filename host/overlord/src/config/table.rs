//! The table of all keys. The file's grammar, the environment's names and the printed defaults all come
//! from here, and only from here.

mod agent;
mod decisions;
mod house;
mod slots;

use super::keys::Key;

/// A week: nothing that a person waits for takes longer, and a mistyped number is seen.
const WEEK_S: i64 = 7 * 24 * 3600;

/// The sections and what they are for, in the order in which they are printed. Keys without a section
/// come first.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("server", "How the HTTP server behaves."),
    ("sessions", "Who may read and continue which conversation, and what becomes of deleted ones."),
    ("runs", "How questions go on while they are being answered."),
    ("log", "What goes to standard error."),
    ("decisions", "What is recorded of decisions, to try other rules on."),
    ("auth", "Who is asking? Decided by a component."),
    ("limit", "May they ask now? Decided by a component."),
    ("history", "What was said? Read by a component."),
    ("audit", "How is it written down? Formatted by a component."),
    ("agent", "The program that answers, and how it is driven."),
];

/// The sections that are slots: a component, and settings of its own in a table of their own.
pub(super) const SLOTS: &[&str] = &["auth", "limit", "history", "audit", "agent"];

/// All keys, those of a section in the order in which they are printed.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    [house::KEYS, decisions::KEYS, slots::KEYS, agent::KEYS].into_iter().flatten()
}
