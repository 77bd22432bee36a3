//! The values that are one of a few words, each with its words beside it. Owns no rule.

use super::values::Raw;

/// A value that is written as one of a few words.
pub(super) trait Words: Copy + 'static {
    /// Each word and what it means.
    const WORDS: &'static [(&'static str, Self)];
}

/// The words of a type.
pub(super) fn words<T: Words>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

/// What is meant by a value.
pub(super) fn meant<T: Words>(raw: &Raw) -> Option<T> {
    let text = raw.text(|_| true)?;
    T::WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

/// How long an instance of a component lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// For one call.
    Fresh,
    /// For several.
    Warm,
}

impl Words for Instances {
    const WORDS: &'static [(&'static str, Self)] = &[("fresh", Self::Fresh), ("warm", Self::Warm)];
}

/// What WASI a component is linked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wasi {
    /// None: a component that imports it is refused.
    None,
    /// One with no directory, no network and no environment; its output goes to the log.
    Empty,
}

impl Words for Wasi {
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self::None), ("empty", Self::Empty)];
}

/// What becomes of a request when a slot's component breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailMode {
    /// It goes on without the component. Only the audit slot can be so.
    Open,
    /// It is not answered.
    Closed,
}

impl Words for FailMode {
    const WORDS: &'static [(&'static str, Self)] = &[("open", Self::Open), ("closed", Self::Closed)];
}

/// Who may read and take over a session that nobody owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unowned {
    /// Anyone signed in who knows its id.
    Anyone,
    /// The role `admin`.
    Admin,
}

impl Words for Unowned {
    const WORDS: &'static [(&'static str, Self)] = &[("anyone", Self::Anyone), ("admin", Self::Admin)];
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What went wrong for good.
    Error,
    /// What needs somebody's attention too.
    Warn,
    /// What happened too.
    Info,
    /// How it happened too.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, level)| *level == self).map_or("info", |(word, _)| word)
    }
}

impl Words for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Words for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

/// What keeps the agent's program out of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WallChoice {
    /// The strongest that can be had.
    Auto,
    /// Another user of the system.
    User,
    /// A mount namespace that hides the house.
    Namespace,
    /// Landlock rules.
    Landlock,
    /// Nothing, as the configuration says in words.
    NoneITrustTheAgent,
}

impl Words for WallChoice {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("user", Self::User),
        ("namespace", Self::Namespace),
        ("landlock", Self::Landlock),
        ("none-i-trust-the-agent", Self::NoneITrustTheAgent),
    ];
}
