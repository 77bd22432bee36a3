//! What becomes of a component that loops, eats memory, recurses or traps: the call ends with a
//! sentence, the next one is unharmed, and what was taken is given back.

use overlord::domain::{Event, Instant, Principal, Verdict};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Audit, Broken, Limit, Policy, Terms};

use crate::forge::{audit, audit_saying_much, limiter};
use crate::stage::{Log, made_up};

/// The memory of a decision, in pages of 64 KiB: what `Limits::DECISION` says.
const PAGES: u32 = 1024;

/// Misbehaves where somebody's question is running, and admits where none is.
async fn limiter_that(misbehaves: &str) -> Policy<Limit> {
    let body = format!("(if (local.get $running) (then {misbehaves}))");
    made_up(&limiter(&body), Terms::default()).await
}

async fn decide(policy: &Policy<Limit>, running: u32) -> Result<Verdict, Broken> {
    let alice = Principal { user: "alice".to_owned(), roles: Vec::new() };
    policy
        .admit(&alice, Instant(1), Load { running, ..Load::default() }, &[])
        .await
        .map(|(verdict, _)| verdict)
}

/// The sentence of a call that misbehaves; the call before it and the one after it are fine.
async fn sentence_of(policy: &Policy<Limit>) -> String {
    assert_eq!(decide(policy, 0).await.expect("it behaves"), Verdict::Admit);
    let said = match decide(policy, 1).await.expect_err("it misbehaves") {
        Broken::Trapped(why) => why,
        other => panic!("expected a trap, found {other:?}"),
    };
    assert_eq!(decide(policy, 0).await.expect("it behaves again"), Verdict::Admit);
    said
}

#[track_caller]
fn assert_says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
    }
    assert!(!sentence.contains('\n'), "a log line is one line: {sentence:?}");
}

#[tokio::test]
async fn a_loop_is_stopped_at_its_deadline() {
    let policy = limiter_that("(loop $for_ever (br $for_ever))").await;
    assert_says(&sentence_of(&policy).await, &["it computed for longer than 1s and was stopped", "admit"]);
}

#[tokio::test]
async fn a_loop_does_not_keep_other_tasks_of_its_thread_waiting() {
    let policy = limiter_that("(loop $for_ever (br $for_ever))").await;
    let order = std::sync::Mutex::new(Vec::new());
    let note = |what| order.lock().expect("nobody panics with it").push(what);
    let looping = async {
        decide(&policy, 1).await.expect_err("it loops");
        note("the loop has ended");
    };
    let deciding = async {
        decide(&policy, 0).await.expect("it behaves");
        note("the decision was made");
    };
    tokio::join!(looping, deciding);
    assert_eq!(
        *order.lock().expect("nobody panics with it"),
        ["the decision was made", "the loop has ended"]
    );
}

#[tokio::test]
async fn more_memory_than_is_allowed_is_not_had() {
    let beyond = format!("(if (i32.eq (memory.grow (i32.const {PAGES})) (i32.const -1)) (then unreachable))");
    let said = sentence_of(&limiter_that(&beyond).await).await;
    assert_says(&said, &["unreachable", "it had asked for more than its 64 MiB of memory", "admit"]);
}

#[tokio::test]
async fn all_the_memory_that_is_allowed_is_had() {
    let allowed = PAGES - 1;
    let grow = format!("(if (i32.eq (memory.grow (i32.const {allowed})) (i32.const -1)) (then unreachable))");
    assert_eq!(decide(&limiter_that(&grow).await, 1).await.expect("it is allowed"), Verdict::Admit);
}

#[tokio::test]
async fn memory_is_given_back_after_each_call() {
    let touch = format!(
        "(drop (memory.grow (i32.const {})))
        (memory.fill (i32.const 65536) (i32.const 1) (i32.const {}))",
        PAGES - 1,
        (PAGES - 1) << 16
    );
    let policy = limiter_that(&touch).await;
    // 64 MiB, 40 times: five times as much as the bound, were it kept.
    for _ in 0..40 {
        decide(&policy, 1).await.expect("it is allowed");
    }
    let resident = resident_mib();
    assert!(resident < 512, "{resident} MiB are resident after the calls");
}

#[tokio::test]
async fn endless_recursion_ends() {
    let module = "(drop (call $admit (local.get $settings) (local.get $settings_len) (local.get $user)
        (local.get $user_len) (local.get $roles) (local.get $roles_len) (local.get $now) (local.get $running)
        (local.get $waiting) (local.get $facts) (local.get $facts_len) (local.get $cell) (local.get $cell_len)))";
    assert_says(&sentence_of(&limiter_that(module).await).await, &["call stack exhausted", "admit < admit"]);
}

#[tokio::test]
async fn a_trap_says_what_and_where() {
    assert_says(&sentence_of(&limiter_that("unreachable").await).await, &["unreachable", "; in admit"]);
    let divided = "(drop (i32.div_u (i32.const 1) (local.get $waiting)))";
    assert_says(&sentence_of(&limiter_that(divided).await).await, &["divide by zero", "; in admit"]);
    let beyond = "(drop (i32.load (i32.const -4)))";
    assert_says(
        &sentence_of(&limiter_that(beyond).await).await,
        &["out of bounds memory access", "; in admit"],
    );
}

#[tokio::test]
async fn a_broken_call_is_one_line_of_the_log() {
    let policy = limiter_that("unreachable").await;
    let (log, _guard) = Log::listen();
    sentence_of(&policy).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let digest = policy.digest().short();
    assert_says(&lines[0], &["ERROR", "made-up", "slot=limit", &digest, "unreachable", "; in admit"]);
}

#[tokio::test]
async fn answers_that_lie_outside_the_memory_are_refused() {
    let outside = "(return (i32.const -8))";
    assert_says(&sentence_of(&limiter_that(outside).await).await, &["out of bounds"]);
    let cell = "(i32.store (i32.const 1056) (i32.const 1))
        (i32.store (i32.const 1060) (i32.const 0))
        (i32.store (i32.const 1064) (i32.const -1))";
    assert_says(&sentence_of(&limiter_that(cell).await).await, &["out of bounds"]);
    let verdict = "(i32.store (i32.const 1028) (i32.const 77))";
    assert_says(&sentence_of(&limiter_that(verdict).await).await, &["discriminant"]);
}

#[tokio::test]
async fn text_that_is_no_text_is_refused() {
    let policy: Policy<Audit> = made_up(
        &audit(
            "(i32.store8 (i32.const 2048) (i32.const 0xff))
            (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))",
        ),
        Terms::default(),
    )
    .await;
    match policy.format(&event()).await.expect_err("it is no UTF-8") {
        Broken::Trapped(why) => assert_says(&why, &["utf-8"]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn more_output_than_is_read_is_refused_before_it_is_copied() {
    let policy: Policy<Audit> = made_up(&audit_saying_much(2 << 20), Terms::default()).await;
    match policy.format(&event()).await.expect_err("it is too much") {
        Broken::Trapped(why) => assert_says(&why, &["fuel"]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn more_calls_than_the_pool_has_places_wait_their_turn() {
    let policy = limiter_that("unreachable").await;
    let calls = (0..1000).map(|number| decide(&policy, u32::from(number % 10 == 0)));
    let outcomes = futures_util::future::join_all(calls).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), number % 10 == 0, "call {number}: {outcome:?}");
    }
}

fn event() -> Event {
    Event { name: "ask_start".into(), at: Instant(1), fields: Vec::new() }
}

/// What of this process lies in memory.
fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it says how much");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") >> 10
}
