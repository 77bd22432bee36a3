//! What administrators see and change over HTTP: that nobody else does, and what the addresses take and
//! refuse. What a change does to those who ask is for the tests of generations.

use std::fs;

use overlord::sandbox::package::{COMPONENT_BYTES_MAX, Digest};
use overlord::server::{Access, ROUTES, Route};
use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, built, wait_until};
use serde_json::{Value, json};

use crate::{guard, wire};

const WASM: (&str, &str) = ("content-type", "application/wasm");

fn admin(host: &Host) -> Caller {
    host.sign_in_as("root-of-all", &["admin"])
}

fn for_admins() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.access == Access::Admin)
}

fn send(caller: &Caller, route: &Route, body: &[u8]) -> Answer {
    let upload = (route.method, route.path) == ("POST", "/admin/api/candidate");
    let kind = if upload { WASM } else { ("content-type", "application/json") };
    let body = (route.method == "POST").then_some(body);
    caller.send(route.method, &guard::path(route), &[kind], body)
}

#[track_caller]
fn detail(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()["detail"].as_str().expect("a sentence").to_owned()
}

#[test]
fn every_address_for_administrators_is_for_them_alone() {
    let host = Setup::new().start();
    let named = host.sign_in_as("admin", &["Admin", "administrator"]);
    for route in for_admins() {
        assert!(route.path.starts_with("/admin/api/"), "{}", route.path);
        for body in [&b""[..], b"{}", b"\xff", &[b' '; 4096]] {
            assert_eq!(detail(&send(&host.anyone(), route, body), 401), "Not authenticated");
            let said = detail(&send(&named, route, body), 403);
            assert_eq!(said, "This is for administrators: it needs the role admin", "{}", route.path);
            let status = send(&admin(&host), route, b"\xff").status;
            assert!(!matches!(status, 401 | 403), "{} {}: {status}", route.method, route.path);
        }
    }
    assert!(for_admins().count() >= 13);
    assert!(host.audit().iter().all(|line| line["user"] != "admin"), "{:?}", host.audit());
}

#[test]
fn what_serves_is_told_with_its_digests() {
    let host = Setup::new().start();
    let rules = admin(&host).get("/admin/api/rules").json();
    assert_eq!((&rules["candidate"], &rules["quarantined"]), (&Value::Null, &json!([])));
    assert!(rules["serving"]["number"].as_u64().is_some_and(|number| number >= 1), "{rules}");
    let entries = rules["serving"]["entries"].as_array().expect("a list");
    let slots: Vec<_> = entries.iter().map(|entry| entry["slot"].as_str().expect("a name")).collect();
    assert_eq!(slots, ["auth", "limit", "history", "audit", "agent"]);
    for entry in entries {
        let component = entry["component"].as_str().expect("a name");
        let file = built(&format!("target/components/{component}.wasm"));
        let digest = Digest::of(&fs::read(file).expect("it is built")).to_string();
        assert_eq!(entry["digest"], digest.as_str(), "{component}");
    }
}

#[test]
fn refusals_and_audit_lines_are_at_hand_newest_first() {
    let host = Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", "1").start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "hello demo:fast").status, 200);
    let refused = alice.ask(&session, "<b>again</b>");
    let message = detail(&refused, 429);
    let seen = admin(&host).get("/admin/api/refusals").json();
    let first = &seen["refusals"][0];
    assert_eq!((&first["user"], &first["event"]), (&json!("alice"), &json!("rate_limited")), "{seen}");
    assert_eq!(first["message"], message.as_str());
    assert!(first["at"].as_u64().is_some_and(|at| at > 1_600_000_000_000), "{first}");
    assert_eq!(seen["refusals"].as_array().map(Vec::len), Some(1));

    let audit = admin(&host).get("/admin/api/audit").json();
    let lines = audit["lines"].as_array().expect("a list").iter();
    let mut lines: Vec<_> = lines.map(|line| line["line"].as_str().expect("text").to_owned()).collect();
    lines.reverse();
    let file = fs::read_to_string(host.setup().data().join("audit.jsonl")).expect("it is there");
    assert_eq!(lines, file.lines().collect::<Vec<_>>());
    assert_eq!(audit["on"], true);
    let off = Setup::new().with("OVERLORD_AUDIT_FILE", "/dev/null").start();
    assert_eq!(admin(&off).get("/admin/api/audit").json(), json!({"on": false, "lines": []}));
}

#[test]
fn figures_come_in_steps() {
    let host = Setup::new().start();
    let admin = admin(&host);
    let figures = wait_until("a step", || {
        let figures = admin.get("/admin/api/figures").json();
        figures["took_ms"].as_array().is_some_and(|steps| !steps.is_empty()).then_some(figures)
    });
    let steps = figures["took_ms"].as_array().map(Vec::len);
    for entry in figures["entries"].as_array().expect("a list") {
        for name in ["decisions", "refusals", "faults", "divergences", "mean_us", "p99_us"] {
            assert_eq!(entry[name].as_array().map(Vec::len), steps, "{name}: {entry}");
        }
    }
}

#[test]
fn a_component_may_have_so_many_bytes_and_must_say_what_it_is() {
    let host = Setup::new().start();
    let admin = admin(&host);
    let largest = vec![0; usize::try_from(COMPONENT_BYTES_MAX).expect("small")];
    let answer = admin.send("POST", "/admin/api/candidate?slot=limit", &[WASM], Some(&largest));
    assert_eq!(answer.status, 422, "the largest is looked at: {}", answer.text());
    // One more, which says so beforehand: not a byte of it is waited for.
    let more = format!("Content-Type: application/wasm\r\nContent-Length: {}\r\n", COMPONENT_BYTES_MAX + 1);
    let head = wire::head(&host, &admin, "POST", "/admin/api/candidate?slot=limit", &more);
    assert_eq!(wire::status(&wire::rest(wire::send(host.address(), &head))), 413);
    for kind in ["application/json", "application/octet-stream", "application/wasm2", "text/plain"] {
        let headers = [("content-type", kind)];
        let answer = admin.send("POST", "/admin/api/candidate?slot=limit", &headers, Some(b"\0asm"));
        assert_eq!(answer.status, 415, "{kind}");
    }
}

#[test]
fn a_component_needs_a_place() {
    let host = Setup::new().start();
    let admin = admin(&host);
    for (query, status, words) in [
        ("", 422, "one of auth, limit, history, audit, agent"),
        ("?slot=", 422, "one of auth"),
        ("?slot=Limit", 422, "one of auth"),
        ("?slot=limit&entry=../x", 422, "lower-case letters"),
        ("?slot=limit&entry=nobody", 404, "nobody"),
    ] {
        let answer =
            admin.send("POST", &format!("/admin/api/candidate{query}"), &[WASM], Some(b"no component"));
        assert!(detail(&answer, status).contains(words), "{query}: {}", answer.text());
    }
    let bad = admin.send("POST", "/admin/api/candidate?slot=limit", &[WASM], Some(b"no component"));
    assert!(!detail(&bad, 422).is_empty());
    assert_eq!(admin.get("/admin/api/rules").json()["candidate"], Value::Null, "nothing has come of it");
}

#[test]
fn what_is_asked_for_is_read_strictly() {
    let host = Setup::new().start();
    let admin = admin(&host);
    let post = |path: &str, body: &str| {
        let headers = [("content-type", "application/json")];
        admin.send("POST", &format!("/admin/api/{path}"), &headers, Some(body.as_bytes()))
    };
    for percent in ["0", "-1", "100.1", "1e999", "null", "\"5\"", "[]"] {
        let answer = post("candidate/canary", &format!("{{\"percent\": {percent}}}"));
        assert_eq!(answer.status, 422, "{percent}: {}", answer.text());
    }
    for percent in ["100", "0.01"] {
        let answer = post("candidate/canary", &format!("{{\"percent\": {percent}}}"));
        assert_eq!(answer.status, 409, "there is no candidate: {}", answer.text());
    }
    for (path, body) in [
        ("candidate/promote", "{\"now\": true}"),
        ("candidate/shadow", "[1]"),
        ("candidate/canary", ""),
        ("rollback", "{\"to\": -1}"),
        ("rollback", "{\"to\": \"1\"}"),
        ("quarantine", "{}"),
        ("quarantine", "{\"digest\": \"00\"}"),
        ("rollback", "{"),
    ] {
        assert_eq!(post(path, body).status, 422, "{path} {body}");
    }
    for path in ["candidate/promote", "candidate/shadow"] {
        for body in ["", "{}"] {
            assert_eq!(post(path, body).status, 409, "{path} without a candidate");
        }
    }
    let digest = Digest::of(b"nobody's").to_string();
    let quarantine =
        |reason: &str| post("quarantine", &json!({"digest": digest, "reason": reason}).to_string());
    for reason in ["x".repeat(501), "a\nb".to_owned()] {
        assert_eq!(quarantine(&reason).status, 422, "{reason}");
    }
    assert_ne!(quarantine(&"\u{e9}".repeat(500)).status, 422);
    let long = format!("{{\"digest\": \"{}\"}}", "0".repeat(16 << 10));
    assert_eq!(post("quarantine", &long).status, 413);
    for path in ["/admin/api/quarantine/00", &format!("/admin/api/quarantine/{}", digest.to_uppercase())] {
        assert_eq!(admin.send("DELETE", path, &[], None).status, 422, "{path}");
    }
}
