//! Answers that a policy may not give although nothing broke: each limit of the contract's values,
//! from both sides. The next call decides on its own.

use overlord::domain::{Event, Instant, Principal, Verdict};
use overlord::sandbox::hooks::{Judgement, Load, Request};
use overlord::sandbox::{Audit, Auth, Broken, Limit, Policy, Terms};

use crate::forge::{audit_saying, audit_saying_much, auth, limiter_with_cell};
use crate::stage::{Log, made_up};

/// The longest name, as the contract's host takes it.
const NAME_MAX: usize = 1024;

const GOOD_COOKIE: (&str, &str) = ("name", "value");

async fn cell_of(length: usize) -> Result<Option<usize>, Broken> {
    let policy: Policy<Limit> = made_up(&limiter_with_cell(length), Terms::default()).await;
    let alice = Principal { user: "alice".to_owned(), roles: Vec::new() };
    let (verdict, cell) = policy.admit(&alice, Instant(1), Load::default(), &[]).await?;
    assert_eq!(verdict, Verdict::Admit);
    Ok(cell.map(|cell| cell.len()))
}

#[tokio::test]
async fn a_cell_has_at_most_64_kib() {
    assert_eq!(cell_of(0).await.expect("empty is a cell"), Some(0));
    assert_eq!(cell_of(65536).await.expect("that is allowed"), Some(65536));
    refused(cell_of(65537).await, "its cell has more than 65536 bytes");
}

async fn record_of(policy: Vec<u8>) -> Result<String, Broken> {
    let policy: Policy<Audit> = made_up(&policy, Terms::default()).await;
    policy.format(&Event { name: "ask_start".into(), at: Instant(1), fields: Vec::new() }).await
}

#[tokio::test]
async fn a_record_is_one_line() {
    assert_eq!(record_of(audit_saying(b"a\tb")).await.expect("one line"), "a\tb");
    for record in ["a\nb", "\n", "a\rb", "a\n", "a\r\n"] {
        refused(record_of(audit_saying(record.as_bytes())).await, "there is a line end within the record");
    }
}

#[tokio::test]
async fn a_record_has_at_most_256_kib() {
    assert_eq!(record_of(audit_saying_much(256 << 10)).await.expect("that is allowed").len(), 256 << 10);
    refused(record_of(audit_saying_much((256 << 10) + 1)).await, "the record has more than 262144 bytes");
}

async fn admitted(user: &str, roles: usize, role: &str) -> Result<Principal, Broken> {
    let policy: Policy<Auth> = made_up(&auth(user, roles, role, GOOD_COOKIE), Terms::default()).await;
    let request = Request {
        method: "POST".to_owned(),
        path: "/agent/ask".to_owned(),
        headers: Vec::new(),
        cookies: Vec::new(),
        peer: "127.0.0.1".to_owned(),
    };
    match policy.authenticate(&request, Instant(1)).await? {
        Judgement::Admitted(who) => Ok(Principal { user: who.user, roles: who.roles }),
        Judgement::Denied(denial) => panic!("it admits everybody: {denial:?}"),
    }
}

#[tokio::test]
async fn a_users_name_is_short_and_can_be_printed() {
    let longest = "é".repeat(NAME_MAX / 2);
    for name in ["a", "Ærøskøbing 你好 🦀", "../../etc", &longest] {
        assert_eq!(admitted(name, 0, "").await.expect("it is a name").user, name);
    }
    let too_long = format!("{longest}a");
    for name in ["", "a\nb", "\0", "a\u{1b}[2J", "a\u{7f}", "a\u{85}b", &too_long] {
        refused(
            admitted(name, 0, "").await,
            "a user's name must have 1 to 1024 bytes and no control characters",
        );
    }
}

#[tokio::test]
async fn roles_are_few_short_and_can_be_printed() {
    let who = admitted("alice", 100, &"r".repeat(NAME_MAX)).await.expect("that is allowed");
    assert_eq!((who.roles.len(), who.roles[99].len()), (100, NAME_MAX));
    let too_long = "r".repeat(NAME_MAX + 1);
    for (roles, role) in [(101, "r"), (1, ""), (1, "a\nb"), (1, &too_long)] {
        refused(admitted("alice", roles, role).await, "a user may have at most 100 roles of 1 to 1024 bytes");
    }
}

#[tokio::test]
async fn a_cookie_needs_no_quoting() {
    for (name, value) in [("overlord_session", "eyJ1Ijoi.ZVPx-A_"), ("n", "a=b")] {
        let issued = issued(name, value).await.expect("it is a cookie");
        assert_eq!((issued.name.as_str(), issued.value.as_str(), issued.max_age_s), (name, value, 60));
    }
    let bad = [
        ("", "v"),
        ("n", ""),
        ("a=b", "v"),
        ("a b", "v"),
        ("n", "a b"),
        ("n", "a;Path=/"),
        ("n;", "v"),
        ("n", "a,b"),
        ("n", "\"v\""),
        ("n", "a\\b"),
        ("n", "a\r\nSet-Cookie: x=y"),
        ("n", "a\0"),
        ("é", "v"),
        ("n", "é"),
    ];
    for (name, value) in bad {
        refused(issued(name, value).await, "the issued cookie has characters that no cookie may have");
    }
}

async fn issued(name: &str, value: &str) -> Result<overlord::sandbox::hooks::Issued, Broken> {
    let policy: Policy<Auth> = made_up(&auth("alice", 0, "", (name, value)), Terms::default()).await;
    policy.issue(&Principal { user: "alice".to_owned(), roles: Vec::new() }, Instant(1)).await
}

#[tokio::test]
async fn a_refused_answer_is_one_line_of_the_log() {
    let policy: Policy<Audit> = made_up(&audit_saying(b"a\nb"), Terms::default()).await;
    let (log, _guard) = Log::listen();
    let event = Event { name: "ask_start".into(), at: Instant(1), fields: Vec::new() };
    policy.format(&event).await.expect_err("it has a line end");
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for word in ["ERROR", "slot=audit", "made-up", "line end", &policy.digest().short()] {
        assert!(lines[0].contains(word), "`{word}` is not in {}", lines[0]);
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Broken>, why: &str) {
    match outcome {
        Err(Broken::Answer(said)) => assert_eq!(said, why),
        other => panic!("expected that it is refused since {why}; found {other:?}"),
    }
}
