//! The way back: by hand, after a kill, and by the host itself where a component fails too often; and what
//! may not serve.

use std::thread;
use std::time::Duration;

use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::marked;
use serde_json::{Value, json};

use crate::changes::*;
use crate::made::{Does, Shelf, broken, closed_limiter, generation, logged, real};

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
fn what_was_promoted_and_brought_back_serves_after_a_restart_until_its_file_changes() {
    let (host, shelf) = house(&[]);
    let two = marked::limiter(2);
    propose(&host, "limit", &two);
    let standing = step(&host, "candidate/promote", &json!({}));
    let number = standing["serving"]["number"].as_u64().expect("a number");
    assert_eq!(serving(&standing, "limit"), digest(&two));
    let host = host.stop().1.start();
    let standing = rules(&host);
    assert_eq!((serving(&standing, "limit"), &standing["serving"]["number"]), (digest(&two), &json!(number)));
    assert_eq!(standing["previous"][0]["number"], 1);
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(2));
    let standing = step(&host, "rollback", &json!({ "to": 1 }));
    assert_eq!(serving(&standing, "limit"), digest(&marked::limiter(1)));
    assert_eq!(standing["previous"][0]["number"], number, "there is a way to it, too");
    let setup = host.stop().1;
    // A change of the file is a wish, also while nobody looks.
    shelf.put("limit-window", &marked::limiter(3));
    let host = setup.start();
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(3));
    let host = host.stop().1.start();
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(3));
    let events: Vec<_> = host
        .audit()
        .iter()
        .filter(|line| line["event"].as_str().is_some_and(|name| name.starts_with("rules_")))
        .map(|line| (line["event"].clone(), line["user"].clone(), line["from"].clone(), line["to"].clone()))
        .collect();
    let (one, three) = (digest(&marked::limiter(1)), digest(&marked::limiter(3)));
    let event = |name, user, from: &str, to: &str| (json!(name), json!(user), json!(from), json!(to));
    let two = digest(&two);
    assert_eq!(
        events,
        [
            event("rules_proposed", "root-of-all", &one, &two),
            event("rules_promoted", "root-of-all", &one, &two),
            event("rules_rolled_back", "root-of-all", &two, &one),
            event("rules_changed", "file", &one, &three),
        ]
    );
}

#[test]
fn there_is_a_way_back_to_the_last_few_and_no_further() {
    let (host, _shelf) = house(&[("OVERLORD_RULES_PREVIOUS_MAX", "2")]);
    for build in 2..=4 {
        propose(&host, "limit", &marked::limiter(build));
        step(&host, "candidate/promote", &json!({}));
    }
    let standing = rules(&host);
    let previous = standing["previous"].as_array().expect("a list");
    let numbers: Vec<_> = previous.iter().map(|one| one["number"].as_u64().expect("a number")).collect();
    assert_eq!(numbers.len(), 2);
    // What serves, the two before it, and the four of the other slots: what is beyond is not kept.
    let kept = std::fs::read_dir(host.setup().data().join("kept")).expect("a folder").count();
    assert_eq!(kept, 3 + 4);
    let answer = admin(&host).post("/admin/api/rollback", &json!({ "to": 1 }));
    assert_eq!(answer.status, 404, "{}", answer.text());
    step(&host, "rollback", &json!({ "to": numbers[1] }));
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(2));
}

#[test]
fn what_is_in_quarantine_serves_by_no_way_until_it_is_released() {
    let (host, shelf) = house(&[]);
    let alice = host.sign_in("alice");
    let two = marked::limiter(2);
    propose(&host, "limit", &two);
    step(&host, "candidate/promote", &json!({}));
    let standing = step(&host, "quarantine", &json!({ "digest": digest(&two), "reason": "it is rude" }));
    assert_eq!(serving(&standing, "limit"), digest(&marked::limiter(1)), "the one before serves again");
    assert_eq!(standing["quarantined"][0]["why"], "it is rude");
    assert_eq!(refusing_build(&ask(&alice)), Some(1));
    let path = "/admin/api/candidate?slot=limit";
    let answer = admin(&host).send("POST", path, &[("content-type", "application/wasm")], Some(&two));
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("is in quarantine, by root-of-all: it is rude"), "{}", answer.text());
    shelf.put("limit-window", &two);
    logged(&host, &["limit-window.wasm was not taken", "is in quarantine"]);
    let answer =
        admin(&host).post("/admin/api/quarantine", &json!({ "digest": digest(&marked::limiter(1)) }));
    assert_eq!(answer.status, 409, "there is nothing to go back to: {}", answer.text());
    changed(&admin(&host).send("DELETE", &format!("/admin/api/quarantine/{}", digest(&two)), &[], None));
    propose(&host, "limit", &two);
    step(&host, "candidate/promote", &json!({}));
    assert_eq!(refusing_build(&ask(&alice)), Some(2));
}

#[test]
fn a_canary_that_fails_too_often_is_let_go_of() {
    let (host, _shelf) = house(&[("OVERLORD_RULES_FAILURES_MAX", "2")]);
    let alice = host.sign_in("alice");
    let bad = broken("limit-policy", Does::Trap);
    propose(&host, "limit", &bad);
    canary(&host, 100.0);
    for _ in 0..3 {
        assert_eq!(ask(&alice).status, 503);
    }
    wait_until("the host to let go of it", || (rules(&host)["candidate"] == Value::Null).then_some(()));
    assert_eq!(rules(&host)["quarantined"][0]["digest"], digest(&bad));
    assert_eq!(refusing_build(&ask(&alice)), Some(1));
}

#[test]
fn too_many_divergences_end_a_comparison_and_a_promotion() {
    let more = [("OVERLORD_RULES_DIVERGENCES_MAX", "2"), ("OVERLORD_RULES_FAILURES_WINDOW_S", "600")];
    let (host, _shelf) = house(&more);
    let alice = host.sign_in("alice");
    propose(&host, "limit", &closed_limiter("closed"));
    step(&host, "candidate/shadow", &json!({}));
    for _ in 0..3 {
        ask(&alice);
    }
    wait_until("the comparison to end", || (rules(&host)["candidate"] == Value::Null).then_some(()));
    propose(&host, "limit", &closed_limiter("closed"));
    step(&host, "candidate/promote", &json!({}));
    for _ in 0..3 {
        assert_eq!(ask(&alice).status, 429);
    }
    wait_until("the host to go back", || {
        (serves(&host, "limit") == digest(&marked::limiter(1))).then_some(())
    });
    assert_eq!(refusing_build(&ask(&alice)), Some(1));
}

#[test]
fn whenever_a_host_is_killed_the_old_rules_or_the_new_ones_stand_whole() {
    let mut host = Setup::new().with("AGENT_RATE_MAX", "1000").start();
    let mut random = fastrand::Rng::with_seed(4);
    let mut old = serves(&host, "limit");
    let (mut kept, mut taken) = (0, 0);
    for build in 0..20_u8 {
        let bytes = marked::limiter(build);
        let new = digest(&bytes);
        propose(&host, "limit", &bytes);
        propose(&host, "audit", &marked::audit(build));
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
        let audit = serves(&host, "audit") == digest(&marked::audit(build));
        assert_eq!(audit, now == new, "one slot has moved without the other");
        assert_eq!(candidate.is_null(), now == new, "what was not promoted is still there: {candidate}");
        assert!(answered != Some(200) || now == new, "it was said to be done");
        assert_eq!(ask(&host.sign_in("alice")).status, 200);
        if now == new {
            taken += 1;
        } else {
            kept += 1;
        }
        old = now;
    }
    println!("{kept} times the old ones, {taken} times the new ones");
}

#[test]
fn a_component_that_fails_too_often_is_taken_back_and_kept_out_until_it_is_released() {
    let host = Setup::new().with("OVERLORD_RULES_FAILURES_MAX", "3").start();
    let bad = trap("bad");
    let bad_digest = digest(&bad);
    propose(&host, "limit", &bad);
    step(&host, "candidate/promote", &json!({}));
    fail(&host, 3);
    // Long enough for the host to have looked: it looks four times a second.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(serves(&host, "limit"), bad_digest, "the budget is not passed");
    fail(&host, 1);
    wait_until("the way back", || (serves(&host, "limit") != bad_digest).then_some(()));
    assert_eq!(ask(&host.sign_in("alice")).status, 200);
    let standing = rules(&host);
    assert_eq!(standing["quarantined"][0]["digest"], bad_digest.as_str(), "{standing}");
    for event in ["rules_quarantined", "rules_rolled_back"] {
        let line = wait_until(event, || host.audit().into_iter().find(|line| line["event"] == event));
        assert_eq!(line["user"], "host", "{line}");
    }
    let again = sent(&host, "limit", &bad);
    assert_eq!(again.status, 422, "{}", again.text());
    let host = host.kill().start();
    let released = admin(&host).send("DELETE", &format!("/admin/api/quarantine/{bad_digest}"), &[], None);
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
    let first = digest(&first);
    wait_until("the way back", || (serves(&host, "limit") == first).then_some(()));
    // The host looks four times a second, and counts from its first look.
    thread::sleep(Duration::from_secs(1));
    fail(&host, 6);
    logged(&host, &["what passed its budget serves on"]);
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
    assert_eq!(serves(&host, "limit"), digest(&trap("bad")));
    assert_eq!(rules(&host)["quarantined"], json!([]));
}

#[test]
fn a_broken_auth_locks_nobody_out_who_may_speak_over_the_socket() {
    let (host, shelf) = house(&[("OVERLORD_RULES_AUTOMATIC", "false")]);
    let (root, alice) = (admin(&host), host.sign_in("alice"));
    shelf.put("auth-cookie", &broken("auth-policy", Does::Trap));
    generation(&host, 2);
    assert_eq!(root.get("/admin/api/rules").status, 503);
    let ended = host.setup().command(["rules", "rollback"]).output().expect("running overlord");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(serving(&changed(&root.get("/admin/api/rules")), "auth"), digest(&real("auth-cookie")));
    assert_eq!(refusing_build(&ask(&alice)), Some(1));
}
