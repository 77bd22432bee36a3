//! The table of all keys. The file's grammar, the environment's names and the printed defaults all come
//! from here, and only from here.

mod agent;
mod decisions;
mod house;
mod metrics;
mod otlp;
mod rules;
mod signing;
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
    ("rules", "How the rules change while the host runs."),
    ("log", "What goes to standard error."),
    ("signing", "Whose components may serve."),
    ("metrics", "Who may read the figures at /metrics besides users with the role admin."),
    ("decisions", "What is recorded of decisions, to try other rules on."),
    ("otlp", "Who is told how each request went on its way."),
    ("auth", "Who is asking? Decided by a component."),
    ("limit", "May they ask now? Decided by a component."),
    ("history", "What was said? Read by a component."),
    ("audit", "How is it written down? Formatted by a component."),
    ("agent", "The program that answers, and how it is driven."),
];

/// The sections that are slots: a component, and settings of its own in a table of their own.
pub(super) const SLOTS: &[&str] = &["auth", "limit", "history", "audit", "agent"];

/// A slot that may hold several components.
pub(super) struct Chain {
    /// The slot.
    pub(super) slot: &'static str,
    /// What a further one may say besides what all may.
    pub(super) own_key: Option<&'static str>,
    /// How they go together, and one of them, as the printed defaults show it.
    pub(super) about: &'static str,
}

/// The slots that may hold several components.
pub(super) const CHAINS: &[Chain] = &[
    Chain {
        slot: "auth",
        own_key: None,
        about: "\
Further components, asked in this order until one lets the caller in or says that they are not
welcome. One that breaks ends the search: 503. Each gets the secret and the names of the cookies like
the first, but for what its own settings name. A table for each, at most 7, in a file alone; only
`component` must be said, and `name` where the component is there already.

[[auth.then]]
component = \"auth-cookie\"
name = \"other-application\"
settings = { cookie = \"other_session\", secret = \"the other application's\" }",
    },
    Chain {
        slot: "limit",
        own_key: Some("cell"),
        about: "\
Further components, asked in this order. All must admit a question: the first that does not counts it
and says why, and no other counts it. A table for each, at most 7, in a file alone; only `component`
must be said, and `name` where the component is there already.

[[limit.then]]
component = \"limit-window\"
name = \"everybody\"
cell = \"all\"
settings = { max = 600, concurrency = 8 }",
    },
    Chain {
        slot: "audit",
        own_key: Some("file"),
        about: "\
Further components: each writes a line of its own for every event, to the same file or to one of its
own. A table for each, at most 7, in a file alone; only `component` must be said, and `name` where
the component is there already.

[[audit.then]]
component = \"audit-jsonl\"
name = \"second\"
file = \"/var/log/overlord/second.jsonl\"",
    },
];

/// All keys, those of a section in the order in which they are printed.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    let of_the_house = [house::KEYS, rules::KEYS, metrics::KEYS, otlp::KEYS, decisions::KEYS, signing::KEYS];
    of_the_house.into_iter().chain([slots::KEYS, agent::KEYS]).flatten()
}
