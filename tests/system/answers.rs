//! The answers are the original's: every recording is played against a real host, and status, the
//! headers that a client acts on and the body are compared byte for byte. Where Overlord departs from
//! one on purpose, this file says what it answers instead.

use std::path::Path;

use overlord_tests::caller::Answer;
use overlord_tests::host::{Host, Setup};
use serde_json::{Value, json};

use crate::recorded::{self, Case, SESSION};
use crate::{sessions, stand_in, wire};

/// The headers that a client acts on.
const HEADERS: [&str; 4] = ["allow", "content-type", "location", "retry-after"];

/// The workspace of the recordings.
const RECORDED_WORKSPACE: &str = "/srv/workspace";

/// The session that has a file in the recordings, and what it says.
const TOLD: &str = "11111111-1111-4111-8111-111111111111";
const TOLD_FILE: &str = r#"{"type":"user","message":{"content":"hallo “ß” 日本"},"timestamp":"2026-01-02T03:04:05.678Z"}
{"type":"assistant","message":{"content":[{"type":"text","text":"a\nb"}]}}
"#;

/// The session whose file cannot be read.
const BROKEN: &str = "22222222-2222-4222-8222-222222222222";

#[track_caller]
fn same_head(case: &Case, answer: &Answer) {
    let name = case.name();
    assert_eq!(u64::from(answer.status), case.status(), "{name}: {}", answer.text());
    for header in HEADERS {
        // Here it is a path: nobody's Host header is echoed.
        let recorded = case.header(header).map(|value| value.trim_start_matches("http://127.0.0.1:PORT"));
        assert_eq!(answer.header(header), recorded, "{name}: {header}");
    }
}

#[track_caller]
fn same(case: &Case, answer: &Answer) {
    same_head(case, answer);
    assert_eq!(answer.text(), case.body(), "{}", case.name());
}

#[test]
fn every_address_and_method_is_answered_as_recorded() {
    let setup = Setup::new();
    std::fs::create_dir_all(sessions::folder(&setup)).expect("a folder for sessions");
    let workspace = setup.workspace();
    let host = setup.start();
    let alice = host.sign_in("alice");
    for case in recorded::group("route") {
        let answer = case.play(&if case.signed_in() { alice.clone() } else { host.anyone() });
        if case.departure() == Some("Overlord has a page of its own there") {
            let expected = if case.path() == "/" { 200 } else { 405 };
            assert_eq!(answer.status, expected, "{}", case.name());
            continue;
        }
        if case.name().ends_with(" /agent/sessions/") {
            // The original has no list of sessions, so that nothing was there without the slash.
            assert_eq!(case.status(), 404, "{}", case.name());
            assert_eq!((answer.status, answer.header("location")), (307, Some("/agent/sessions")));
            continue;
        }
        match case.body().as_str() {
            health if health.contains("claude_cwd") => {
                same_head(&case, &answer);
                assert_eq!(answer.text(), health_of(health, &workspace), "{}", case.name());
            }
            new if new.contains("00000000-0000-4000-8000-000000000000") => {
                same_head(&case, &answer);
                let id = answer.json()["session_id"].as_str().expect("an id").to_owned();
                assert_eq!(uuid::Uuid::parse_str(&id).map(|id| id.get_version_num()), Ok(4), "{id}");
                assert_eq!(answer.text(), format!(r#"{{"session_id":"{id}"}}"#), "{}", case.name());
            }
            _ => same(&case, &answer),
        }
    }
}

/// The recorded health with this host's workspace, and the field that tells which agent answers.
fn health_of(recorded: &str, workspace: &Path) -> String {
    let workspace = workspace.canonicalize().expect("it is there");
    let workspace = workspace.to_str().expect("the tests use text").to_owned();
    let here = recorded.replace(RECORDED_WORKSPACE, &workspace);
    here.trim_end_matches('}').to_owned() + r#","agent":"demo"}"#
}

#[test]
fn every_session_id_is_answered_as_recorded() {
    let setup = Setup::new();
    sessions::put(&setup, TOLD, TOLD_FILE);
    let folder = sessions::folder(&setup);
    std::os::unix::fs::symlink("loop", folder.join("loop")).expect("a link");
    std::os::unix::fs::symlink("loop", folder.join(format!("{BROKEN}.jsonl"))).expect("a link");
    let host = setup.start();
    let alice = host.sign_in("alice");
    for case in recorded::group("session") {
        let answer = case.play(&alice);
        match case.departure() {
            None | Some("a session id is lower-cased before any look-up") => same(&case, &answer),
            Some("a session id is the 36-character form of a UUID only") => {
                assert_eq!(answer.status, 400, "{}", case.name());
                assert_eq!(answer.text(), r#"{"detail":"invalid session_id"}"#, "{}", case.name());
            }
            Some(other) => panic!("{}: a departure that no test knows: {other}", case.name()),
        }
    }
}

#[test]
fn every_question_is_answered_as_recorded() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1000").start();
    let alice = host.sign_in("alice");
    let mut answered = 0;
    for case in recorded::group("ask").iter().filter(|case| case.departure().is_none()) {
        match case.name() {
            // States rather than requests: `limits` brings them about.
            "window full" | "another is running" => continue,
            // The recordings' service runs nothing. What runs says more, or refuses.
            "no answer" => failed(case, &case.play(&alice), "claude exited with 1 (exit code 1)"),
            "valid, one blank" => failed(case, &case.play(&alice), "nothing but white space"),
            _ => same(case, &case.play(&if case.signed_in() { alice.clone() } else { host.anyone() })),
        }
        answered += u32::from(case.status() == 200);
    }
    assert!(answered > 15, "few of the recordings are answers: {answered}");
}

#[track_caller]
fn failed(case: &Case, answer: &Answer, why: &str) {
    assert_eq!(answer.status, 502, "{}", case.name());
    let detail = answer.json()["detail"].as_str().expect("a sentence").to_owned();
    assert!(detail.contains(why), "{}: {detail}", case.name());
}

#[test]
fn every_question_that_is_answered_otherwise_is_answered_as_it_should_be() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1000").start();
    let alice = host.sign_in("alice");
    for case in recorded::group("ask") {
        let Some(departure) = case.departure() else { continue };
        let answer = case.play(&if case.signed_in() { alice.clone() } else { host.anyone() });
        match departure.rsplit("; ").next().unwrap_or_default() {
            "auth first, then the body" => {
                assert_eq!(answer.status, 401, "{}", case.name());
                assert_eq!(answer.text(), r#"{"detail":"Not authenticated"}"#, "{}", case.name());
            }
            "a session id is lower-cased before any look-up" => {
                assert_eq!(answer.status, 200, "{}", case.name());
                assert_eq!(answer.json()["session_id"], SESSION, "{}", case.name());
            }
            "a body that is no JSON gets json_invalid with the host's own words" => {
                invalid(&case, &answer, "json_invalid", "body");
            }
            "a session id is the 36-character form of a UUID only" => {
                invalid(&case, &answer, "uuid_parsing", "session_id");
            }
            "NUL is refused here, where the original breaks when it starts the program" => {
                invalid(&case, &answer, "value_error", "message");
            }
            "integers beyond 64 bits are echoed as the nearest floating-point number" => {
                invalid(&case, &answer, "string_type", "message");
            }
            "the original breaks with a 500" => {
                invalid(&case, &answer, "model_attributes_type", "body");
            }
            other => panic!("{}: a departure that no test knows: {other}", case.name()),
        }
    }
    assert!(host.audit().iter().all(|line| line["session_id"] == SESSION), "a refused body is no event");
}

/// A 422 whose first item is of this kind, about this field or the body.
#[track_caller]
fn invalid(case: &Case, answer: &Answer, kind: &str, field: &str) {
    let name = case.name();
    assert_eq!(answer.status, 422, "{name}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
    let item: &Value = &answer.json()["detail"][0];
    assert_eq!(item["type"], kind, "{name}: {item}");
    let place = item["loc"].as_array().expect("a place");
    assert!(place[0] == "body" && (field == "body" || place[1] == field), "{name}: {item}");
}

/// A question whose body has so many bytes.
fn question_of(bytes: usize) -> Vec<u8> {
    let mut body = json!({"session_id": SESSION, "message": "hi"}).to_string().into_bytes();
    body.resize(bytes, b' ');
    body
}

fn ask(host: &Host, body: &[u8]) -> Answer {
    host.sign_in("alice").send("POST", "/agent/ask", &[("content-type", "application/json")], Some(body))
}

#[test]
fn a_body_of_one_mebibyte_is_read() {
    let host = stand_in::counting(Setup::new()).start();
    let answer = ask(&host, &question_of(1 << 20));
    assert_eq!((answer.status, &answer.json()["result"]), (200, &json!("2 characters")));
}

#[test]
fn a_body_of_one_byte_more_is_too_large() {
    let host = Setup::new().start();
    let answer = ask(&host, &question_of((1 << 20) + 1));
    assert_eq!(answer.status, 413);
    assert_eq!(answer.text(), r#"{"detail":"The body has more than 1048576 bytes"}"#);
    assert_eq!(host.audit(), Vec::<Value>::new());
}

#[test]
fn a_body_in_chunks_is_limited_too() {
    let host = stand_in::counting(Setup::new()).start();
    let alice = host.sign_in("alice");
    for (bytes, status) in [(1 << 20, 200), ((1 << 20) + 1, 413)] {
        let body = question_of(bytes);
        let more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
        let mut request = wire::head(&host, &alice, "POST", "/agent/ask", more);
        for chunk in body.chunks(100_000) {
            request.extend(format!("{:x}\r\n", chunk.len()).bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
        let answer = wire::rest(wire::send(host.address(), &request));
        assert_eq!(wire::status(&answer), status, "{bytes} bytes");
    }
}

#[test]
fn a_body_that_breaks_off_is_no_question() {
    let host = stand_in::counting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let more = "Content-Type: application/json\r\nContent-Length: 1000\r\n";
    let mut request = wire::head(&host, &alice, "POST", "/agent/ask", more);
    // A whole question, and more was promised.
    request.extend(question_of(500));
    let stream = wire::send(host.address(), &request);
    stream.shutdown(std::net::Shutdown::Write).expect("leaving");
    let answer = wire::rest(stream);
    assert!(answer.is_empty() || wire::status(&answer) == 400, "{}", String::from_utf8_lossy(&answer));
    assert_eq!(alice.ask(SESSION, "hi").status, 200);
    assert_eq!(host.audit().len(), 2, "only the whole one was put to the agent");
}

#[test]
fn a_new_id_touches_no_disk() {
    let host = Setup::new().start();
    let before = listed(host.setup().folder());
    let alice = host.sign_in("alice");
    let ids: std::collections::HashSet<_> = (0..20).map(|_| alice.new_session()).collect();
    assert_eq!(ids.len(), 20);
    assert_eq!(listed(host.setup().folder()), before);
}

/// All files and folders below a folder, with their sizes.
fn listed(folder: &Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, data) = (entry.path(), entry.metadata().expect("it is there"));
        // That somebody was let in is recorded there, whatever they want.
        if path.ends_with("data/decisions") {
            continue;
        }
        all.push((path.clone(), data.len()));
        if data.is_dir() {
            all.extend(listed(&path));
        }
    }
    all.sort();
    all
}

#[test]
fn health_tells_whether_there_are_sessions() {
    let host = Setup::new().start();
    assert_eq!(host.anyone().get("/agent/health").json()["sessions_dir_exists"], false);
    let folder = sessions::folder(host.setup());
    std::fs::create_dir_all(&folder).expect("a folder for sessions");
    assert_eq!(host.anyone().get("/agent/health").json()["sessions_dir_exists"], true);
}
