//! A question on its way: its id, its states, what is said meanwhile, what comes of it.

use std::fmt;

use uuid::Uuid;

use super::{Answer, Refusal};

/// A run's id. It names nothing outside the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

impl RunId {
    /// A fresh one (version 4).
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads any form of a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// As the state keeps it.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes, as the state keeps them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// For whoever tags the run's processes.
    pub fn uuid(&self) -> Uuid {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// How far a question has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It waits for its asker's other questions to end; the place in the queue, from 1.
    Queued(u32),
    /// It is being answered.
    Running,
    /// There is an answer.
    Done,
    /// There is none.
    Failed,
    /// It was stopped by who asked, or because nobody listened.
    Cancelled,
    /// The host ended before it did.
    Interrupted,
}

impl RunState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued(_) => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The place in the queue, of one that waits.
    pub fn position(self) -> Option<u32> {
        match self {
            Self::Queued(position) => Some(position),
            _ => None,
        }
    }
}

/// What is said while a question is being answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// More text.
    Delta(String),
    /// The whole text so far, instead of all before.
    Replace(String),
    /// A tool is called.
    ToolCalled {
        /// Joins the call and its end.
        id: String,
        /// The tool's name.
        name: String,
        /// Its input as JSON.
        input: String,
    },
    /// A tool has ended.
    ToolEnded {
        /// The call's.
        id: String,
        /// Whether it failed.
        failed: bool,
        /// What it gave back.
        output: String,
    },
    /// A tool was not permitted; its name.
    Denied(String),
    /// Anything else worth a line.
    Note(String),
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAnswered {
    /// For this caller there is no such session.
    NoSession,
    /// The session was deleted, and can be restored.
    Deleted,
    /// The limiter says no.
    Refused(Refusal),
    /// The host runs as many programs as it may.
    Full,
    /// The host is stopping.
    Stopping,
    /// A rule is broken that nothing goes without.
    Broken,
    /// The agent gave no answer; why.
    Failed(String),
    /// It was stopped; why.
    Cancelled(Cancelled),
    /// The host ended before the question did.
    Interrupted,
}

/// Why a question was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// Somebody who may wished it.
    OnWish,
    /// Nobody had been listening for so many seconds.
    Abandoned(u64),
}

/// What comes of a question.
pub type End = Result<Answer, NotAnswered>;

/// In which state a question is that has ended like this.
pub fn state_after(end: &End) -> RunState {
    match end {
        Ok(_) => RunState::Done,
        Err(NotAnswered::Cancelled(_)) => RunState::Cancelled,
        Err(NotAnswered::Interrupted) => RunState::Interrupted,
        Err(_) => RunState::Failed,
    }
}
