//! Sessions that are deleted: moved aside, restored, and in the end gone for good; whatever an agent has
//! put in the way.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::{Value, json};

use crate::sessions;

const DAY_MS: u64 = 24 * 3600 * 1000;

const NOT_FOUND: &str = r#"{"detail":"session not found"}"#;
const DELETED: &str = r#"{"detail":"session was deleted; restore it first"}"#;

#[track_caller]
fn post(caller: &Caller, session: &str, what: &str) -> Answer {
    caller.send("POST", &format!("/agent/sessions/{session}/{what}"), &[], None)
}

#[track_caller]
fn is(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (status, text));
}

#[track_caller]
fn listed(caller: &Caller, query: &str) -> Vec<Value> {
    let answer = caller.get(&format!("/agent/sessions{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["sessions"].as_array().expect("a list").clone()
}

fn session_of(caller: &Caller) -> String {
    let session = caller.new_session();
    assert_eq!(caller.ask(&session, "hello demo:fast").status, 200);
    session
}

fn history(caller: &Caller, session: &str) -> Answer {
    caller.get(&format!("/agent/sessions/{session}/history"))
}

/// The folder that deleted sessions lie in.
fn aside(host: &Host) -> PathBuf {
    host.setup().home().join(".claude/overlord-deleted")
}

fn aside_count(host: &Host) -> usize {
    std::fs::read_dir(aside(host)).map_or(0, Iterator::count)
}

#[test]
fn a_deleted_session_is_gone_until_it_is_restored() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = session_of(&alice);
    let file = sessions::file(host.setup(), &session);
    let folder = file.with_extension("");
    std::fs::create_dir_all(folder.join("subagents")).expect("a folder");
    let before = std::fs::read(&file).expect("a file");
    let answer = post(&alice, &session, "delete");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let until = answer.json()["restorable_until"].as_u64().expect("a time");
    assert!(!file.exists() && !folder.exists());
    assert_eq!(aside_count(&host), 2);
    is(&history(&alice, &session), 404, DELETED);
    is(&alice.ask(&session, "still there?"), 404, DELETED);
    is(&alice.get(&format!("/agent/sessions/{session}/export")), 404, DELETED);
    let renamed = alice.post(&format!("/agent/sessions/{session}/rename"), &json!({"title": "x"}));
    is(&renamed, 404, DELETED);
    assert!(listed(&alice, "").is_empty());
    let deleted = listed(&alice, "?deleted=true&q=HELLO");
    assert_eq!((deleted.len(), deleted[0]["restorable_until"].as_u64()), (1, Some(until)));
    assert_eq!(deleted[0]["deleted_at"].as_u64(), Some(until - 30 * DAY_MS));
    assert_eq!(
        (&deleted[0]["title"], &deleted[0]["size"]),
        (&json!("Demo: hello demo:fast"), &json!(before.len()))
    );
    assert_eq!(post(&alice, &session, "delete").json()["restorable_until"].as_u64(), Some(until), "again");
    let host = host.kill().start();
    let alice = host.anyone().with_cookie(alice.cookie());
    let answer = post(&alice, &session, "restore");
    is(&answer, 200, &json!({ "session_id": session }).to_string());
    assert_eq!(post(&alice, &session, "restore").status, 200, "again");
    assert_eq!(std::fs::read(&file).expect("it is back"), before);
    assert!(folder.join("subagents").is_dir());
    assert_eq!((alice.history(&session).len(), aside_count(&host)), (2, 0));
    assert_eq!((listed(&alice, "").len(), listed(&alice, "?deleted=true").len()), (1, 0));
    for event in ["session_deleted", "session_restored"] {
        assert_eq!(host.audited(event, &session)["user"], "alice");
    }
}

#[test]
fn what_is_somebody_elses_cannot_be_deleted_or_restored() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = session_of(&alice);
    is(&post(&bob, &session, "delete"), 404, NOT_FOUND);
    is(&post(&bob, &bob.new_session(), "delete"), 404, NOT_FOUND);
    assert_eq!(post(&alice, &session, "delete").status, 200);
    is(&post(&bob, &session, "restore"), 404, NOT_FOUND);
    is(&history(&bob, &session), 200, r#"{"messages":[]}"#);
    is(&bob.ask(&session, "mine?"), 404, NOT_FOUND);
    assert!(listed(&bob, "?deleted=true").is_empty());
    let admin = host.sign_in_as("carol", &["admin"]);
    assert_eq!(post(&admin, &session, "restore").status, 200);
    assert_eq!(listed(&alice, "").len(), 1, "it is still hers");
    assert_eq!(post(&alice, "x", "delete").status, 400);
}

#[test]
fn a_session_that_runs_is_not_deleted() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = session_of(&alice);
    let asking = alice.begin_to_ask(&session, "demo:hang");
    wait_until("a session that runs", || (listed(&alice, "")[0]["state"] == "running").then_some(()));
    assert_eq!(post(&alice, &session, "delete").status, 409);
    assert!(sessions::file(host.setup(), &session).exists());
    drop(asking);
}

#[test]
fn nothing_is_overwritten_by_a_restored_session() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = session_of(&alice);
    assert_eq!(post(&alice, &session, "delete").status, 200);
    sessions::put(host.setup(), &session, "{}\n");
    assert_eq!(post(&alice, &session, "restore").status, 409);
    let file = sessions::file(host.setup(), &session);
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "{}\n");
    assert!(listed(&alice, "").is_empty(), "the new one is hidden with the deleted one");
    std::fs::remove_file(file).expect("removed");
    assert_eq!(post(&alice, &session, "restore").status, 200);
    assert_eq!(alice.history(&session).len(), 2);
}

#[test]
fn what_was_deleted_long_enough_ago_is_gone_for_good() {
    let host = Setup::new().with("OVERLORD_SESSIONS_DELETED_KEEP_DAYS", "1").start();
    let alice = host.sign_in("alice");
    let session = session_of(&alice);
    assert_eq!(post(&alice, &session, "delete").status, 200);
    let host = host.stop().1.start();
    let alice = host.anyone().with_cookie(alice.cookie());
    assert_eq!(listed(&alice, "?deleted=true").len(), 1, "a day has not passed");
    assert_eq!(aside_count(&host), 1);
    let host = host.stop().1.with("OVERLORD_SESSIONS_DELETED_KEEP_DAYS", "0").start();
    let alice = host.anyone().with_cookie(alice.cookie());
    wait_until("an empty folder", || (aside_count(&host) == 0).then_some(()));
    wait_until("a session that is not there", || {
        (post(&alice, &session, "restore").status == 404).then_some(())
    });
    assert_eq!(history(&alice, &session).text(), r#"{"messages":[]}"#);
    // Its id stays its owner's.
    assert_eq!(host.sign_in("bob").ask(&session, "mine?").status, 404);
    let other = session_of(&alice);
    assert_eq!(post(&alice, &other, "delete").status, 200);
    wait_until("an empty folder", || (aside_count(&host) == 0).then_some(()));
    assert!(!sessions::file(host.setup(), &other).exists());
}

#[test]
fn no_link_that_an_agent_has_put_there_is_followed() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let outside = host.setup().folder().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::write(outside.join("f.jsonl"), "theirs").expect("a file");

    let session = session_of(&alice);
    let file = sessions::file(host.setup(), &session);
    let kept = outside.join("kept");
    std::fs::rename(&file, &kept).expect("moved");
    symlink(outside.join("f.jsonl"), &file).expect("a link");
    assert_eq!(post(&alice, &session, "delete").status, 500, "the file is a link");
    assert!(file.is_symlink() && outside.join("f.jsonl").exists());
    std::fs::rename(&kept, &file).expect("moved back");

    symlink(&outside, aside(&host)).expect("a link");
    assert_eq!(post(&alice, &session, "delete").status, 500, "the folder for deleted ones is a link");
    assert_eq!(std::fs::read_dir(&outside).expect("listed").count(), 1);
    assert_eq!((alice.history(&session).len(), listed(&alice, "").len()), (2, 1), "it is as it was");
    std::fs::remove_file(aside(&host)).expect("removed");

    assert_eq!(post(&alice, &session, "delete").status, 200);
    std::fs::rename(aside(&host), outside.join("stolen")).expect("moved");
    symlink(outside.join("stolen"), aside(&host)).expect("a link");
    assert_eq!(post(&alice, &session, "restore").status, 500);
    std::fs::remove_file(aside(&host)).expect("removed");
    is(&post(&alice, &session, "restore"), 404, NOT_FOUND);
    std::fs::rename(outside.join("stolen"), aside(&host)).expect("moved back");
    assert_eq!(post(&alice, &session, "restore").status, 200);
    assert_eq!(alice.history(&session).len(), 2);
}

#[test]
fn a_session_in_a_home_of_its_own_is_deleted_there() {
    let setup = Setup::new();
    let homes = setup.folder().join("homes");
    let template = homes.join("{user}");
    let host = setup.with("OVERLORD_AGENT_HOME", &template).start();
    let (alice, admin) = (host.sign_in("alice"), host.sign_in_as("carol", &["admin"]));
    let session = session_of(&alice);
    assert_eq!(post(&admin, &session, "delete").status, 200, "by somebody else, and in her home");
    let lies = std::fs::read_dir(homes.join("alice/.claude/overlord-deleted")).expect("a folder").count();
    assert_eq!(lies, 1);
    assert_eq!(post(&alice, &session, "restore").status, 200);
    assert_eq!(alice.history(&session).len(), 2);
}
