//! Warm instances: one serves many calls, none after a trap, none for ever.

use overlord::domain::{Instant, Principal, Verdict};
use overlord::sandbox::{Broken, Instances, Limit, Policy, Terms};

use crate::forge::counting_limiter;
use crate::stage::made_up;

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
    policy.admit(&alice, Instant(1), running, &[]).await.map(|(verdict, _)| verdict)
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
