//! Lines that Python wrote: `tests/fixtures/audit/make.py` records them.

use serde::Deserialize;

use super::line;
use crate::event::{Event, Value};

const RECORDED: &str = include_str!("../../../../tests/fixtures/audit/lines.json");

#[derive(Deserialize)]
struct Recorded {
    what: String,
    name: String,
    at: u64,
    fields: Vec<(String, Given)>,
    line: String,
}

/// A field's value. Numbers come as text: JSON has no infinity.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Given {
    Text(String),
    Number(String),
    Real(String),
    Flag(bool),
    Absent,
}

impl From<Given> for Value {
    fn from(given: Given) -> Self {
        match given {
            Given::Text(text) => Self::Text(text),
            Given::Number(number) => Self::Number(number.parse().expect("a whole number")),
            Given::Real(number) => Self::Real(number.parse().expect("a number")),
            Given::Flag(flag) => Self::Flag(flag),
            Given::Absent => Self::Absent,
        }
    }
}

#[test]
fn lines_are_pythons_to_the_byte() {
    let recorded: Vec<Recorded> = serde_json::from_str(RECORDED).expect("recorded lines");
    for Recorded { what, name, at, fields, line: expected } in recorded {
        let fields = fields.into_iter().map(|(name, given)| (name, given.into())).collect();
        assert_eq!(line(&Event { name, at, fields }), Ok(expected), "{what}");
    }
}

#[test]
fn every_event_of_the_original_is_recorded() {
    let recorded: Vec<Recorded> = serde_json::from_str(RECORDED).expect("recorded lines");
    for name in ["rate_limited", "concurrency_blocked", "ask_start", "ask_error", "ask_ok"] {
        assert!(recorded.iter().any(|event| event.name == name), "{name}");
    }
}
