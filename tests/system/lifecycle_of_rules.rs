//! The way of a candidate through a whole host: proposed, compared, serving some, serving all, gone back
//! from; and what the host does by itself. What the addresses refuse is for the tests of `admin`.

use std::time::Duration;

use overlord::sandbox::package::Digest;
use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::marked;
use overlord_tests::shelf::real;
use serde_json::{Value, json};

use crate::made::{Does, Shelf, broken, closed_limiter, generation, remarked};

/// How many callers a share is tried on.
const CALLERS: usize = 40;

fn admin(host: &Host) -> Caller {
    host.sign_in_as("root-of-all", &["admin"])
}

#[track_caller]
fn changed(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn propose(admin: &Caller, slot: &str, bytes: &[u8]) -> Value {
    let path = format!("/admin/api/candidate?slot={slot}");
    changed(&admin.send("POST", &path, &[("content-type", "application/wasm")], Some(bytes)))
}

#[track_caller]
fn step(admin: &Caller, path: &str, body: &Value) -> Value {
    changed(&admin.post(&format!("/admin/api/{path}"), body))
}

#[track_caller]
fn canary(admin: &Caller, percent: f64) -> Value {
    step(admin, "candidate/canary", &json!({ "percent": percent }))
}

fn rules(admin: &Caller) -> Value {
    changed(&admin.get("/admin/api/rules"))
}

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// The digest in a slot of a generation as the standing tells it.
fn serving(standing: &Value, slot: &str) -> String {
    let entries = standing["serving"]["entries"].as_array().expect("a list");
    let entry = entries.iter().find(|entry| entry["slot"] == slot).expect("an entry");
    entry["digest"].as_str().expect("a digest").to_owned()
}

fn ask(caller: &Caller) -> Answer {
    caller.ask(&caller.new_session(), "demo:fast")
}

/// Who asked is refused for the number of their questions, by this build of the limiter.
fn refusing_build(answer: &Answer) -> Option<u8> {
    if answer.status != 429 {
        return None;
    }
    marked::limiter_of(answer.json()["detail"].as_str().expect("a sentence"))
}

fn callers(host: &Host) -> Vec<Caller> {
    (0..CALLERS).map(|n| host.sign_in(&format!("user-{n}"))).collect()
}

/// A host on a folder of its own where nobody may ask, so that every answer names its limiter.
fn house(more: &[(&str, &str)]) -> (Host, Shelf) {
    let (mut setup, shelf) = Shelf::new(Setup::new().with("AGENT_RATE_MAX", "0"));
    shelf.put("limit-window", &marked::limiter(1));
    for (name, value) in more {
        setup = setup.with(name, value);
    }
    let host = setup.start();
    generation(&host, 1);
    (host, shelf)
}

/// Which of the callers each build of the limiter serves; each is asked twice.
#[track_caller]
fn shares(callers: &[Caller]) -> Vec<u8> {
    let build = |caller: &Caller| refusing_build(&ask(caller)).expect("a refusal that names its build");
    let first: Vec<_> = callers.iter().map(build).collect();
    assert_eq!(callers.iter().map(build).collect::<Vec<_>>(), first, "a caller stays where they are");
    first
}

#[test]
fn a_canary_serves_a_share_of_the_callers_and_always_the_same_ones() {
    let (host, _shelf) = house(&[]);
    let (admin, callers) = (admin(&host), callers(&host));
    propose(&admin, "limit", &marked::limiter(2));
    assert!(shares(&callers).iter().all(|build| *build == 1), "one that is only loaded serves nobody");
    let standing = canary(&admin, 40.0);
    assert_eq!(standing["candidate"]["stage"], "canary");
    assert_eq!(standing["candidate"]["changed"], json!(["limit/limit-window"]));
    let some = shares(&callers);
    let served = some.iter().map(|build| usize::from(*build == 2)).sum::<usize>();
    assert!((4..=32).contains(&served), "of {CALLERS} it serves {served}");
    canary(&admin, 80.0);
    let more = shares(&callers);
    assert!(some.iter().zip(&more).all(|(before, now)| *before != 2 || *now == 2), "nobody is given back");
    canary(&admin, 100.0);
    assert!(shares(&callers).iter().all(|build| *build == 2));
    canary(&admin, 0.01);
    step(&admin, "candidate/promote", &json!({}));
    assert!(shares(&callers).iter().all(|build| *build == 2));
    assert_eq!(rules(&admin)["candidate"], Value::Null);
}

#[test]
fn all_slots_of_a_candidate_move_together() {
    let (host, _shelf) = house(&[]);
    let (admin, callers) = (admin(&host), callers(&host));
    propose(&admin, "limit", &marked::limiter(2));
    propose(&admin, "audit", &marked::audit(2));
    canary(&admin, 50.0);
    for caller in &callers {
        let session = caller.new_session();
        let build = refusing_build(&caller.ask(&session, "hi")).expect("a refusal");
        let line = host.audited("rate_limited", &session);
        assert_eq!(marked::audit_of(&line), (build == 2).then_some(2), "{line}");
    }
    let standing = changed(&admin.send("DELETE", "/admin/api/candidate", &[], None));
    assert_eq!(standing["candidate"], Value::Null);
    assert!(shares(&callers).iter().all(|build| *build == 1));
}

#[test]
fn what_a_candidate_counts_is_its_own_until_it_is_promoted_and_the_way_back_finds_its_own() {
    let (setup, shelf) = Shelf::new(Setup::new().with("AGENT_RATE_MAX", "3"));
    shelf.put("limit-window", &marked::limiter(1));
    let host = setup.start();
    let (admin, alice) = (admin(&host), host.sign_in("alice"));
    let asked = |times: usize| (0..times).map(|_| ask(&alice).status).collect::<Vec<_>>();
    assert_eq!(asked(1), [200]);
    propose(&admin, "limit", &marked::limiter(2));
    canary(&admin, 100.0);
    assert_eq!(asked(3), [200, 200, 429], "it goes on from the one that was counted");
    changed(&admin.send("DELETE", "/admin/api/candidate", &[], None));
    assert_eq!(asked(1), [200], "of three two are left: what the candidate counted is gone with it");
    propose(&admin, "limit", &marked::limiter(3));
    canary(&admin, 100.0);
    assert_eq!(asked(2), [200, 429]);
    step(&admin, "candidate/promote", &json!({}));
    assert_eq!(asked(1), [429], "its caller keeps what it counted");
    step(&admin, "rollback", &json!({}));
    assert_eq!(asked(2), [200, 429], "as it was when the other one began");
}

#[test]
fn what_was_promoted_and_brought_back_serves_after_a_restart_until_its_file_changes() {
    let (host, shelf) = house(&[]);
    let two = marked::limiter(2);
    propose(&admin(&host), "limit", &two);
    let standing = step(&admin(&host), "candidate/promote", &json!({}));
    let number = standing["serving"]["number"].as_u64().expect("a number");
    assert_eq!(serving(&standing, "limit"), digest(&two));
    let host = host.stop().1.start();
    let standing = rules(&admin(&host));
    assert_eq!((serving(&standing, "limit"), &standing["serving"]["number"]), (digest(&two), &json!(number)));
    assert_eq!(standing["previous"][0]["number"], 1);
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(2));
    let standing = step(&admin(&host), "rollback", &json!({ "to": 1 }));
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
fn a_candidate_outlives_its_host() {
    let (host, _shelf) = house(&[]);
    propose(&admin(&host), "limit", &marked::limiter(2));
    canary(&admin(&host), 100.0);
    let host = host.kill().start();
    let standing = rules(&admin(&host));
    assert_eq!(
        (&standing["candidate"]["stage"], &standing["candidate"]["percent"]),
        (&json!("canary"), &json!(100.0))
    );
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(2));
}

#[test]
fn there_is_a_way_back_to_the_last_few_and_no_further() {
    let (host, _shelf) = house(&[("OVERLORD_RULES_PREVIOUS_MAX", "2")]);
    let admin = admin(&host);
    for build in 2..=4 {
        propose(&admin, "limit", &marked::limiter(build));
        step(&admin, "candidate/promote", &json!({}));
    }
    let standing = rules(&admin);
    let previous = standing["previous"].as_array().expect("a list");
    let numbers: Vec<_> = previous.iter().map(|one| one["number"].as_u64().expect("a number")).collect();
    assert_eq!(numbers.len(), 2);
    let answer = admin.post("/admin/api/rollback", &json!({ "to": 1 }));
    assert_eq!(answer.status, 404, "{}", answer.text());
    step(&admin, "rollback", &json!({ "to": numbers[1] }));
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(2));
}

#[test]
fn a_shadow_is_compared_and_serves_nobody() {
    let (host, _shelf) = house(&[]);
    let (admin, alice) = (admin(&host), host.sign_in("alice"));
    let seen = |compared: u64| {
        wait_until("decisions to be compared", || {
            let candidate = rules(&admin)["candidate"].clone();
            (candidate["compared"].as_u64()? >= compared).then_some(candidate)
        })
    };
    propose(&admin, "limit", &remarked("limit-window", "the same but for its marks"));
    step(&admin, "candidate/shadow", &json!({}));
    for _ in 0..3 {
        assert_eq!(refusing_build(&ask(&alice)), Some(1));
    }
    assert_eq!(seen(3)["diverged"], 3, "its message is another one");
    let sampled = changed(&admin.get("/admin/api/divergences"));
    let first = &sampled.as_array().or_else(|| sampled["divergences"].as_array()).expect("a list")[0];
    assert_eq!((&first["slot"], &first["user"]), (&json!("limit"), &json!("alice")), "{first}");
    assert!(first["serving"].as_str().is_some_and(|said| said.contains("Rate limit build 01")), "{first}");
    assert!(first["candidate"].as_str().is_some_and(|said| said.contains("Rate limit exceeded")), "{first}");
    changed(&admin.send("DELETE", "/admin/api/candidate", &[], None));

    let mut same = marked::limiter(1);
    same.extend(overlord_tests::shelf::custom_section("remark", b"x"));
    propose(&admin, "limit", &same);
    step(&admin, "candidate/shadow", &json!({}));
    for _ in 0..3 {
        ask(&alice);
    }
    assert_eq!(seen(3)["diverged"], 0);
    changed(&admin.send("DELETE", "/admin/api/candidate", &[], None));

    let mut agent = real("agent-claude");
    agent.extend(overlord_tests::shelf::custom_section("remark", b"x"));
    propose(&admin, "agent", &agent);
    let answer = admin.post("/admin/api/candidate/shadow", &json!({}));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("cannot be compared"), "{}", answer.text());
}

#[test]
fn what_is_in_quarantine_serves_by_no_way_until_it_is_released() {
    let (host, shelf) = house(&[]);
    let (admin, alice) = (admin(&host), host.sign_in("alice"));
    let two = marked::limiter(2);
    propose(&admin, "limit", &two);
    step(&admin, "candidate/promote", &json!({}));
    let standing = step(&admin, "quarantine", &json!({ "digest": digest(&two), "reason": "it is rude" }));
    assert_eq!(serving(&standing, "limit"), digest(&marked::limiter(1)), "the one before serves again");
    assert_eq!(standing["quarantined"][0]["why"], "it is rude");
    assert_eq!(refusing_build(&ask(&alice)), Some(1));
    let path = "/admin/api/candidate?slot=limit";
    let answer = admin.send("POST", path, &[("content-type", "application/wasm")], Some(&two));
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("is in quarantine, by root-of-all: it is rude"), "{}", answer.text());
    shelf.put("limit-window", &two);
    crate::made::logged(&host, &["limit-window.wasm was not taken", "is in quarantine"]);
    let answer = admin.post("/admin/api/quarantine", &json!({ "digest": digest(&marked::limiter(1)) }));
    assert_eq!(answer.status, 409, "there is nothing to go back to: {}", answer.text());
    changed(&admin.send("DELETE", &format!("/admin/api/quarantine/{}", digest(&two)), &[], None));
    propose(&admin, "limit", &two);
    step(&admin, "candidate/promote", &json!({}));
    assert_eq!(refusing_build(&ask(&alice)), Some(2));
}

#[test]
fn a_component_that_fails_too_often_is_gone_back_from_by_the_host_itself() {
    for (does, by_file) in [(Does::Trap, true), (Does::Eat, false)] {
        let bad = broken("limit-policy", does);
        let (host, shelf) = house(&[("OVERLORD_RULES_FAILURES_MAX", "3")]);
        let (admin, alice) = (admin(&host), host.sign_in("alice"));
        if by_file {
            shelf.put("limit-window", &bad);
            generation(&host, 2);
        } else {
            propose(&admin, "limit", &bad);
            step(&admin, "candidate/promote", &json!({}));
        }
        for _ in 0..3 {
            assert_eq!(ask(&alice).status, 503);
        }
        // Up to the budget nothing happens, however often it is looked at.
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(serving(&rules(&admin), "limit"), digest(&bad));
        assert_eq!(ask(&alice).status, 503);
        let standing = wait_until("the host to go back", || {
            let standing = rules(&admin);
            (serving(&standing, "limit") != digest(&bad)).then_some(standing)
        });
        assert_eq!(standing["serving"]["by"], "host");
        assert_eq!(standing["quarantined"][0]["digest"], digest(&bad));
        assert_eq!(refusing_build(&ask(&alice)), Some(1));
        let told =
            |name: &str| host.audit().iter().any(|line| line["event"] == name && line["user"] == "host");
        assert!(told("rules_quarantined") && told("rules_rolled_back"), "{:?}", host.audit());
    }
}

#[test]
fn a_canary_that_fails_too_often_is_let_go_of_and_by_nobody_where_that_is_wished() {
    for automatic in ["true", "false"] {
        let more = [("OVERLORD_RULES_FAILURES_MAX", "2"), ("OVERLORD_RULES_AUTOMATIC", automatic)];
        let (host, _shelf) = house(&more);
        let (admin, alice) = (admin(&host), host.sign_in("alice"));
        let bad = broken("limit-policy", Does::Trap);
        propose(&admin, "limit", &bad);
        canary(&admin, 100.0);
        for _ in 0..3 {
            assert_eq!(ask(&alice).status, 503);
        }
        if automatic == "false" {
            std::thread::sleep(Duration::from_secs(1));
            assert_eq!(rules(&admin)["candidate"]["stage"], "canary");
            continue;
        }
        wait_until("the host to let go of it", || (rules(&admin)["candidate"] == Value::Null).then_some(()));
        assert_eq!(rules(&admin)["quarantined"][0]["digest"], digest(&bad));
        assert_eq!(refusing_build(&ask(&alice)), Some(1));
    }
}

#[test]
fn too_many_divergences_end_a_comparison_and_a_promotion() {
    let more = [("OVERLORD_RULES_DIVERGENCES_MAX", "2"), ("OVERLORD_RULES_FAILURES_WINDOW_S", "600")];
    let (host, _shelf) = house(&more);
    let (admin, alice) = (admin(&host), host.sign_in("alice"));
    propose(&admin, "limit", &closed_limiter("closed"));
    step(&admin, "candidate/shadow", &json!({}));
    for _ in 0..3 {
        ask(&alice);
    }
    wait_until("the comparison to end", || (rules(&admin)["candidate"] == Value::Null).then_some(()));
    propose(&admin, "limit", &closed_limiter("closed"));
    step(&admin, "candidate/promote", &json!({}));
    for _ in 0..3 {
        assert_eq!(ask(&alice).status, 429);
    }
    wait_until("the host to go back", || {
        (serving(&rules(&admin), "limit") == digest(&marked::limiter(1))).then_some(())
    });
    assert_eq!(refusing_build(&ask(&alice)), Some(1));
}

#[test]
fn a_promotion_is_whole_or_has_not_been_whenever_the_host_is_killed() {
    let (mut host, _shelf) = house(&[]);
    let builds = [marked::limiter(1), marked::limiter(2)];
    let audits = [real("audit-jsonl"), marked::audit(2)];
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..12_usize {
        let now = serving(&rules(&admin(&host)), "limit") == digest(&builds[1]);
        let next = usize::from(!now);
        propose(&admin(&host), "limit", &builds[next]);
        propose(&admin(&host), "audit", &audits[next]);
        let caller = admin(&host);
        // It may be cut off, and then this thread ends with a panic that means nothing.
        let promoting =
            std::thread::spawn(move || caller.post("/admin/api/candidate/promote", &json!({})).status);
        std::thread::sleep(Duration::from_micros(random.u64(0..4000)));
        host = host.kill().start();
        let _ = promoting.join();
        let standing = rules(&admin(&host));
        let limit = builds.iter().position(|bytes| digest(bytes) == serving(&standing, "limit"));
        let audit = audits.iter().position(|bytes| digest(bytes) == serving(&standing, "audit"));
        assert!(limit.is_some() && limit == audit, "round {round}: {standing}");
        let build = refusing_build(&ask(&host.sign_in("alice")));
        assert_eq!(build.map(usize::from), limit.map(|build| build + 1), "round {round}");
        if standing["candidate"] != Value::Null {
            changed(&admin(&host).send("DELETE", "/admin/api/candidate", &[], None));
        }
    }
}
