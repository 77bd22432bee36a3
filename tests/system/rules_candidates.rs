//! A candidate as those see it who ask meanwhile: whom it serves, what it is compared with, what is
//! remembered of them.

use std::collections::BTreeSet;

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::marked;
use overlord_tests::shelf::custom_section;
use serde_json::{Value, json};

use crate::changes::*;
use crate::made::{Does, Shelf, broken, real, remarked, unwelcoming_auth};

/// How many callers a share is tried on.
const CALLERS: usize = 40;

/// As many as a count is tried on.
const USERS: usize = 12;

fn callers(host: &Host) -> Vec<Caller> {
    (0..CALLERS).map(|n| host.sign_in(&format!("user-{n}"))).collect()
}

/// Which of the callers each build of the limiter serves; each is asked twice.
#[track_caller]
fn shares(callers: &[Caller]) -> Vec<u8> {
    let build = |caller: &Caller| refusing_build(&ask(caller)).expect("a refusal that names its build");
    let first: Vec<_> = callers.iter().map(build).collect();
    assert_eq!(callers.iter().map(build).collect::<Vec<_>>(), first, "a caller stays where they are");
    first
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

/// A host that answers so many questions of each user.
fn limited(max: &str) -> Host {
    Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", max).start()
}

#[test]
fn a_canary_serves_a_share_of_the_callers_and_always_the_same_ones() {
    let (host, _shelf) = house(&[]);
    let callers = callers(&host);
    propose(&host, "limit", &marked::limiter(2));
    assert!(shares(&callers).iter().all(|build| *build == 1), "one that is only loaded serves nobody");
    let standing = canary(&host, 40.0);
    assert_eq!(standing["candidate"]["stage"], "canary");
    assert_eq!(standing["candidate"]["changed"], json!(["limit/limit-window"]));
    let some = shares(&callers);
    let served = some.iter().map(|build| usize::from(*build == 2)).sum::<usize>();
    assert!((4..=32).contains(&served), "of {CALLERS} it serves {served}");
    canary(&host, 80.0);
    let more = shares(&callers);
    assert!(some.iter().zip(&more).all(|(before, now)| *before != 2 || *now == 2), "nobody is given back");
    canary(&host, 100.0);
    assert!(shares(&callers).iter().all(|build| *build == 2));
    canary(&host, 0.01);
    step(&host, "candidate/promote", &json!({}));
    assert!(shares(&callers).iter().all(|build| *build == 2));
    assert_eq!(rules(&host)["candidate"], Value::Null);
}

#[test]
fn all_slots_of_a_candidate_move_together() {
    let (host, _shelf) = house(&[]);
    let callers = callers(&host);
    propose(&host, "limit", &marked::limiter(2));
    propose(&host, "audit", &marked::audit(2));
    canary(&host, 50.0);
    for caller in &callers {
        let session = caller.new_session();
        let build = refusing_build(&caller.ask(&session, "hi")).expect("a refusal");
        let line = host.audited("rate_limited", &session);
        assert_eq!(marked::audit_of(&line), (build == 2).then_some(2), "{line}");
    }
    let standing = abort(&host);
    assert_eq!(standing["candidate"], Value::Null);
    assert!(shares(&callers).iter().all(|build| *build == 1));
}

#[test]
fn what_a_candidate_counts_is_its_own_until_it_is_promoted_and_the_way_back_finds_its_own() {
    let (setup, shelf) = Shelf::new(Setup::new().with("AGENT_RATE_MAX", "3"));
    shelf.put("limit-window", &marked::limiter(1));
    let host = setup.start();
    let alice = host.sign_in("alice");
    let asked = |times: usize| (0..times).map(|_| ask(&alice).status).collect::<Vec<_>>();
    assert_eq!(asked(1), [200]);
    propose(&host, "limit", &marked::limiter(2));
    canary(&host, 100.0);
    assert_eq!(asked(3), [200, 200, 429], "it goes on from the one that was counted");
    abort(&host);
    assert_eq!(asked(1), [200], "of three two are left: what the candidate counted is gone with it");
    propose(&host, "limit", &marked::limiter(3));
    canary(&host, 100.0);
    assert_eq!(asked(2), [200, 429]);
    step(&host, "candidate/promote", &json!({}));
    assert_eq!(asked(1), [429], "its caller keeps what it counted");
    step(&host, "rollback", &json!({}));
    assert_eq!(asked(2), [200, 429], "as it was when the other one began");
}

#[test]
fn a_candidate_outlives_its_host() {
    let (host, _shelf) = house(&[]);
    propose(&host, "limit", &marked::limiter(2));
    canary(&host, 100.0);
    let host = host.kill().start();
    let standing = rules(&host);
    assert_eq!(
        (&standing["candidate"]["stage"], &standing["candidate"]["percent"]),
        (&json!("canary"), &json!(100.0))
    );
    assert_eq!(refusing_build(&ask(&host.sign_in("alice"))), Some(2));
}

#[test]
fn a_shadow_is_compared_and_serves_nobody() {
    let (host, _shelf) = house(&[]);
    let alice = host.sign_in("alice");
    let seen = |compared: u64| {
        wait_until("decisions to be compared", || {
            let candidate = rules(&host)["candidate"].clone();
            (candidate["compared"].as_u64()? >= compared).then_some(candidate)
        })
    };
    propose(&host, "limit", &remarked("limit-window", "the same but for its marks"));
    step(&host, "candidate/shadow", &json!({}));
    for _ in 0..3 {
        assert_eq!(refusing_build(&ask(&alice)), Some(1));
    }
    assert_eq!(seen(3)["diverged"], 3, "its message is another one");
    let sampled = changed(&admin(&host).get("/admin/api/divergences"));
    let first = &sampled.as_array().or_else(|| sampled["divergences"].as_array()).expect("a list")[0];
    assert_eq!((&first["slot"], &first["user"]), (&json!("limit"), &json!("alice")), "{first}");
    assert!(first["serving"].as_str().is_some_and(|said| said.contains("Rate limit build 01")), "{first}");
    assert!(first["candidate"].as_str().is_some_and(|said| said.contains("Rate limit exceeded")), "{first}");
    abort(&host);

    let mut same = marked::limiter(1);
    same.extend(custom_section("remark", b"x"));
    propose(&host, "limit", &same);
    step(&host, "candidate/shadow", &json!({}));
    for _ in 0..3 {
        ask(&alice);
    }
    assert_eq!(seen(3)["diverged"], 0);
    abort(&host);

    let mut agent = real("agent-claude");
    agent.extend(custom_section("remark", b"x"));
    propose(&host, "agent", &agent);
    let answer = admin(&host).post("/admin/api/candidate/shadow", &json!({}));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("cannot be compared"), "{}", answer.text());
}

#[test]
fn a_canary_leaves_nothing_behind_when_it_is_let_go_of() {
    let host = limited("2");
    let users = users(&host);
    all_answered(&users);
    propose(&host, "limit", &marked::limiter(7));
    canary(&host, 50.0);
    all_answered(&users);
    let taken = refused_by(&users, 7);
    assert!(!taken.is_empty() && taken.len() < USERS, "{taken:?}");
    assert_eq!(refused_by(&users, 7), taken, "the same ones again");
    abort(&host);
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
        assert_eq!(line["to"], digest(&marked::limiter(7)), "{line}");
        assert_eq!(line["from"], digest(&real("limit-window")), "{line}");
    }
}

#[test]
fn what_a_canary_counted_survives_a_kill_and_the_promotion_and_the_old_cells_wait() {
    let (setup, shelf) = Shelf::new(Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", "3"));
    let host = setup.start();
    let people = users(&host);
    all_answered(&people);
    propose(&host, "limit", &marked::limiter(8));
    canary(&host, 50.0);
    all_answered(&people);
    // The candidate's cells are where they were, whatever changes beside it.
    let audit = remarked("audit-jsonl", "another");
    shelf.put("audit-jsonl", &audit);
    let new = digest(&audit);
    wait_until("the other audit", || (serves(&host, "audit") == new).then_some(()));
    let host = host.kill().start();
    let people = users(&host);
    assert_eq!(rules(&host)["candidate"]["stage"], "canary");
    all_answered(&people);
    let taken = refused_by(&people, 8);
    assert!(!taken.is_empty() && taken.len() < USERS, "{taken:?}");

    step(&host, "candidate/promote", &json!({}));
    assert_eq!(refused_by(&people, 8).len(), USERS, "everybody has spent theirs, in one cell or the other");
    let host = host.kill().start();
    assert_eq!(serves(&host, "limit"), digest(&marked::limiter(8)), "not the folder's");
    assert_eq!(refused_by(&users(&host), 8).len(), USERS);

    step(&host, "rollback", &json!({}));
    assert_eq!(serves(&host, "limit"), digest(&real("limit-window")));
    let people = users(&host);
    for (number, user) in people.iter().enumerate() {
        // Those of the canary had one question counted in the old cells, the others three.
        assert_eq!(refused(user).is_none(), taken.contains(&number), "user {number}");
    }
    let beyond = admin(&host).post("/admin/api/rollback", &json!({"to": 999}));
    assert_eq!(beyond.status, 404, "{}", beyond.text());
}

#[test]
fn an_answer_waits_for_no_shadow_and_what_that_has_no_time_for_is_counted() {
    let (host, _shelf) = house(&[]);
    let alice = host.sign_in("alice");
    propose(&host, "limit", &broken("limit-policy", Does::Loop));
    step(&host, "candidate/shadow", &json!({}));
    // Each comparison takes the second after which the candidate is stopped; more are asked than may wait.
    let asked = 400;
    for _ in 0..asked {
        assert_eq!(refusing_build(&ask(&alice)), Some(1));
    }
    let candidate = rules(&host)["candidate"].clone();
    let count = |name: &str| candidate[name].as_u64().expect("a number");
    assert!(count("dropped") > 0, "{candidate}");
    assert!(count("compared") + count("dropped") <= asked, "{candidate}");
    // Nothing is left of it when it is let go of, and the next one is compared.
    abort(&host);
    propose(&host, "limit", &marked::limiter(2));
    step(&host, "candidate/shadow", &json!({}));
    wait_until("a decision to be compared", || {
        ask(&alice);
        (rules(&host)["candidate"]["compared"].as_u64()? > 0).then_some(())
    });
}

#[test]
fn the_word_of_a_candidates_auth_counts_for_its_share_and_for_nobody_else() {
    let (host, _shelf) = house(&[]);
    let callers = callers(&host);
    propose(&host, "auth", &unwelcoming_auth("nobody is welcome"));
    canary(&host, 50.0);
    let turned_away: Vec<_> = callers
        .iter()
        .map(|caller| {
            let answer = caller.ask(&uuid::Uuid::new_v4().to_string(), "hi");
            assert!(answer.status == 403 || refusing_build(&answer) == Some(1), "{}", answer.text());
            answer.status == 403
        })
        .collect();
    let some = turned_away.iter().map(|away| usize::from(*away)).sum::<usize>();
    assert!((4..=36).contains(&some), "of {CALLERS} it turns {some} away");
    // Whoever nobody knows is let in by neither.
    assert_eq!(host.anyone().send("POST", "/agent/sessions/new", &[], None).status, 401);
}
