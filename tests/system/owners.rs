//! Whose session it is: to everybody else it looks like one that does not exist.

use std::thread;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup};
use serde_json::Value;
use uuid::Uuid;

use crate::{sessions, stand_in};

/// A session that somebody made on the command line.
const FOUND: &str = "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e";
const FOUND_FILE: &str = r#"{"type":"user","message":{"content":"from the command line"},"timestamp":"2026-01-02T03:04:05.678Z"}
"#;

#[track_caller]
fn answered(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// What an ask in somebody else's session gets.
#[track_caller]
fn hidden(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (404, r#"{"detail":"session not found"}"#));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// Whether the history is as that of a session which does not exist, byte for byte.
fn is_empty(caller: &Caller, session: &str) -> bool {
    let answer = caller.get(&format!("/agent/sessions/{session}/history"));
    answered(&answer);
    answer.text() == r#"{"messages":[]}"#
}

/// A session of this caller's, with a question and an answer in it.
fn session_of(caller: &Caller) -> String {
    let session = caller.new_session();
    answered(&caller.ask(&session, "hello demo:fast"));
    session
}

fn found() -> Setup {
    let setup = Setup::new();
    sessions::put(&setup, FOUND, FOUND_FILE);
    setup
}

#[test]
fn whoever_asks_first_owns_the_session_and_others_do_not_see_it() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = session_of(&alice);
    assert_eq!(alice.history(&session).len(), 2);
    assert!(is_empty(&bob, &session));
    hidden(&bob.ask(&session, "and I?"));
    answered(&alice.ask(&session, "I go on demo:fast"));
    assert_eq!(alice.history(&session).len(), 4, "nothing of bob's is in it");
}

#[test]
fn an_id_alone_is_nobodys() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = alice.new_session();
    assert!(is_empty(&alice, &session) && is_empty(&bob, &session));
    answered(&bob.ask(&session, "mine now demo:fast"));
    hidden(&alice.ask(&session, "too late"));
}

#[test]
fn a_hidden_session_is_audited_and_not_counted() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = alice.new_session();
    answered(&alice.ask(&session, "mine"));
    for _ in 0..3 {
        hidden(&bob.ask(&session, "mine?"));
    }
    answered(&bob.ask(&bob.new_session(), "the first one that counts"));
    let lines: Vec<Value> = host.audit().into_iter().filter(|line| line["user"] == "bob").collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().expect("a name")).collect();
    let three = ["session_not_found"; 3];
    assert_eq!(events, [&three[..], &["ask_start", "ask_ok"]].concat());
    assert!(lines[..3].iter().all(|line| line["session_id"] == session.as_str()), "{lines:?}");
}

#[test]
fn a_bad_question_is_told_before_whose_session_it_is() {
    let host = Setup::new().start();
    let session = session_of(&host.sign_in("alice"));
    let answer = host.sign_in("bob").ask(&session, "");
    assert_eq!(answer.status, 422, "{}", answer.text());
}

#[test]
fn an_admin_reads_and_asks_everywhere_and_owns_nothing_by_it() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let admin = host.sign_in_as("carol", &["user", "admin"]);
    let session = session_of(&alice);
    assert_eq!(admin.history(&session), alice.history(&session));
    answered(&admin.ask(&session, "a word from the house demo:fast"));
    assert_eq!(alice.history(&session).len(), 4);
    answered(&alice.ask(&session, "still mine demo:fast"));
    assert!(is_empty(&bob, &session));
    assert!(is_empty(&host.sign_in("carol"), &session), "the role counts, not the name");
    assert!(is_empty(&host.sign_in_as("bob", &["Admin", "administrator"]), &session));
}

#[test]
fn a_session_that_nobody_owns_is_read_by_anyone_and_taken_over_by_asking() {
    let host = found().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    assert_eq!(alice.history(FOUND)[0]["text"], "from the command line");
    assert_eq!(bob.history(FOUND).len(), 1, "reading claims nothing");
    answered(&bob.ask(FOUND, "I go on with it demo:fast"));
    assert_eq!(bob.history(FOUND).len(), 3);
    assert!(is_empty(&alice, FOUND));
    hidden(&alice.ask(FOUND, "and I?"));
}

#[test]
fn sessions_that_nobody_owns_can_be_kept_for_admins() {
    let host = found().with("OVERLORD_SESSIONS_UNOWNED", "admin").start();
    let (alice, admin) = (host.sign_in("alice"), host.sign_in_as("carol", &["admin"]));
    assert!(is_empty(&alice, FOUND));
    hidden(&alice.ask(FOUND, "may I?"));
    assert_eq!(admin.history(FOUND).len(), 1);
    session_of(&alice);
    answered(&admin.ask(FOUND, "I may demo:fast"));
    hidden(&alice.ask(FOUND, "now?"));
}

#[test]
fn everything_can_be_opened_to_everyone() {
    let host = Setup::new().with("OVERLORD_SESSIONS_OPEN", "true").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = session_of(&alice);
    answered(&bob.ask(&session, "me too demo:fast"));
    assert_eq!(bob.history(&session).len(), 4);
    assert_eq!(alice.history(&session), bob.history(&session));
}

#[test]
fn the_session_that_the_agent_went_on_in_is_owned_too() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let asked = alice.new_session();
    let answer = alice.ask(&asked, "demo:elsewhere demo:fast");
    answered(&answer);
    let elsewhere = answer.json()["session_id"].as_str().expect("an id").to_owned();
    assert_ne!(asked, elsewhere);
    assert_eq!(alice.history(&elsewhere).len(), 2);
    for session in [&asked, &elsewhere] {
        assert!(is_empty(&bob, session));
        hidden(&bob.ask(session, "mine?"));
    }
    assert_eq!(host.audited("ask_ok", &elsewhere)["user"], "alice");
}

#[test]
fn an_agent_cannot_give_away_what_somebody_else_owns() {
    let setup = Setup::new();
    let theirs = Uuid::new_v4().to_string();
    // It answers everybody under one id.
    let host = stand_in::instead(setup, &format!("session={theirs}; answer 'the one id'")).start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    answered(&alice.ask(&theirs, "mine"));
    let session = bob.new_session();
    assert_eq!(bob.ask(&session, "and mine").json()["session_id"], theirs.as_str());
    hidden(&bob.ask(&theirs, "mine now?"));
    answered(&alice.ask(&theirs, "still mine"));
    answered(&bob.ask(&session, "and this one mine"));
}

#[test]
fn an_agent_cannot_take_what_was_there_and_nobody_owned() {
    let setup = Setup::new();
    let theirs = Uuid::new_v4().to_string();
    sessions::put(
        &setup,
        &theirs,
        "{\"type\":\"user\",\"message\":{\"content\":\"made on the command line\"}}\n",
    );
    let host = stand_in::instead(setup, &format!("session={theirs}; answer 'that one'")).start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    // A second is the least by which a file system's clock may differ.
    thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(bob.ask(&bob.new_session(), "hello").json()["session_id"], theirs.as_str());
    assert!(bob.get("/agent/sessions").json()["sessions"].as_array().expect("a list").is_empty());
    assert_eq!(alice.history(&theirs).len(), 1, "it is still whoever's knows its id");
}

#[test]
fn an_id_in_upper_case_is_the_same_session() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = alice.new_session();
    let upper = session.to_uppercase();
    let answer = alice.ask(&upper, "hello demo:fast");
    answered(&answer);
    assert_eq!(answer.json()["session_id"], session.as_str());
    assert_eq!(alice.history(&upper), alice.history(&session));
    assert_eq!(alice.history(&session).len(), 2);
    hidden(&bob.ask(&session, "mine?"));
    hidden(&bob.ask(&upper, "mine?"));
    assert!(is_empty(&bob, &upper));
}

#[test]
fn two_users_who_race_for_a_session_get_one_owner() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1000").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    for _ in 0..20 {
        let session = Uuid::new_v4().to_string();
        let answers = thread::scope(|scope| {
            let asking = [&alice, &bob].map(|caller| scope.spawn(|| caller.ask(&session, "mine")));
            asking.map(|asking| asking.join().expect("an answer"))
        });
        let statuses = answers.map(|answer| answer.status);
        let won = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(won, 1, "{statuses:?}");
        // Who came while the other was being answered is told so; who came after it, nothing.
        assert!(statuses.iter().all(|status| [200, 404, 429].contains(status)), "{statuses:?}");
        let (owner, other) = if statuses[0] == 200 { (&alice, &bob) } else { (&bob, &alice) };
        answered(&owner.ask(&session, "still mine"));
        hidden(&other.ask(&session, "mine?"));
    }
}

#[test]
fn owners_outlive_a_host_that_is_killed() {
    let host = Setup::new().start();
    let session = session_of(&host.sign_in("alice"));
    let host: Host = host.kill().start();
    assert_eq!(host.sign_in("alice").history(&session).len(), 2);
    assert!(is_empty(&host.sign_in("bob"), &session));
    hidden(&host.sign_in("bob").ask(&session, "mine?"));
}

#[test]
fn a_question_that_was_refused_claims_nothing() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    answered(&alice.ask(&alice.new_session(), "the only one"));
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "one too many").status, 429);
    answered(&bob.ask(&session, "nobody's yet"));
}
