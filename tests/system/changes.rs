//! Changes of the rules as an administrator makes them over HTTP, for the tests of what comes of them.

use overlord::sandbox::package::Digest;
use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup};
use overlord_tests::marked;
use overlord_tests::shelf::{Shelf, generation};
use serde_json::{Value, json};

/// How a component is sent.
pub const WASM: (&str, &str) = ("content-type", "application/wasm");

pub fn admin(host: &Host) -> Caller {
    host.sign_in_as("root-of-all", &["admin"])
}

/// The standing that an answer tells, which must be none of failure.
#[track_caller]
pub fn changed(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Sends a component as the candidate of a slot.
pub fn sent(host: &Host, slot: &str, bytes: &[u8]) -> Answer {
    admin(host).send("POST", &format!("/admin/api/candidate?slot={slot}"), &[WASM], Some(bytes))
}

#[track_caller]
pub fn propose(host: &Host, slot: &str, bytes: &[u8]) -> Value {
    changed(&sent(host, slot, bytes))
}

/// Takes a step that must be possible.
#[track_caller]
pub fn step(host: &Host, path: &str, body: &Value) -> Value {
    changed(&admin(host).post(&format!("/admin/api/{path}"), body))
}

#[track_caller]
pub fn canary(host: &Host, percent: f64) -> Value {
    step(host, "candidate/canary", &json!({ "percent": percent }))
}

#[track_caller]
pub fn abort(host: &Host) -> Value {
    changed(&admin(host).send("DELETE", "/admin/api/candidate", &[], None))
}

pub fn rules(host: &Host) -> Value {
    changed(&admin(host).get("/admin/api/rules"))
}

/// The digest that serves in a slot, as a standing tells it.
pub fn serving(standing: &Value, slot: &str) -> String {
    let entries = standing["serving"]["entries"].as_array().expect("a list");
    let entry = entries.iter().find(|entry| entry["slot"] == slot).expect("each slot has one");
    entry["digest"].as_str().expect("text").to_owned()
}

/// The same now.
pub fn serves(host: &Host, slot: &str) -> String {
    serving(&rules(host), slot)
}

pub fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// Asks a question in a session of its own.
pub fn ask(caller: &Caller) -> Answer {
    caller.ask(&caller.new_session(), "demo:fast")
}

/// Who asked is refused for the number of their questions, by this build of the limiter.
pub fn refusing_build(answer: &Answer) -> Option<u8> {
    if answer.status != 429 {
        return None;
    }
    marked::limiter_of(answer.json()["detail"].as_str().expect("a sentence"))
}

/// A host on a folder of its own where nobody may ask, so that every answer names its limiter.
pub fn house(more: &[(&str, &str)]) -> (Host, Shelf) {
    let (mut setup, shelf) = Shelf::new(Setup::new().with("AGENT_RATE_MAX", "0"));
    shelf.put("limit-window", &marked::limiter(1));
    for (name, value) in more {
        setup = setup.with(name, value);
    }
    let host = setup.start();
    generation(&host, 1);
    (host, shelf)
}
