//! The list of sessions: whose, in which order, page by page, by their titles; and the titles that
//! users give.

use std::time::{Duration, SystemTime};

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sessions;

/// A page of the list.
#[track_caller]
fn list(caller: &Caller, query: &str) -> (Vec<Value>, Option<String>) {
    let answer = caller.get(&format!("/agent/sessions{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let listing = answer.json();
    let lines = listing["sessions"].as_array().expect("a list").clone();
    (lines, listing["next"].as_str().map(str::to_owned))
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["session_id"].as_str().expect("an id")).collect()
}

/// All pages of the list.
fn walk(caller: &Caller, query: &str) -> Vec<Value> {
    let (mut all, mut next) = list(caller, &format!("?{query}"));
    while let Some(cursor) = next {
        let page = list(caller, &format!("?{query}&cursor={cursor}"));
        all.extend(page.0);
        next = page.1;
    }
    all
}

fn titled(title: &str) -> String {
    json!({"type": "custom-title", "customTitle": title}).to_string() + "\n"
}

/// A session's file, last written to so many seconds after some moment.
fn put_at(setup: &Setup, session: &str, file: &str, seconds: u64) {
    sessions::put(setup, session, file);
    let opened = std::fs::File::options().append(true).open(sessions::file(setup, session));
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds);
    opened.and_then(|file| file.set_modified(at)).expect("setting a file's time");
}

fn session_of(caller: &Caller, message: &str) -> String {
    let session = caller.new_session();
    let answer = caller.ask(&session, message);
    assert_eq!(answer.status, 200, "{}", answer.text());
    session
}

/// A host whose sessions are listed for everybody, so that a test can make many without asking.
fn open(setup: Setup) -> Host {
    setup.with("OVERLORD_SESSIONS_OPEN", "true").start()
}

fn rename(caller: &Caller, session: &str, title: &Value) -> Answer {
    caller.post(&format!("/agent/sessions/{session}/rename"), &json!({ "title": title }))
}

#[test]
fn each_sees_their_own_and_an_admin_what_is_nobodys_too() {
    let setup = Setup::new();
    let found = Uuid::new_v4().to_string();
    sessions::put(&setup, &found, titled("made elsewhere"));
    let host = setup.start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let carol = host.sign_in_as("carol", &["admin"]);
    let hers = session_of(&alice, "hello demo:fast");
    let later = session_of(&alice, "again demo:fast");
    let his = session_of(&bob, "mine demo:fast");
    let (lines, next) = list(&alice, "");
    assert_eq!((ids(&lines), next), (vec![later.as_str(), hers.as_str()], None));
    assert_eq!(lines[1]["title"], "Demo: hello demo:fast");
    let size = std::fs::metadata(sessions::file(host.setup(), &hers)).expect("a file").len();
    assert_eq!(lines[1]["size"], size);
    assert!(lines[0]["modified"].as_u64() >= lines[1]["modified"].as_u64(), "{lines:?}");
    assert!(lines[0].get("state").is_none() && lines[0].get("deleted_at").is_none());
    assert_eq!(ids(&list(&bob, "").0), [his.as_str()]);
    assert_eq!(ids(&list(&carol, "").0), [found.as_str()]);
    assert_eq!(host.anyone().get("/agent/sessions").status, 401);
}

#[test]
fn a_running_session_says_so() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = session_of(&alice, "hello demo:fast");
    let asking = alice.begin_to_ask(&session, "demo:hang");
    wait_until("a session that runs", || (list(&alice, "").0[0]["state"] == "running").then_some(()));
    drop(asking);
}

#[test]
fn pages_hold_each_session_once_in_order() {
    let setup = Setup::new();
    let mut expected = Vec::new();
    for number in 0..205 {
        let session = Uuid::new_v4().to_string();
        // Three at a time were written to at the same moment.
        put_at(&setup, &session, &titled(&format!("number {number}")), number / 3);
        expected.push((std::cmp::Reverse(number / 3), session));
    }
    expected.sort();
    let expected: Vec<_> = expected.iter().map(|(_, session)| session.as_str()).collect();
    let host = open(setup);
    let alice = host.sign_in("alice");
    for limit in [1, 7, 200] {
        assert_eq!(ids(&walk(&alice, &format!("limit={limit}"))), expected, "{limit}");
    }
    assert_eq!(list(&alice, "").0.len(), 50);
    for wrong in ["limit=0", "limit=201", "limit=x", "cursor=1", "deleted=maybe"] {
        let answer = alice.get(&format!("/agent/sessions?{wrong}"));
        assert_eq!(answer.status, 422, "{wrong}");
        assert_eq!(answer.json()["detail"][0]["loc"][0], "query", "{wrong}");
    }
}

#[test]
fn a_search_finds_titles_in_any_case_and_script() {
    let setup = Setup::new();
    let titles = ["Über die STRASSE", "Die Odyssee: ΟΔΥΣΣΕΥΣ", "100% +&=?", "plain"];
    for (number, title) in titles.iter().enumerate() {
        put_at(&setup, &Uuid::new_v4().to_string(), &titled(title), number as u64);
    }
    let host = open(setup);
    let alice = host.sign_in("alice");
    let found = |text: &str| -> Vec<String> {
        let text: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let text = text.concat();
        let lines = walk(&alice, &format!("q={text}"));
        lines.iter().map(|line| line["title"].as_str().expect("a title").to_owned()).collect()
    };
    assert_eq!(found("straße"), [titles[0]]);
    assert_eq!(found("ÜBER"), [titles[0]]);
    assert_eq!(found("οδυσσευς"), [titles[1]]);
    assert_eq!(found("DIE"), [titles[1], titles[0]]);
    assert_eq!(found("% +&=?"), [titles[2]]);
    assert_eq!(found("nothing"), Vec::<String>::new());
    assert_eq!(found("").len(), 4);
}

#[test]
fn a_search_through_many_ends_early_and_goes_on() {
    let setup = Setup::new();
    for number in 0..600 {
        let title = if number == 0 { "the oldest one".to_owned() } else { format!("number {number}") };
        put_at(&setup, &Uuid::new_v4().to_string(), &titled(&title), number);
    }
    let host = open(setup);
    let alice = host.sign_in("alice");
    let (first, next) = list(&alice, "?q=oldest");
    assert!(first.is_empty() && next.is_some(), "the first page is {first:?}");
    assert_eq!(walk(&alice, "q=oldest").len(), 1);
    assert_eq!(list(&alice, "?q=oldest").0.len(), 1, "what was read is remembered");
}

#[test]
fn a_title_changes_with_its_file() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    sessions::put(&setup, &session, titled("before"));
    let host = open(setup);
    let alice = host.sign_in("alice");
    assert_eq!(list(&alice, "").0[0]["title"], "before");
    sessions::put(host.setup(), &session, titled("and after"));
    assert_eq!(list(&alice, "").0[0]["title"], "and after");
    sessions::put(host.setup(), &session, "{}\n");
    assert_eq!(list(&alice, "").0[0]["title"], Value::Null);
}

#[test]
fn what_an_agent_puts_in_the_place_of_a_session_does_no_harm() {
    let setup = Setup::new();
    let [good, link, folder, hostile] = [(); 4].map(|()| Uuid::new_v4().to_string());
    put_at(&setup, &good, &titled("good"), 0);
    put_at(&setup, &hostile, &titled(&format!("a\u{202e}\u{1b}[2J\nb{}", "x".repeat(10_000))), 1);
    let outside = setup.folder().join("outside");
    std::fs::write(&outside, titled("a secret")).expect("a file");
    std::os::unix::fs::symlink(outside, sessions::file(&setup, &link)).expect("a link");
    std::fs::create_dir(sessions::file(&setup, &folder)).expect("a folder");
    let host = open(setup);
    let (lines, _) = list(&host.sign_in("alice"), "");
    assert_eq!(ids(&lines), [hostile.as_str(), good.as_str()]);
    let title = lines[0]["title"].as_str().expect("a title");
    assert!(title.chars().count() <= 200 && !title.contains(['\u{202e}', '\u{1b}', '\n']), "{title:?}");
}

#[test]
fn a_title_that_a_user_gave_wins_until_it_is_taken_back() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = session_of(&alice, "hello demo:fast");
    let answer = rename(&alice, &session, &json!(" Großes \u{1f980} "));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), json!({"session_id": session, "title": "Großes \u{1f980}"}));
    assert_eq!(alice.ask(&session, "go on demo:fast").status, 200);
    assert_eq!(list(&alice, "?q=GROSSES").0[0]["title"], "Großes \u{1f980}");
    assert_eq!(host.audited("session_renamed", &session)["user"], "alice");
    let host = host.stop().1.start();
    let (alice, bob) = (alice_again(&host, &alice), alice_again(&host, &bob));
    assert_eq!(list(&alice, "").0[0]["title"], "Großes \u{1f980}");
    let answer = rename(&alice, &session, &json!(""));
    assert_eq!(answer.json()["title"], "Demo: hello demo:fast");
    for (caller, session) in [(&bob, session.as_str()), (&alice, &Uuid::new_v4().to_string())] {
        let answer = rename(caller, session, &json!("mine"));
        assert_eq!((answer.status, answer.text().as_str()), (404, r#"{"detail":"session not found"}"#));
    }
    assert_eq!(list(&alice, "").0[0]["title"], "Demo: hello demo:fast");
}

/// The same person at a host that was started again.
fn alice_again(host: &Host, caller: &Caller) -> Caller {
    host.anyone().with_cookie(caller.cookie())
}

#[test]
fn a_new_title_has_its_bounds() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = session_of(&alice, "hello demo:fast");
    assert_eq!(rename(&alice, &session, &json!("é".repeat(200))).status, 200);
    for wrong in [json!("é".repeat(201)), json!("a\nb"), json!("a\u{0}"), json!(7), Value::Null] {
        let answer = rename(&alice, &session, &wrong);
        assert_eq!(answer.status, 422, "{wrong}");
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "title"]), "{wrong}");
    }
    let path = format!("/agent/sessions/{session}/rename");
    assert_eq!(alice.post(&path, &json!({})).json()["detail"][0]["type"], "missing");
    let plain = alice.send("POST", &path, &[("content-type", "text/plain")], Some(br#"{"title":"x"}"#));
    assert_eq!(plain.status, 415);
    assert_eq!(alice.post("/agent/sessions/x/rename", &json!({"title": "x"})).status, 400);
    assert_eq!(list(&alice, "").0[0]["title"], "é".repeat(200));
}
