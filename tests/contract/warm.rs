//! Warm instances: one serves many calls, none after a trap, none for ever.

use std::collections::BTreeMap;

use overlord::capability::files::Directory;
use overlord::domain::{Event, Instant, Principal, SessionId, Verdict};
use overlord::sandbox::hooks::{Judgement, Load, Request, Window};
use overlord::sandbox::{Audit, Auth, Broken, History, Instances, Limit, Policy, Terms, World};

use crate::forge::{careless_history, counting_limiter};
use crate::stage::{built, loader, made_up, terms};

/// For how many calls an instance serves.
const CALLS_MAX: u32 = 1000;

/// A limiter that answers with the number of calls that its instance has served; it traps where a
/// question of the caller's is running.
async fn counting(instances: Instances) -> Policy<Limit> {
    let bytes = counting_limiter("(if (local.get $running) (then unreachable))");
    made_up(&bytes, Terms { instances, ..Terms::default() }).await
}

/// The how manieth call it was for the instance that answered.
async fn call(policy: &Policy<Limit>) -> u32 {
    match ask(policy, 0).await.expect("it answers") {
        Verdict::Refuse(refusal) => refusal.retry_after_s.expect("it counts"),
        other => panic!("{other:?}"),
    }
}

async fn ask(policy: &Policy<Limit>, running: u32) -> Result<Verdict, Broken> {
    let alice = Principal { user: "alice".to_owned(), roles: Vec::new() };
    policy
        .admit(&alice, Instant(1), Load { running, ..Load::default() }, &[])
        .await
        .map(|(verdict, _)| verdict)
}

#[tokio::test]
async fn a_fresh_instance_has_never_been_called() {
    let policy = counting(Instances::Fresh).await;
    for _ in 0..20 {
        assert_eq!(call(&policy).await, 1);
    }
}

#[tokio::test]
async fn a_warm_instance_serves_one_call_after_another() {
    let policy = counting(Instances::Warm).await;
    for expected in 1..=20 {
        assert_eq!(call(&policy).await, expected);
    }
}

#[tokio::test]
async fn a_warm_instance_is_dropped_after_a_thousand_calls() {
    let policy = counting(Instances::Warm).await;
    for expected in 1..=CALLS_MAX {
        assert_eq!(call(&policy).await, expected);
    }
    assert_eq!(call(&policy).await, 1);
}

#[tokio::test]
async fn a_warm_instance_serves_nobody_after_a_trap() {
    let policy = counting(Instances::Warm).await;
    assert_eq!((call(&policy).await, call(&policy).await), (1, 2));
    assert!(matches!(ask(&policy, 1).await, Err(Broken::Trapped(_))));
    assert_eq!((call(&policy).await, call(&policy).await), (1, 2));
}

#[tokio::test]
async fn no_two_calls_share_a_warm_instance_at_once() {
    // Each call gives way to the others while it computes, so that all of them are under way.
    let slow = "(local.set $settings_len (i32.const 100000000))
        (loop $again
            (local.set $settings_len (i32.sub (local.get $settings_len) (i32.const 1)))
            (br_if $again (local.get $settings_len)))";
    let policy: Policy<Limit> =
        made_up(&counting_limiter(slow), Terms { instances: Instances::Warm, ..Terms::default() }).await;
    let calls = futures_util::future::join_all((0..8).map(|_| call(&policy))).await;
    assert_eq!(calls, [1; 8], "each has an instance of its own");
    let again = futures_util::future::join_all((0..8).map(|_| call(&policy))).await;
    assert_eq!(again.iter().filter(|calls| **calls == 2).count(), 4, "four stay warm: {again:?}");
}

#[tokio::test]
async fn two_slots_with_one_component_share_no_instance() {
    let (one, other) = (counting(Instances::Warm).await, counting(Instances::Warm).await);
    assert_eq!((call(&one).await, call(&one).await, call(&other).await), (1, 2, 1));
}

/// One of the project's components in a slot that keeps it warm.
async fn warm<W: World>(name: &str, settings: &[(&str, &str)]) -> Policy<W> {
    let terms = Terms { instances: Instances::Warm, ..terms(settings) };
    loader().prepare(name, &built(name), terms).await.expect("it fits")
}

#[tokio::test]
async fn the_components_of_the_project_can_be_kept_warm() {
    let limiter: Policy<Limit> = warm("limit-window", &[]).await;
    let audit: Policy<Audit> = warm("audit-jsonl", &[]).await;
    let auth: Policy<Auth> = warm("auth-cookie", &[("secret", "secret")]).await;
    let alice = Principal { user: "alice".to_owned(), roles: Vec::new() };
    let (mut cell, message) = (Vec::new(), "x".repeat(10_000));
    for number in 0..CALLS_MAX + 100 {
        let now = Instant(1_700_000_000_000 + u64::from(number));
        let (verdict, new) = limiter.admit(&alice, now, Load::default(), &cell).await.expect("it decides");
        assert_eq!(verdict == Verdict::Admit, number < 60, "call {number}");
        cell = new.unwrap_or(cell);
        let fields = vec![("message", message.clone().into())];
        audit.format(&Event { name: "ask_start".into(), at: now, fields }).await.expect("it writes");
        let request = Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            cookies: Vec::new(),
            peer: "::1".to_owned(),
        };
        let judgement = auth.authenticate(&request, now).await.expect("it decides");
        assert!(matches!(judgement, Judgement::Denied(_)), "call {number}");
    }
}

#[tokio::test]
async fn what_was_lent_for_one_call_is_not_there_in_the_next() {
    const SESSION: &str = "0a1b2c3d-4e5f-4789-abcd-ef0123456789";
    let policy: Policy<History> = warm("history-claude", &[("cwd", "/w")]).await;
    let session = SessionId::parse(SESSION).expect("it is an id");
    let of = |text: &str| {
        let line = format!("{{\"type\":\"user\",\"message\":{{\"content\":\"{text}\"}}}}\n");
        Directory::scripted(&BTreeMap::from([(format!("projects/-w/{SESSION}.jsonl"), line)]))
    };
    for text in ["alice", "bob", "alice"] {
        let page = policy.read(of(text), session, Window::Tail, 10, 1 << 20, false).await.expect("it reads");
        let texts: Vec<_> = page.expect("there is one").messages.into_iter().map(|said| said.text).collect();
        assert_eq!(texts, [text]);
        let nothing = Directory::scripted(&BTreeMap::new());
        assert_eq!(policy.locate(nothing, session).await.expect("it looks"), None, "after {text}");
    }
}

#[tokio::test]
async fn an_instance_that_keeps_what_was_lent_to_it_serves_nobody_else() {
    let policy: Policy<History> =
        made_up(&careless_history(), Terms { instances: Instances::Warm, ..Terms::default() }).await;
    let with = || Directory::scripted(&BTreeMap::from([("f".to_owned(), "alice's".to_owned())]));
    let without = || Directory::scripted(&BTreeMap::new());
    let mut served = Vec::new();
    for directory in [without(), without(), with(), with(), without()] {
        served.push(policy.directory(directory).await.expect("it answers").len());
    }
    assert_eq!(served, [1, 2, 3, 1, 1], "the third and the fourth each left a file open");
}
