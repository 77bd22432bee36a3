//! What the sandbox counts of a component's calls: every call once, however it ends, and none that no
//! request has made.

use std::sync::Arc;

use overlord::domain::{Instant, Principal};
use overlord::sandbox::hooks::{Judgement, Load, Request};
use overlord::sandbox::{
    Auth, CodeCache, Instances, Limit, Loader, Policy, Sandbox, TallySnapshot, Terms, World,
};

use crate::forge::{component, contract, counting_limiter, limiter, limiter_module, limiter_with_cell};
use crate::stage::{built, terms};

/// A sandbox of a test's own: the other tests call the same components.
fn apart() -> Loader {
    Loader::new(Arc::new(Sandbox::new().expect("an engine can be set up here")), CodeCache::none())
}

async fn alone<W: World>(bytes: &[u8], terms: Terms) -> Policy<W> {
    apart().prepare("alone", bytes, terms).await.expect("it loads")
}

async fn decide(policy: &Policy<Limit>, running: u32) {
    let alice = Principal { user: "alice".to_owned(), roles: Vec::new() };
    let load = Load { running, ..Load::default() };
    let _ = policy.admit(&alice, Instant(1), load, &[]).await;
}

/// What was counted: calls, faults, traps, time-outs, refused answers.
fn counts(tally: &TallySnapshot) -> [u64; 5] {
    assert_eq!(tally.latency.counts.iter().sum::<u64>(), tally.calls, "each call is in one bucket");
    [tally.calls, tally.faults, tally.traps, tally.time_outs, tally.refused_answers]
}

#[tokio::test]
async fn a_trap_counts_as_one() {
    let policy = alone(&limiter("(if (local.get $running) (then unreachable))"), Terms::default()).await;
    for running in [0, 1, 0, 1, 1] {
        decide(&policy, running).await;
    }
    assert_eq!(counts(&policy.tally().snapshot()), [5, 0, 3, 0, 0]);
    assert_eq!(policy.tally().failures(), 3);
}

#[tokio::test]
async fn a_loop_counts_as_a_time_out_and_as_no_trap() {
    let body = "(if (local.get $running) (then (loop $for_ever (br $for_ever))))";
    let policy = alone(&limiter(body), Terms::default()).await;
    decide(&policy, 0).await;
    decide(&policy, 1).await;
    let tally = policy.tally().snapshot();
    assert_eq!(counts(&tally), [2, 0, 0, 1, 0]);
    assert!(tally.latency.sum_us >= 900_000, "it computed for a second: {tally:?}");
}

#[tokio::test]
async fn a_senseless_answer_counts_as_refused() {
    let policy = alone(&limiter_with_cell(65537), Terms::default()).await;
    decide(&policy, 0).await;
    assert_eq!(counts(&policy.tally().snapshot()), [1, 0, 0, 0, 1]);
}

#[tokio::test]
async fn a_fault_counts_as_one() {
    let policy = alone(&built("limit-window"), terms(&[("window_s", "soon")])).await;
    decide(&policy, 0).await;
    assert_eq!(counts(&policy.tally().snapshot()), [1, 1, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_refused_counts_by_its_reason() {
    let policy = alone(&counting_limiter(""), Terms::default()).await;
    for _ in 0..3 {
        decide(&policy, 0).await;
    }
    let refusals = policy.tally().snapshot().refusals;
    assert_eq!(refusals.into_iter().collect::<Vec<_>>(), [("other".to_owned(), 3)], "its event has no name");

    let policy = alone(&built("limit-window"), terms(&[("max", "0")])).await;
    decide(&policy, 0).await;
    let refusals = policy.tally().snapshot().refusals;
    assert_eq!(refusals.into_iter().collect::<Vec<_>>(), [("rate_limited".to_owned(), 1)]);

    let auth: Policy<Auth> =
        alone(&built("auth-cookie"), terms(&[("secret", "a secret of this test")])).await;
    let nobody = Request {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        cookies: Vec::new(),
        peer: "::1".to_owned(),
    };
    let judgement = auth.authenticate(&nobody, Instant(1)).await.expect("it decides");
    assert!(matches!(judgement, Judgement::Denied(_)));
    assert_eq!(auth.tally().snapshot().refusals["missing"], 1);
}

#[tokio::test]
async fn two_policies_of_one_digest_share_a_tally_and_cases_count_nothing() {
    let case = r#"
        [[case]]
        name = "it admits"
        call = 'admit([], {caller: {user: "a", roles: []}, now: 1, running: 0, waiting: 0, facts: []}, [])'
        expect = "{verdict: admit}"
    "#;
    let bytes = component(&contract(), "limit-policy", &limiter_module(""), Some(case));
    let warm = Terms { instances: Instances::Warm, ..Terms::default() };
    let loader = apart();
    let one = loader.load::<Limit>("shared", &bytes, Terms::default()).await.expect("it loads").policy;
    let other = loader.load::<Limit>("shared", &bytes, warm).await.expect("it loads").policy;
    assert_eq!(counts(&one.tally().snapshot()), [0; 5], "its case was run twice and is no decision");
    decide(&one, 0).await;
    decide(&other, 0).await;
    decide(&other, 0).await;
    assert_eq!(counts(&one.tally().snapshot()), [3, 0, 0, 0, 0]);
    let all = loader.sandbox().tallies();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].snapshot(), other.tally().snapshot());
    drop((one, other));
    assert_eq!(loader.sandbox().tallies()[0].calls(), 3, "what has served can still be read");
}

#[tokio::test]
async fn what_was_only_tried_leaves_nothing_behind() {
    let loader = apart();
    let policy = loader.prepare::<Limit>("tried", &limiter(""), Terms::default()).await.expect("it loads");
    assert_eq!(loader.sandbox().tallies().len(), 1);
    drop(policy);
    assert!(loader.sandbox().tallies().is_empty());
}
