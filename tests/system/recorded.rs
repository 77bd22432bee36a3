//! What the original's framework answered, from `tests/fixtures/fastapi/recordings.json`: each case is
//! a request that can be sent again and the answer that came. Knows the file's shape and judges
//! nothing.

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::checkout;
use serde_json::Value;

/// The session that most recordings are about.
pub const SESSION: &str = "3f2a9c1e-5b7d-4e8f-9a0b-1c2d3e4f5a6b";

/// One request and its answer.
pub struct Case(Value);

/// The cases of one group: `route`, `session` or `ask`.
pub fn group(name: &str) -> Vec<Case> {
    let file = checkout().join("tests/fixtures/fastapi/recordings.json");
    let text = std::fs::read(file).expect("reading the recordings");
    let mut recordings: Value = serde_json::from_slice(&text).expect("the recordings are JSON");
    let cases = recordings["cases"].as_array_mut().expect("a list of cases");
    let group: Vec<_> = cases.drain(..).filter(|case| case["group"] == name).map(Case).collect();
    assert!(!group.is_empty(), "no recordings of {name}");
    group
}

/// The case of this name.
pub fn named(group_name: &str, name: &str) -> Case {
    group(group_name).into_iter().find(|case| case.name() == name).expect("it was recorded")
}

impl Case {
    /// What it is about.
    pub fn name(&self) -> &str {
        text(&self.0["name"])
    }

    /// Whether and why Overlord answers otherwise on purpose.
    pub fn departure(&self) -> Option<&str> {
        self.0.get("departure").map(text)
    }

    /// Whether somebody is signed in.
    pub fn signed_in(&self) -> bool {
        self.0["request"]["headers"].get("Cookie").is_some()
    }

    /// Where the request went.
    pub fn path(&self) -> &str {
        text(&self.0["request"]["path"])
    }

    /// Sends the request again, with the caller's cookie for the recorded one.
    #[track_caller]
    pub fn play(&self, caller: &Caller) -> Answer {
        let request = &self.0["request"];
        let headers = request["headers"].as_object().expect("headers");
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| *name != "Cookie")
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect();
        let body = request.get("body").map(octets);
        caller.send(text(&request["method"]), self.path(), &headers, body.as_deref())
    }

    /// The recorded status.
    pub fn status(&self) -> u64 {
        self.0["response"]["status"].as_u64().expect("a status")
    }

    /// A recorded header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0["response"]["headers"].get(name).map(text)
    }

    /// The recorded body of the answer.
    pub fn body(&self) -> String {
        String::from_utf8(octets(&self.0["response"]["body"])).expect("answers are text")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("recorded as text")
}

/// Pieces of text, each so many times, or octets in hexadecimal.
fn octets(body: &Value) -> Vec<u8> {
    if let Some(hex) = body.get("hex") {
        let hex = text(hex).as_bytes().chunks(2).map(|digits| std::str::from_utf8(digits).expect("ASCII"));
        return hex.map(|digits| u8::from_str_radix(digits, 16).expect("two digits")).collect();
    }
    let pieces = body.as_array().expect("pieces of text").iter();
    let whole: String = pieces
        .map(|piece| {
            let times = usize::try_from(piece[1].as_u64().expect("a number")).expect("a small one");
            text(&piece[0]).repeat(times)
        })
        .collect();
    whole.into_bytes()
}
