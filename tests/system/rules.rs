//! The way of a candidate as those see it who ask meanwhile: whom it serves, what is remembered of them,
//! what stands after a host was killed, and when the host goes back by itself.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use overlord::sandbox::package::Digest;
use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::marked;
use serde_json::{Value, json};

use crate::made::{Does, Shelf, broken, real, remarked};

const USERS: usize = 12;

fn admin(host: &Host) -> Caller {
    host.sign_in_as("root-of-all", &["admin"])
}

/// Takes a step that must be possible; gives back the standing.
#[track_caller]
fn step(host: &Host, path: &str, body: &Value) -> Value {
    let answer = admin(host).post(&format!("/admin/api/{path}"), body);
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    answer.json()
}

#[track_caller]
fn propose(host: &Host, slot: &str, bytes: &[u8]) {
    let path = format!("/admin/api/candidate?slot={slot}");
    let answer = admin(host).send("POST", &path, &[("content-type", "application/wasm")], Some(bytes));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn rules(host: &Host) -> Value {
    admin(host).get("/admin/api/rules").json()
}

/// The digest that serves in a slot.
fn serves(host: &Host, slot: &str) -> String {
    let rules = rules(host);
    let entries = rules["serving"]["entries"].as_array().expect("a list").clone();
    let entry = entries.into_iter().find(|entry| entry["slot"] == slot).expect("each slot has one");
    entry["digest"].as_str().expect("text").to_owned()
}

fn users(host: &Host) -> Vec<Caller> {
    (0..USERS).map(|number| host.sign_in(&format!("user-{number}"))).collect()
}

/// Asks; none where that was answered, and the refusal where it was refused for the rate.
#[track_caller]
fn refused(user: &Caller) -> Option<String> {
    let answer = user.ask(&user.new_session(), "demo:fast");
    assert!(matches!(answer.status, 200 | 429), "{}: {}", answer.status, answer.text());
    (answer.status == 429).then(|| answer.text())
}

fn all_answered(users: &[Caller]) {
    for (number, user) in users.iter().enumerate() {
        assert_eq!(refused(user), None, "user {number}");
    }
}

/// Those whose refusal bears the mark of a build.
fn refused_by(users: &[Caller], build: u8) -> BTreeSet<usize> {
    let builds = users.iter().map(|user| marked::limiter_of(&refused(user).expect("all have spent theirs")));
    builds.enumerate().filter(|(_, found)| *found == Some(build)).map(|(number, _)| number).collect()
}

fn house(max: &str) -> Host {
    Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", max).start()
}

#[test]
fn a_canary_is_sticky_grows_and_leaves_nothing_behind_when_it_is_let_go_of() {
    let host = house("2");
    let users = users(&host);
    all_answered(&users);
    propose(&host, "limit", &marked::limiter(7));
    step(&host, "candidate/canary", &json!({"percent": 50}));
    all_answered(&users);
    let taken = refused_by(&users, 7);
    assert!(!taken.is_empty() && taken.len() < USERS, "{taken:?}");
    assert_eq!(refused_by(&users, 7), taken, "the same ones again");
    let aborted = admin(&host).send("DELETE", "/admin/api/candidate", &[], None);
    assert_eq!(aborted.status, 200, "{}", aborted.text());
    for (number, user) in users.iter().enumerate() {
        // What the candidate counted is nobody's any more: those that it served have one left.
        assert_eq!(refused(user).is_none(), taken.contains(&number), "user {number}");
    }
    assert!(refused_by(&users, 7).is_empty());
    let events = ["rules_proposed", "rules_canaried", "rules_aborted"];
    let audit = host.audit();
    for event in events {
        let line = audit.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("{event}"));
        assert_eq!((&line["user"], &line["slot"]), (&json!("root-of-all"), &json!("limit")), "{line}");
        assert_eq!(line["to"], Digest::of(&marked::limiter(7)).to_string().as_str(), "{line}");
        assert_eq!(line["from"], Digest::of(&real("limit-window")).to_string().as_str(), "{line}");
    }
}

#[test]
fn what_a_canary_counted_survives_a_kill_and_the_promotion_and_the_old_cells_wait() {
    let (setup, shelf) = Shelf::new(Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", "3"));
    let host = setup.start();
    let people = users(&host);
    all_answered(&people);
    propose(&host, "limit", &marked::limiter(8));
    step(&host, "candidate/canary", &json!({"percent": 50}));
    all_answered(&people);
    // The candidate's cells are where they were, whatever changes beside it.
    let audit = remarked("audit-jsonl", "another");
    shelf.put("audit-jsonl", &audit);
    let digest = Digest::of(&audit).to_string();
    wait_until("the other audit", || (serves(&host, "audit") == digest).then_some(()));
    let host = host.kill().start();
    let people = users(&host);
    assert_eq!(rules(&host)["candidate"]["stage"], "canary");
    all_answered(&people);
    let taken = refused_by(&people, 8);
    assert!(!taken.is_empty() && taken.len() < USERS, "{taken:?}");

    step(&host, "candidate/promote", &json!({}));
    assert_eq!(refused_by(&people, 8).len(), USERS, "everybody has spent theirs, in one cell or the other");
    let host = host.kill().start();
    assert_eq!(serves(&host, "limit"), Digest::of(&marked::limiter(8)).to_string(), "not the folder's");
    assert_eq!(refused_by(&users(&host), 8).len(), USERS);

    step(&host, "rollback", &json!({}));
    assert_eq!(serves(&host, "limit"), Digest::of(&real("limit-window")).to_string());
    let people = users(&host);
    for (number, user) in people.iter().enumerate() {
        // Those of the canary had one question counted in the old cells, the others three.
        assert_eq!(refused(user).is_none(), taken.contains(&number), "user {number}");
    }
    let beyond = admin(&host).post("/admin/api/rollback", &json!({"to": 999}));
    assert_eq!(beyond.status, 404, "{}", beyond.text());
}

#[test]
fn whenever_a_host_is_killed_the_old_rules_or_the_new_ones_stand_whole() {
    let mut host = house("1000");
    let mut random = fastrand::Rng::with_seed(4);
    let mut old = serves(&host, "limit");
    let (mut kept, mut taken) = (0, 0);
    for build in 0..20_u8 {
        let bytes = marked::limiter(build);
        let new = Digest::of(&bytes).to_string();
        propose(&host, "limit", &bytes);
        let admin = admin(&host);
        let promoting = thread::spawn(move || admin.post("/admin/api/candidate/promote", &json!({})).status);
        thread::sleep(Duration::from_micros(random.u64(0..25_000)));
        let setup = host.kill();
        // It may have had no answer: that is what is tried here.
        let answered = promoting.join().ok();
        host = setup.start();
        let now = serves(&host, "limit");
        assert!(now == old || now == new, "neither the old nor the new one serves");
        let candidate = &rules(&host)["candidate"];
        assert_eq!(candidate.is_null(), now == new, "what was not promoted is still there: {candidate}");
        assert!(answered != Some(200) || now == new, "it was said to be done");
        assert_eq!(refused(&host.sign_in("alice")), None);
        if now == new {
            taken += 1;
        } else {
            kept += 1;
        }
        old = now;
    }
    println!("{kept} times the old ones, {taken} times the new ones");
}

fn trap(remark: &str) -> Vec<u8> {
    let mut bytes = broken("limit-policy", Does::Trap);
    bytes.extend(overlord_tests::shelf::custom_section("remark", remark.as_bytes()));
    bytes
}

#[track_caller]
fn fail(host: &Host, times: usize) {
    let user = host.sign_in("alice");
    for _ in 0..times {
        let answer = user.ask(&user.new_session(), "demo:fast");
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
}

#[test]
fn a_component_that_fails_too_often_is_taken_back_and_kept_out_until_it_is_released() {
    let host = Setup::new().with("OVERLORD_RULES_FAILURES_MAX", "3").start();
    let bad = trap("bad");
    let digest = Digest::of(&bad).to_string();
    propose(&host, "limit", &bad);
    step(&host, "candidate/promote", &json!({}));
    fail(&host, 3);
    // Long enough for the host to have looked: it looks four times a second.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(serves(&host, "limit"), digest, "the budget is not passed");
    fail(&host, 1);
    wait_until("the way back", || (serves(&host, "limit") != digest).then_some(()));
    assert_eq!(refused(&host.sign_in("alice")), None);
    let standing = rules(&host);
    assert_eq!(standing["quarantined"][0]["digest"], digest.as_str(), "{standing}");
    for event in ["rules_quarantined", "rules_rolled_back"] {
        let line = wait_until(event, || host.audit().into_iter().find(|line| line["event"] == event));
        assert_eq!(line["user"], "host", "{line}");
    }
    let again = admin(&host).send(
        "POST",
        "/admin/api/candidate?slot=limit",
        &[("content-type", "application/wasm")],
        Some(&bad),
    );
    assert_eq!(again.status, 422, "{}", again.text());
    let host = host.kill().start();
    let released = admin(&host).send("DELETE", &format!("/admin/api/quarantine/{digest}"), &[], None);
    assert_eq!(released.status, 200, "{}", released.text());
    propose(&host, "limit", &bad);
}

#[test]
fn what_is_brought_back_is_not_stopped_for_what_it_did_before_and_never_is_all_in_quarantine() {
    let (setup, shelf) = Shelf::new(Setup::new().with("OVERLORD_RULES_FAILURES_MAX", "3"));
    let (first, second) = (trap("first"), trap("second"));
    shelf.put("limit-window", &first);
    let host = setup.start();
    fail(&host, 6);
    propose(&host, "limit", &second);
    step(&host, "candidate/promote", &json!({}));
    fail(&host, 4);
    let first = Digest::of(&first).to_string();
    wait_until("the way back", || (serves(&host, "limit") == first).then_some(()));
    // The host looks four times a second, and counts from its first look.
    thread::sleep(Duration::from_secs(1));
    fail(&host, 6);
    crate::made::logged(&host, &["what passed its budget serves on"]);
    // There is nothing left to go back to: it serves on, and a host that starts finds rules that may serve.
    let host = host.kill().start();
    assert_eq!(serves(&host, "limit"), first);
    let standing = rules(&host);
    assert_eq!(standing["quarantined"].as_array().map(Vec::len), Some(1), "{standing}");
}

#[test]
fn a_host_that_may_do_nothing_by_itself_does_nothing() {
    let setup = Setup::new().with("OVERLORD_RULES_FAILURES_MAX", "1");
    let host = setup.with("OVERLORD_RULES_AUTOMATIC", "false").start();
    propose(&host, "limit", &trap("bad"));
    step(&host, "candidate/promote", &json!({}));
    fail(&host, 6);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(serves(&host, "limit"), Digest::of(&trap("bad")).to_string());
    assert_eq!(rules(&host)["quarantined"], json!([]));
}
