//! Components that break while they serve: each slot's fail mode, one line in the log that names the
//! component, its hash and the function, and a next request that is none the worse for it.

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::json;

use crate::made::{Does, Shelf, broken, digest, generation, logged, real};

/// A component of a slot, and the request that meets it.
struct Slot {
    component: &'static str,
    world: &'static str,
    request: fn(&Caller, &str) -> Answer,
    /// What whoever asks is told.
    refusal: (u16, &'static str),
}

const AUTH: Slot = Slot {
    component: "auth-cookie",
    world: "auth-policy",
    request: |caller, _| caller.send("POST", "/agent/sessions/new", &[], None),
    refusal: (503, "Sign-in cannot be checked right now; the host's log says why"),
};

const LIMIT: Slot = Slot {
    component: "limit-window",
    world: "limit-policy",
    request: |caller, session| caller.ask(session, "demo:fast"),
    refusal: (503, "Questions cannot be taken right now; the host's log says why"),
};

const AGENT: Slot = Slot {
    component: "agent-claude",
    world: "agent-adapter",
    request: |caller, session| caller.ask(session, "demo:fast"),
    refusal: (502, "the component that drives the agent failed; the host's log says why"),
};

const HISTORY: Slot = Slot {
    component: "history-claude",
    world: "history-policy",
    request: |caller, session| caller.get(&format!("/agent/sessions/{session}/history")),
    refusal: (500, "failed to read session"),
};

/// Swaps in a component that does something wrong, asserts what the request gets and the log says, and
/// swaps the good one back.
#[track_caller]
fn breaks(slot: &Slot, does: Does, words: &[&str]) {
    let (setup, shelf) = Shelf::new(Setup::new());
    let host = setup.start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);

    let bad = broken(slot.world, does);
    let bad_digest = digest(host.setup(), &bad);
    shelf.put(slot.component, &bad);
    generation(&host, 2);
    let answer = (slot.request)(&alice, &session);
    assert_eq!((answer.status, answer.json()), (slot.refusal.0, json!({"detail": slot.refusal.1})));
    let name = format!("component {} broke: ", slot.component);
    let line = logged(&host, &[&[name.as_str(), "ERROR", &bad_digest, "falls_over"], words].concat());
    assert!(!host.output().contains("\nERROR forged"), "a component has written a line of its own");
    // One line for one request: the name, the hash and the way there.
    let lines = host.output().lines().filter(|line| line.contains(" broke: ")).count();
    assert_eq!(lines, 1, "{line}\n{}", host.output());
    assert_eq!(host.anyone().get("/agent/nowhere").status, 404);

    shelf.put(slot.component, &real(slot.component));
    generation(&host, 3);
    let answer = (slot.request)(&alice, &session);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn an_auth_that_traps_lets_nobody_in() {
    breaks(&AUTH, Does::Trap, &["unreachable"]);
}

#[test]
fn an_auth_that_loops_lets_nobody_in() {
    breaks(&AUTH, Does::Loop, &["it computed for longer than 1s and was stopped"]);
}

#[test]
fn an_auth_that_eats_memory_lets_nobody_in() {
    breaks(&AUTH, Does::Eat, &["it had asked for more than its 64 MiB of memory"]);
}

#[test]
fn a_limiter_that_traps_admits_nobody() {
    breaks(&LIMIT, Does::Trap, &["unreachable"]);
}

#[test]
fn a_limiter_that_loops_admits_nobody() {
    breaks(&LIMIT, Does::Loop, &["it computed for longer than 1s and was stopped"]);
}

#[test]
fn a_limiter_that_eats_memory_admits_nobody() {
    breaks(&LIMIT, Does::Eat, &["it had asked for more than its 64 MiB of memory"]);
}

#[test]
fn an_agent_that_traps_has_no_answer() {
    breaks(&AGENT, Does::Trap, &["unreachable"]);
}

#[test]
fn an_agent_that_loops_has_no_answer() {
    breaks(&AGENT, Does::Loop, &["it computed for longer than 5s and was stopped"]);
}

#[test]
fn an_agent_that_eats_memory_has_no_answer() {
    breaks(&AGENT, Does::Eat, &["it had asked for more than its 256 MiB of memory"]);
}

#[test]
fn a_history_that_traps_is_an_error_and_not_an_empty_one() {
    breaks(&HISTORY, Does::Trap, &["unreachable"]);
}

#[test]
fn a_history_that_loops_is_an_error_and_not_an_empty_one() {
    breaks(&HISTORY, Does::Loop, &["it computed for longer than 10s and was stopped"]);
}

#[test]
fn a_history_that_eats_memory_is_an_error_and_not_an_empty_one() {
    breaks(&HISTORY, Does::Eat, &["it had asked for more than its 256 MiB of memory"]);
}

/// A host with an audit component that does something wrong, and who asks.
fn without_audit(does: Does, fail: &str) -> (Host, Shelf, Caller) {
    let (setup, shelf) = Shelf::new(Setup::new().with("OVERLORD_AUDIT_FAIL", fail));
    let host = setup.start();
    shelf.put("audit-jsonl", &broken("audit-policy", does));
    generation(&host, 2);
    let alice = host.sign_in("alice");
    (host, shelf, alice)
}

#[test]
fn an_audit_that_breaks_leaves_the_hosts_own_lines_and_the_answer() {
    for (does, words) in
        [(Does::Trap, "unreachable"), (Does::Loop, "it computed for longer"), (Does::Eat, "64 MiB of memory")]
    {
        let (host, shelf, alice) = without_audit(does, "open");
        let session = alice.new_session();
        let answer = alice.ask(&session, "demo:fast a secret of alice's");
        assert_eq!(answer.status, 200, "{does:?}: {}", answer.text());
        // That the rules have changed is written down after they have, and others write meanwhile.
        let lines = wait_until("three lines", || Some(host.audit()).filter(|lines| lines.len() == 3));
        let (changed, lines): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line["event"] == "rules_changed");
        let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().expect("a name")).collect();
        assert_eq!((changed.len(), &events[..]), (1, &["ask_start", "ask_ok"][..]), "{does:?}");
        for line in &lines {
            assert_eq!((&line["user"], &line["session_id"]), (&json!("alice"), &json!(session)));
            assert_eq!(line["note"], "written by the host: the audit component failed");
            assert!(
                !line.to_string().contains("a secret of alice's"),
                "only a format may show texts: {line}"
            );
        }
        // One line for each event that it did not write.
        logged(&host, &["component audit-jsonl broke: ", words, "falls_over"]);
        assert_eq!(host.output().matches("component audit-jsonl broke: ").count(), 3, "{does:?}");

        shelf.put("audit-jsonl", &real("audit-jsonl"));
        generation(&host, 3);
        assert_eq!(alice.ask(&session, "demo:fast again").status, 200);
        let lines = host.audit();
        let last = lines.iter().rfind(|line| line["event"] == "ask_start").expect("it was asked");
        assert_eq!(last["message"], "demo:fast again");
    }
}

#[test]
fn where_nothing_may_go_unrecorded_a_broken_audit_stops_the_question_before_it_runs() {
    let (host, shelf, alice) = without_audit(Does::Trap, "closed");
    let session = alice.new_session();
    let answer = alice.ask(&session, "demo:fast");
    let detail = json!({"detail": "Questions cannot be taken right now; the host's log says why"});
    assert_eq!((answer.status, answer.json()), (503, detail));
    assert!(alice.history(&session).is_empty(), "the agent ran all the same");
    let refused = alice.ask(&session, "demo:fast");
    assert_eq!(refused.status, 503, "its place was not given back: {}", refused.text());

    shelf.put("audit-jsonl", &real("audit-jsonl"));
    generation(&host, 3);
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
}

#[test]
fn the_log_of_a_broken_component_is_json_where_lines_are_json() {
    let (setup, shelf) = Shelf::new(Setup::new().with("OVERLORD_LOG_FORMAT", "json"));
    let host = setup.start();
    let bad = broken("limit-policy", Does::Trap);
    shelf.put("limit-window", &bad);
    wait_until("generation 2", || host.output().contains("\"generation 2 ").then_some(()));
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "hello").status, 503);
    let line = logged(&host, &["component limit-window broke: "]);
    let line: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
    assert_eq!((&line["level"], &line["slot"]), (&json!("ERROR"), &json!("limit")));
    assert_eq!(line["component"], "limit-window");
    assert_eq!(line["digest"], digest(host.setup(), &bad));
}
