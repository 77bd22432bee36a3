//! A request's id: on every answer, in the log, in the audit log, in the program; and whose word counts
//! for what it is.

use overlord::server::ROUTES;
use overlord_tests::caller::Answer;
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::Value;

use crate::guard;

const HEADER: &str = "x-request-id";

#[track_caller]
fn id(answer: &Answer) -> String {
    assert_eq!(answer.headers.get_all(HEADER).iter().count(), 1, "one id an answer");
    answer.header(HEADER).expect("every answer has an id").to_owned()
}

#[track_caller]
fn is_a_uuid(id: &str) {
    assert!(uuid::Uuid::parse_str(id).is_ok() && id.len() == 36, "{id} is no UUID");
}

/// A host whose proxy is everything on this machine.
fn behind_a_proxy() -> Host {
    Setup::new().with("OVERLORD_SERVER_TRUSTED_PEERS", "127.0.0.1").start()
}

#[test]
fn every_answer_has_an_id_of_its_own() {
    let host = Setup::new().start();
    let mut seen = Vec::new();
    for caller in [host.anyone(), host.sign_in("alice")] {
        for route in ROUTES {
            for method in [route.method, "BREW"] {
                let answer = caller.send(method, &guard::path(route), &[(HEADER, "not-mine")], None);
                is_a_uuid(&id(&answer));
                seen.push(id(&answer));
            }
        }
        for (path, headers) in [
            ("/nothing", [("host", "127.0.0.1")]),
            ("/agent/me/", [("host", "127.0.0.1")]),
            ("/", [("host", "evil.example")]),
        ] {
            seen.push(id(&caller.send("GET", path, &headers, None)));
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "no two requests have the same id");
}

#[test]
fn a_stream_has_its_id_before_its_first_event() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let body = serde_json::json!({"session_id": alice.new_session(), "message": "demo:fast"}).to_string();
    let headers = [("content-type", "application/json"), ("accept", "text/event-stream")];
    let answer = alice.send("POST", "/agent/ask", &headers, Some(body.as_bytes()));
    assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{}", answer.text());
    is_a_uuid(&id(&answer));
}

#[test]
fn a_trusted_proxys_id_is_taken_over_where_it_has_the_form_of_one() {
    let host = behind_a_proxy();
    let longest = "x".repeat(64);
    for good in ["a", "Trace_1.2-3", &longest] {
        assert_eq!(id(&host.anyone().send("GET", "/agent/health", &[(HEADER, good)], None)), good);
    }
    for bad in ["", "a b", "a/b", "a\"b", &format!("{longest}x")] {
        is_a_uuid(&id(&host.anyone().send("GET", "/agent/health", &[(HEADER, bad)], None)));
    }
    let two = [(HEADER, "one"), (HEADER, "two")];
    is_a_uuid(&id(&host.anyone().send("GET", "/agent/health", &two, None)));
}

#[test]
fn the_program_and_the_log_know_the_id() {
    let host = Setup::new()
        .with("OVERLORD_SERVER_TRUSTED_PEERS", "127.0.0.1")
        .with("OVERLORD_REQUEST_ID", "of-the-hosts-own-environment")
        .with("OVERLORD_LOG_FORMAT", "json")
        .start();
    let alice = host.sign_in("alice");
    let body = serde_json::json!({"session_id": alice.new_session(), "message": "demo:request demo:fast"});
    let headers = [("content-type", "application/json"), (HEADER, "asked-by-the-test")];
    let answer = alice.send("POST", "/agent/ask", &headers, Some(body.to_string().as_bytes()));
    assert_eq!(id(&answer), "asked-by-the-test");
    let said = answer.json()["result"].as_str().expect("an answer").to_owned();
    assert!(said.contains("for the request `asked-by-the-test`"), "{said}");
    // The line is written by the run's own task.
    let line = wait_until("a line about the answer", || {
        host.output().lines().find(|line| line.contains("ask user=alice")).map(str::to_owned)
    });
    let line: Value = serde_json::from_str(&line).expect("a line is JSON");
    assert_eq!(line["span"]["request_id"], "asked-by-the-test", "{line}");
}

#[test]
fn audit_lines_of_the_hosts_own_events_have_the_id_and_the_originals_have_not() {
    let host = Setup::new().with("AGENT_RATE_MAX", "1").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    assert_eq!(alice.ask(&session, "demo:fast").status, 429);
    let hidden = bob.ask(&session, "demo:fast");
    assert_eq!(hidden.status, 404);
    let text = std::fs::read_to_string(host.setup().data().join("audit.jsonl")).expect("the audit log");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| {
        lines.iter().find(|line| line["event"] == name).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    for original in ["ask_start", "ask_ok", "rate_limited"] {
        assert_eq!(named(original).get("request_id"), None, "{text}");
    }
    assert_eq!(named("session_not_found")["request_id"], id(&hidden).as_str(), "{text}");
}
