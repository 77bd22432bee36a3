//! The words of the house: who asks, in which session, what comes of it. Plain values; owns no rule
//! and knows neither HTTP nor WebAssembly nor the operating system.

mod actor;
pub mod decision;
mod recent;
mod request;
mod run;
mod title;
mod whose;

use std::fmt;

use uuid::Uuid;

pub use actor::Actor;
pub use recent::{Recent, beginning};
pub use request::{REQUEST_ID_VARIABLE, RequestId};
pub use run::{Cancelled, End, NotAnswered, RunId, RunState, Update, state_after};
pub use title::{NotATitle, TITLE_CHARACTERS_MAX, Title, fold};
pub use whose::Whose;

/// Whom a request speaks for. Only the auth stage makes one for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub user: String,
    /// What the user may be besides.
    pub roles: Vec<String>,
}

/// The one role that means something to the host.
pub const ADMIN_ROLE: &str = "admin";

impl Principal {
    /// Whether nothing of the house is closed to them.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN_ROLE)
    }
}

/// A conversation's id. It names a file, so it is nothing but a UUID in its 36-character form, lower
/// case, whatever case it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A fresh one (version 4).
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads the 36-character form; none for anything else that a UUID parser might take (braces,
    /// `urn:uuid:`, 32 digits).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return None;
        }
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The 16 bytes, as the state keeps them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From the 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

/// A question as it was asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// In which conversation.
    pub session: SessionId,
    /// 1 to 10,000 characters.
    pub message: String,
}

/// What the agent said in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub result: String,
    /// The session as the agent names it; may differ from the question's.
    pub session: SessionId,
    /// How long the agent says it took.
    pub duration_ms: u64,
    /// How many turns it took.
    pub turns: u32,
    /// Whether the agent itself calls its text an error.
    pub is_error: bool,
}

/// Why a limiter says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The audit event.
    pub event: String,
    /// What the caller is told.
    pub message: String,
    /// After how many seconds asking again may help.
    pub retry_after_s: Option<u32>,
}

/// A limiter's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Ask now.
    Admit,
    /// Wait for a running question to end.
    Wait,
    /// Do not ask.
    Refuse(Refusal),
}

/// Something for the audit log: a name and fields, in the order in which they are to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub name: std::borrow::Cow<'static, str>,
    /// When.
    pub at: Instant,
    /// The rest.
    pub fields: Vec<(&'static str, Value)>,
}

/// The events whose lines are the original's, byte for byte: nothing is added to them.
const ORIGINAL: [&str; 5] = ["rate_limited", "concurrency_blocked", "ask_start", "ask_error", "ask_ok"];

impl Event {
    /// Says of which request it is, as its last field, where it is not one of the original's.
    #[must_use]
    pub fn of(mut self, request: &RequestId) -> Self {
        if !ORIGINAL.contains(&&*self.name) {
            self.fields.push(("request_id", request.as_str().into()));
        }
        self
    }
}

/// The value of an audit field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, whole: what to cut is the format's business.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Known to be unknown.
    Absent,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_has_one_form() {
        let id = SessionId::parse("0F8FAD5B-D9CB-469F-A165-70867728950E").expect("upper case is the same id");
        assert_eq!(id.to_string(), "0f8fad5b-d9cb-469f-a165-70867728950e");
        for other in [
            "",
            "0f8fad5bd9cb469fa16570867728950e",
            "{0f8fad5b-d9cb-469f-a165-70867728950e}",
            "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e",
            "0f8fad5b-d9cb-469f-a165-70867728950",
            "0f8fad5b-d9cb-469f-a165-70867728950g",
            "../../../../../../../../etc/passwd\0\0\0",
            "0f8fad5b-d9cb-469f-a165-70867728950e ",
        ] {
            assert_eq!(SessionId::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn admin_is_a_role_and_not_a_name() {
        let admin = Principal { user: "a".into(), roles: vec!["x".into(), "admin".into()] };
        let named = Principal { user: "admin".into(), roles: vec!["Admin".into()] };
        assert!(admin.is_admin());
        assert!(!named.is_admin());
    }
}
