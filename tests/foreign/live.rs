//! A running host takes components in other languages in and lets them go again, while everybody asks:
//! nothing is lost, and a limiter's memory goes from one language to the next.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup};
use overlord_tests::shelf::{Shelf, generation, real};
use serde_json::Value;

use crate::made::{Made, code};

/// How many questions somebody may ask who is not to be refused.
const MANY: &str = "8000";

/// A host with a folder of components of its own, which finds compiled what the tests beside have
/// compiled. `instances` is for the limiter and the audit alike.
fn house(instances: &str, max: &str, wasi: &str) -> (Host, Shelf) {
    // Made now, so that nobody waits for a host meanwhile.
    let _ = Made::PythonLimiter.bytes();
    let setup = Setup::new()
        .with("OVERLORD_LIMIT_INSTANCES", instances)
        .with("OVERLORD_AUDIT_INSTANCES", instances)
        .with("OVERLORD_AUDIT_WASI", wasi)
        .with("OVERLORD_LIMIT_SETTINGS_MAX", max);
    if let Ok(compiled) = std::fs::read_dir(code()) {
        let place = setup.data().join("compiled");
        for entry in compiled.flatten() {
            // Where it cannot be had the host compiles it itself.
            std::fs::hard_link(entry.path(), place.join(entry.file_name())).ok();
        }
    }
    let (setup, shelf) = Shelf::new(setup);
    (setup.start(), shelf)
}

/// Puts `bytes` into the place of the component `name` and waits for the generation that has them.
fn swap(host: &Host, shelf: &Shelf, name: &str, bytes: &[u8], number: u64) {
    shelf.put(name, bytes);
    generation(host, number);
}

/// Asks until it is enough, and looks at each answer and each line.
fn ask_on(host: &Host, caller: &Caller, enough: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let mut sessions = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let session = caller.new_session();
        let answer = caller.ask(&session, "demo:fast");
        assert_eq!(answer.status, 200, "{}", answer.text());
        // A body that is none is refused before anybody decides, and after somebody was let in.
        assert_eq!(caller.post("/agent/ask", &Value::Null).status, 422);
        answered.fetch_add(1, Ordering::Relaxed);
        sessions.push(session);
    }
    for session in &sessions {
        host.audited("ask_start", session);
        assert_eq!(host.audited("ask_ok", session)["is_error"], false);
    }
    sessions
}

fn in_and_out(instances: &str) {
    let (host, shelf) = house(instances, MANY, "none");
    let (enough, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let sessions = thread::scope(|scope| {
        let asking: Vec<_> = ["alice", "bob"]
            .into_iter()
            .map(|user| {
                let caller = host.sign_in(user);
                let (host, enough, answered) = (&host, &enough, &answered);
                scope.spawn(move || ask_on(host, &caller, enough, answered))
            })
            .collect();
        let mut number = 1;
        for made in [Made::JavaScriptLimiter, Made::PythonAudit, Made::PythonLimiter, Made::JavaScriptAudit] {
            number += 1;
            swap(&host, &shelf, made.original(), &made.bytes(), number);
            // Each of them serves for a while.
            let before = answered.load(Ordering::Relaxed);
            overlord_tests::host::wait_until("two more answers", || {
                (answered.load(Ordering::Relaxed) >= before + 2).then_some(())
            });
        }
        for name in ["limit-window", "audit-jsonl"] {
            number += 1;
            swap(&host, &shelf, name, &real(name), number);
        }
        enough.store(true, Ordering::Relaxed);
        asking.into_iter().flat_map(|one| one.join().expect("nobody was let down")).collect::<Vec<_>>()
    });
    // Two lines a question, and not one more or less.
    let lines = host.audit();
    for session in &sessions {
        assert_eq!(
            lines.iter().filter(|line| line["session_id"] == session.as_str()).count(),
            2,
            "{session}"
        );
    }
    let output = host.output();
    assert!(!output.contains("ERROR") && !output.contains("broke"), "{output}");
}

#[test]
fn they_are_swapped_in_and_out_while_everybody_asks_on_fresh_instances() {
    in_and_out("fresh");
}

#[test]
fn they_are_swapped_in_and_out_while_everybody_asks_on_warm_instances() {
    in_and_out("warm");
}

#[test]
fn a_limiters_memory_goes_from_one_language_to_the_next() {
    let (host, shelf) = house("warm", "3", "none");
    let alice = host.sign_in("alice");
    let ask = || {
        let answer = alice.ask(&alice.new_session(), "demo:fast");
        (answer.status, answer.text())
    };
    assert_eq!(ask().0, 200);
    swap(&host, &shelf, "limit-window", &Made::JavaScriptLimiter.bytes(), 2);
    assert_eq!(ask().0, 200);
    swap(&host, &shelf, "limit-window", &Made::PythonLimiter.bytes(), 3);
    assert_eq!(ask().0, 200);
    let (status, text) = ask();
    assert_eq!(status, 429, "{text}");
    assert!(text.contains("Rate limit exceeded; retry in "), "{text}");
    swap(&host, &shelf, "limit-window", &real("limit-window"), 4);
    assert_eq!(ask().0, 429);
}

#[test]
fn one_that_imports_wasi_writes_the_same_lines_where_the_slot_grants_it() {
    let (host, shelf) = house("warm", MANY, "empty");
    swap(&host, &shelf, "audit-jsonl", &Made::PythonAuditWithWasi.bytes(), 2);
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    let line = host.audited("ask_ok", &session);
    assert_eq!((&line["user"], &line["is_error"]), (&Value::from("alice"), &Value::from(false)));
    assert!(!host.output().contains("ERROR"), "{}", host.output());
}
