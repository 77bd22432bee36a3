//! `auth-jwt`, the component: whom it admits by which token, against the real `PyJWT` in both directions
//! and the RFCs' own examples, what it makes of tokens that mean harm, and what it costs.

use std::time::Instant as Clock;

use overlord::domain::{Instant, Principal};
use overlord::sandbox::hooks::{Cookie, Denial, Header, Judgement, Request};
use overlord::sandbox::{Auth, Broken, Policy};
use serde_json::{Value, json};

use crate::stage::policy;
use crate::tools::{python, text_of};

/// What `tests/fixtures/jwt/make.py` recorded.
const RECORDED: &str = include_str!("../fixtures/jwt/tokens.json");

/// When most of them were made, in milliseconds.
const NOON: Instant = Instant(1_700_000_000_000);

fn request(headers: &[(&str, &str)], cookies: &[(&str, &str)]) -> Request {
    let header =
        |(name, value): &(&str, &str)| Header { name: (*name).to_owned(), value: value.as_bytes().to_vec() };
    let cookie =
        |(name, value): &(&str, &str)| Cookie { name: (*name).to_owned(), value: (*value).to_owned() };
    Request {
        method: "POST".to_owned(),
        path: "/agent/ask".to_owned(),
        headers: headers.iter().map(header).collect(),
        cookies: cookies.iter().map(cookie).collect(),
        peer: "127.0.0.1".to_owned(),
    }
}

async fn said(auth: &Policy<Auth>, request: &Request, now: Instant) -> Value {
    match auth.authenticate(request, now).await {
        Ok(Judgement::Admitted(who)) => json!({"admitted": {"user": who.user, "roles": who.roles}}),
        Ok(Judgement::Denied(Denial::Expired)) => json!("expired"),
        Ok(Judgement::Denied(Denial::Invalid(_))) => json!("invalid"),
        other => json!(format!("{other:?}")),
    }
}

fn pairs(value: &Value) -> Vec<(&str, &str)> {
    let pairs = value.as_array().expect("pairs").iter();
    pairs.map(|pair| (pair[0].as_str().expect("text"), pair[1].as_str().expect("text"))).collect()
}

fn recorded() -> Value {
    serde_json::from_str(RECORDED).expect("recordings are JSON")
}

/// The settings of an entry: its keys, the host's, its own.
fn settings<'a>(recorded: &'a Value, entry: &'a Value) -> Vec<(&'a str, &'a str)> {
    let keys = if entry["keys"] == "KEYS" { &recorded["keys"] } else { &entry["keys"] };
    [pairs(keys), pairs(&recorded["host"]), pairs(&entry["settings"])].concat()
}

fn token<'a>(recorded: &'a Value, what: &str) -> &'a str {
    let entries = recorded["tokens"].as_array().expect("a list").iter();
    let found = entries.into_iter().find(|entry| entry["what"] == what);
    found.unwrap_or_else(|| panic!("{what} is recorded"))["token"].as_str().expect("text")
}

async fn usual(recorded: &Value) -> Policy<Auth> {
    policy("auth-jwt", &[pairs(&recorded["keys"]), pairs(&recorded["host"])].concat()).await
}

#[tokio::test]
async fn says_of_each_recorded_token_what_is_to_be_said_in_the_cookie_and_in_the_header() {
    let recorded = recorded();
    let entries = recorded["tokens"].as_array().expect("a list");
    assert!(entries.len() >= 330, "the recordings are not whole");
    for entry in entries {
        let auth = policy("auth-jwt", &settings(&recorded, entry)).await;
        let token = entry["token"].as_str().expect("text");
        let now = Instant(entry["now_s"].as_u64().expect("seconds") * 1000);
        for request in [
            request(&[], &[("session", token)]),
            request(&[("authorization", &format!("Bearer {token}"))], &[]),
        ] {
            assert_eq!(said(&auth, &request, now).await, entry["said"], "{}", entry["what"]);
        }
    }
}

#[tokio::test]
async fn no_character_of_a_token_can_be_changed() {
    let recorded = recorded();
    let auth = usual(&recorded).await;
    for what in ["HS256", "ES256", "EdDSA"] {
        let good = token(&recorded, what);
        for at in (0..good.len()).step_by(3) {
            let other = if &good[at..=at] == "A" { "B" } else { "A" };
            let forged = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            assert_eq!(
                said(&auth, &request(&[], &[("session", &forged)]), NOON).await,
                "invalid",
                "{forged}"
            );
        }
    }
}

#[tokio::test]
async fn what_it_issues_it_admits_and_the_real_package_reads() {
    let recorded = recorded();
    let auth = usual(&recorded).await;
    let secret = pairs(&recorded["host"])[0].1;
    let who = Principal { user: "Ærøskøbing 🦀".to_owned(), roles: vec!["admin".to_owned()] };
    let issued = auth.issue(&who, NOON).await.expect("it issues");
    assert_eq!((issued.name.as_str(), issued.max_age_s), ("overlord_session", 30 * 24 * 3600));
    let admitted = json!({"admitted": {"user": who.user, "roles": who.roles}});
    let by = |name: &'static str| request(&[], &[(name, &issued.value)]);
    assert_eq!(said(&auth, &by("overlord_session"), NOON).await, admitted);
    assert_eq!(said(&auth, &by("session"), NOON).await, "invalid", "it is none of the application's");

    let input = format!("{}\n", issued.value);
    let read = python("jwt/check.py", ["--secret", secret], &input);
    let read: Value = serde_json::from_str(text_of(&read)).expect("it prints JSON");
    let claims = json!({"sub": who.user, "roles": who.roles, "iat": 1_700_000_000});
    assert_eq!(read, json!({"claims": claims, "typ": "overlord"}));
    let foreign = python("jwt/check.py", ["--secret", secret, "--as-it-is"], &input);
    assert!(text_of(&foreign).contains("InvalidSignatureError"), "it opens nothing elsewhere");
}

#[tokio::test]
async fn thousands_of_cookies_and_keys_to_try_are_a_bounded_amount_of_work() {
    let recorded = recorded();
    let pem = pairs(&recorded["keys"])[2].1;
    // Sixteen keys for every token, none of which made it.
    let other = r#"{"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}"#;
    assert!(pem.starts_with("ES256 "));
    let auth = policy("auth-jwt", &[vec![("key", other); 16], pairs(&recorded["host"])].concat()).await;
    let es256 = token(&recorded, "ES256");
    let flood = request(&[], &vec![("session", es256); 10_000]);
    let begun = Clock::now();
    assert_eq!(said(&auth, &flood, NOON).await, "invalid");
    println!("16 checks of ES256, the most there are: {:?}", begun.elapsed());
    let huge = "x".repeat(900_000);
    assert_eq!(
        said(&auth, &request(&[("authorization", &format!("Bearer {huge}"))], &[]), NOON).await,
        "invalid"
    );
}

#[tokio::test]
async fn what_a_call_costs() {
    const CALLS: u32 = 100;
    let recorded = recorded();
    for (place, algorithm) in ["HS256", "RS256", "ES256", "EdDSA"].into_iter().enumerate() {
        let key = pairs(&recorded["keys"])[place];
        let auth = policy("auth-jwt", &[vec![key], pairs(&recorded["host"])].concat()).await;
        let request = request(&[], &[("session", token(&recorded, algorithm))]);
        let mut fastest = std::time::Duration::MAX;
        for _ in 0..CALLS {
            let begun = Clock::now();
            assert_ne!(said(&auth, &request, NOON).await, "invalid");
            fastest = fastest.min(begun.elapsed());
        }
        println!("{algorithm}, a fresh instance: {fastest:?}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them_and_no_secret() {
    let key = ("key", "HS256 text:a secret of at least thirty-two bytes");
    let long = "x".repeat(1_000_000);
    let tables: [(&[(&str, &str)], &str); 7] = [
        (&[("secret", "s")], "there is no 'key'"),
        (&[key], "there is no 'secret'"),
        (&[key, ("secret", "s"), ("algorithms", "none")], "there is no 'algorithms'"),
        (&[key, ("secret", "s"), ("key", "HS256 text:hush")], "'key' number 2 cannot be used"),
        (&[key, ("secret", "s"), ("leeway_s", "1h")], "leeway_s is '1h'"),
        (&[key, ("secret", "s"), (&long, "s")], "there is no 'xxx"),
        (&[key, ("secret", "s"), ("key", &long)], "'key' number 2 cannot be used"),
    ];
    for (settings, words) in tables {
        let auth = policy::<Auth>("auth-jwt", settings).await;
        let Err(Broken::Fault(message)) = auth.authenticate(&request(&[], &[]), NOON).await else {
            panic!("{words}")
        };
        assert!(message.contains(words), "{message:.300}");
        assert!(!message.contains("hush") && !message.contains("thirty-two"), "{message:.300}");
    }
}
