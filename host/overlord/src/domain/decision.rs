//! A decision as it is recorded: one call of auth, limit or audit with what went in and what came out.
//! One JSON object a line; docs/decisions-log.md is the same for people. Owns the shape alone: where
//! lines lie, and who writes them, `capability` knows.
//!
//! Nothing in here can hold a secret or what a user or an agent wrote: where such a text would be
//! stands a [`StandIn`].

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Value;

/// The most characters of a text that stands in for another: the longest answer has 16 MiB, and a
/// line that says more was not written by a host.
pub const STAND_IN_CHARS_MAX: u64 = 16 << 20;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Counts up within its slot, over restarts too. A gap is what could not be written down.
    pub number: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// `auth`, `limit` or `audit`.
    pub slot: Cow<'static, str>,
    /// The entry of the slot that decided.
    pub entry: String,
    /// Its component's name.
    pub component: String,
    /// The SHA-256 of the component's file, 64 hexadecimal digits.
    pub digest: String,
    /// The form of the cell, where the component names one; else empty.
    pub form: String,
    /// A keyed hash of the settings, which are never stored: they may be secret.
    pub settings: String,
    /// How long the call took, in microseconds.
    pub us: u64,
    /// Whether what it decided was taken over: false where the host was full, or had to decide again.
    pub committed: bool,
    /// Of the slot `auth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Identified>,
    /// Of the slot `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limited>,
    /// Of the slot `audit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Formatted>,
}

/// A request and who it speaks for. Cannot be decided again: what it is decided by is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// Upper case.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The client's address.
    pub peer: String,
    /// The headers that the component saw.
    pub headers: Vec<Seen>,
    /// The cookies that it saw.
    pub cookies: Vec<Seen>,
    /// What it said.
    pub judgement: Judged,
}

/// A header or cookie whose value is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// A keyed hash of its value.
    pub hash: String,
    /// The value's length in bytes.
    pub bytes: u64,
}

/// What an auth component said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Judged {
    /// The request speaks for this user.
    Admitted {
        /// The user's name.
        user: String,
        /// The user's roles.
        roles: Vec<String>,
    },
    /// No credential.
    Missing,
    /// One that is not genuine.
    Invalid {
        /// Why: it may quote the credential.
        why: StandIn,
    },
    /// One that was genuine.
    Expired,
    /// A genuine one of somebody who is not welcome.
    Forbidden {
        /// Why.
        why: StandIn,
    },
    /// No answer.
    Broken(Broke),
}

/// A limiter's decision, bit for bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// Who asked.
    pub user: String,
    /// In which roles.
    pub roles: Vec<String>,
    /// The time that the component was told, in milliseconds since the Unix epoch.
    pub now: u64,
    /// How many of the user's questions were being answered.
    pub running: u32,
    /// How many waited before this one.
    pub waiting: u32,
    /// What else it was told: names and values.
    pub facts: Vec<(String, String)>,
    /// Whose cell: `user:NAME`, `role:NAME` or `all`.
    pub key: String,
    /// The cell before.
    pub before: Bytes,
    /// What it said.
    pub verdict: Said,
    /// The cell that it left; none where it left it as it was.
    pub after: Option<Bytes>,
}

/// What a limiter said: what replay compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// Ask now.
    Admitted,
    /// Wait.
    Waits,
    /// Do not ask.
    Refused {
        /// The audit event.
        event: String,
        /// What the user is told.
        message: String,
        /// After how many seconds asking again may help.
        retry_after_s: Option<u32>,
    },
    /// No answer.
    Broken(Broke),
}

/// An event, with stand-ins for texts, and the record that the component makes of just that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formatted {
    /// What happened.
    pub event: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The rest: names and values.
    pub fields: Vec<(String, Field)>,
    /// What came of it.
    pub result: Written,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// A text that may be stored.
    Text(String),
    /// A text that may not.
    StandIn(StandIn),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Known to be unknown.
    Absent,
}

/// What an audit component made of an event with stand-ins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Written {
    /// A record.
    Line {
        /// Without its end.
        line: String,
    },
    /// No answer.
    Broken(Broke),
}

/// That a component gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broke {
    /// In which way.
    pub how: How,
    /// What it or the sandbox said: it may quote a setting.
    pub why: StandIn,
}

/// The ways of giving no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It said that it cannot decide.
    Fault,
    /// It ran into a wall: a trap, its time, its memory.
    Trap,
    /// Its answer was out of bounds.
    RefusedAnswer,
}

/// What stands for a text that is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// A keyed hash of it, 32 hexadecimal digits.
    pub hash: String,
    /// How many characters it has.
    pub chars: u64,
}

impl StandIn {
    /// A text of as many characters, which says nothing: the hash over and over. Formats that cut a
    /// text treat it as they treat the original.
    pub fn text(&self) -> String {
        let chars = usize::try_from(self.chars.min(STAND_IN_CHARS_MAX)).unwrap_or(usize::MAX);
        // A hash of nothing would be no text at all.
        let hash = if self.hash.is_empty() { "-" } else { &self.hash };
        hash.chars().cycle().take(chars).collect()
    }
}

impl How {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Trap => "trap",
            Self::RefusedAnswer => "refused answer",
        }
    }
}

/// The fields of an event as a component is given them, stand-ins for texts.
pub fn values(fields: &[(String, Field)]) -> Vec<(&str, Value)> {
    let value = |field: &Field| match field {
        Field::Text(text) => Value::Text(text.clone()),
        Field::StandIn(stand_in) => Value::Text(stand_in.text()),
        Field::Number(number) => Value::Number(*number),
        Field::Flag(flag) => Value::Flag(*flag),
        Field::Absent => Value::Absent,
    };
    fields.iter().map(|(name, field)| (name.as_str(), value(field))).collect()
}

/// Bytes, which JSON has as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision() -> Decision {
        Decision {
            number: 7,
            at: 1_764_000_000_000,
            slot: "limit".into(),
            entry: "limit-window".into(),
            component: "limit-window".into(),
            digest: "ab".repeat(32),
            form: String::new(),
            settings: "cd".repeat(16),
            us: 12,
            committed: true,
            auth: None,
            limit: Some(Limited {
                user: "alice".into(),
                roles: vec!["admin".into()],
                now: 1_764_000_000_000,
                running: 1,
                waiting: 0,
                facts: vec![("queued-since".into(), "1763999999000".into())],
                key: "user:alice".into(),
                before: Bytes(vec![]),
                verdict: Said::Refused {
                    event: "rate_limited".into(),
                    message: "Rate limit exceeded".into(),
                    retry_after_s: None,
                },
                after: Some(Bytes(vec![1, 255])),
            }),
            audit: None,
        }
    }

    #[test]
    fn a_decision_is_one_line_and_reads_as_it_was_written() {
        let line = serde_json::to_string(&decision()).expect("JSON");
        assert!(!line.contains('\n'));
        assert!(
            line.ends_with(concat!(
                r#""us":12,"committed":true,"limit":{"user":"alice","roles":["admin"],"now":1764000000000,"#,
                r#""running":1,"waiting":0,"facts":[["queued-since","1763999999000"]],"key":"user:alice","#,
                r#""before":"","verdict":{"kind":"refused","event":"rate_limited","#,
                r#""message":"Rate limit exceeded","retry_after_s":null},"after":"Af8="}}"#
            )),
            "{line}"
        );
        assert_eq!(serde_json::from_str::<Decision>(&line).expect("read"), decision());
        assert!(serde_json::from_str::<Decision>(&line.replace("Af8=", "?")).is_err());
    }

    #[test]
    fn every_value_of_an_event_reads_as_it_was_written() {
        let stand_in = StandIn { hash: "0f".repeat(16), chars: 3 };
        let broke = Broke { how: How::RefusedAnswer, why: stand_in.clone() };
        let formatted = Formatted {
            event: "ask_ok".into(),
            at: 7,
            fields: vec![
                ("user".into(), Field::Text("a\n".into())),
                ("message".into(), Field::StandIn(stand_in)),
                ("turns".into(), Field::Number(-1)),
                ("is_error".into(), Field::Flag(false)),
                ("x".into(), Field::Absent),
            ],
            result: Written::Broken(broke),
        };
        let json = serde_json::to_string(&formatted).expect("JSON");
        assert_eq!(serde_json::from_str::<Formatted>(&json).expect("read"), formatted);
    }

    #[test]
    fn a_stand_in_has_as_many_characters_up_to_a_bound() {
        let of = |chars| StandIn { hash: "0123456789abcdef".repeat(2), chars }.text();
        assert_eq!(of(0), "");
        assert_eq!(of(3), "012");
        assert_eq!(of(40).chars().count(), 40);
        assert_eq!(of(STAND_IN_CHARS_MAX).len() as u64, STAND_IN_CHARS_MAX);
        assert_eq!(of(u64::MAX).len() as u64, STAND_IN_CHARS_MAX);
    }
}
