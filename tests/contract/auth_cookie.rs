//! `auth-cookie`, the component: whom it admits and by what, against the real itsdangerous in both
//! directions, and what it makes of values that mean harm.

use overlord::domain::{Instant, Principal};
use overlord::sandbox::hooks::{Cookie, Denial, Header, Judgement, Request};
use overlord::sandbox::{Auth, Broken, Policy};
use serde_json::{Value, json};

use crate::stage::policy;
use crate::tools::{python, text_of};

/// What the real package says of values, made by `tests/fixtures/itsdangerous/make.py`.
const RECORDED: &str = include_str!("../fixtures/itsdangerous/values.json");

/// When the recorded and the hostile values were signed, in milliseconds.
const NOON: Instant = Instant(1_700_000_000_000);

async fn auth(settings: &[(&str, &str)]) -> Policy<Auth> {
    policy("auth-cookie", settings).await
}

fn request(cookies: &[(&str, &str)]) -> Request {
    let cookies = cookies
        .iter()
        .map(|(name, value)| Cookie { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect();
    Request {
        method: "POST".to_owned(),
        path: "/agent/ask".to_owned(),
        headers: Vec::new(),
        cookies,
        peer: "127.0.0.1".to_owned(),
    }
}

/// What is said of one value of the other application's cookie, in the words of the recordings.
async fn said(auth: &Policy<Auth>, value: &str, now: Instant) -> Value {
    match auth.authenticate(&request(&[("session", value)]), now).await {
        Ok(Judgement::Admitted(who)) => json!({"admitted": {"user": who.user, "roles": who.roles}}),
        Ok(Judgement::Denied(Denial::Expired)) => json!("expired"),
        Ok(Judgement::Denied(Denial::Invalid(_))) => json!("invalid"),
        other => json!(format!("{other:?}")),
    }
}

async fn user(auth: &Policy<Auth>, cookies: &[(&str, &str)]) -> Option<String> {
    match auth.authenticate(&request(cookies), NOON).await.expect("it decides") {
        Judgement::Admitted(who) => Some(who.user),
        Judgement::Denied(_) => None,
    }
}

async fn issue(auth: &Policy<Auth>, user: &str, roles: &[&str]) -> String {
    auth.issue(&principal(user, roles), NOON).await.expect("it issues").value
}

fn principal(user: &str, roles: &[&str]) -> Principal {
    Principal { user: user.to_owned(), roles: roles.iter().map(|role| (*role).to_owned()).collect() }
}

/// What the real package makes of values; `options` are those of its script.
#[track_caller]
fn checked(values: &[String], options: &[&str]) -> Vec<Value> {
    let output = python("itsdangerous/check.py", options, &(values.join("\n") + "\n"));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let checked: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("it prints JSON")).collect();
    assert_eq!(checked.len(), values.len(), "{}", String::from_utf8_lossy(&output.stderr));
    checked
}

#[tokio::test]
async fn says_of_each_recorded_value_what_the_real_package_says() {
    let recorded: Vec<Value> = serde_json::from_str(RECORDED).expect("recordings are JSON");
    assert!(recorded.len() >= 200, "the recordings are not whole");
    for value in &recorded {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let settings: Vec<_> = value["settings"]
            .as_array()
            .expect("pairs")
            .iter()
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect();
        let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let auth = auth(&settings).await;
        let now = Instant(value["now_s"].as_u64().expect("seconds") * 1000);
        assert_eq!(said(&auth, &text(&value["value"]), now).await, value["said"], "{}", value["what"]);
    }
}

#[tokio::test]
async fn what_it_issues_is_read_by_the_real_package() {
    let who: [(&str, &[&str]); 4] = [
        ("alice", &["admin"]),
        ("Ærøskøbing 你好 🦀", &["städ", "👑"]),
        ("a\"\\/.b", &[]),
        ("x", &["y"; 60]),
    ];
    for digest in ["sha1", "sha256", "sha512"] {
        for derivation in ["django-concat", "concat", "hmac", "none"] {
            let auth =
                auth(&[("secret", "sécret 🔑"), ("digest", digest), ("key_derivation", derivation)]).await;
            let mut values = Vec::new();
            for (user, roles) in who {
                values.push(issue(&auth, user, roles).await);
            }
            let options = [
                "--secret",
                "sécret 🔑",
                "--digest",
                digest,
                "--key-derivation",
                derivation,
                "--now",
                "1700000000",
            ];
            for ((user, roles), checked) in who.iter().zip(checked(&values, &options)) {
                let expected = json!({"payload": {"username": user, "roles": roles}});
                assert_eq!(checked, expected, "{digest}, {derivation}");
            }
        }
    }
}

#[tokio::test]
async fn the_newest_secret_signs_and_all_of_them_verify() {
    let (old, both) = (auth(&[("secret", "old")]).await, auth(&[("secret", "old"), ("secret", "new")]).await);
    let (before, after) = (issue(&old, "alice", &[]).await, issue(&both, "alice", &[]).await);
    for value in [&before, &after] {
        assert_eq!(user(&both, &[("overlord_session", value)]).await.as_deref(), Some("alice"));
    }
    assert_eq!(user(&old, &[("overlord_session", &after)]).await, None);
    let by = |secret| checked(&[before.clone(), after.clone()], &["--secret", secret, "--now", "1700000000"]);
    assert!(by("old")[0]["payload"].is_object() && by("old")[1]["error"].is_string());
    assert!(by("new")[1]["payload"].is_object() && by("new")[0]["error"].is_string());
}

#[tokio::test]
async fn what_it_issues_opens_nothing_elsewhere() {
    let auth = auth(&[("secret", "secret")]).await;
    let issued = auth.issue(&principal("alice", &[]), NOON).await.expect("it issues");
    assert_eq!(issued.name, "overlord_session", "the other application's cookie is not overwritten");
    assert_eq!(issued.max_age_s, 30 * 24 * 3600);
    let options = ["--secret", "secret", "--salt", "itsdangerous", "--now", "1700000000"];
    let checked = checked(&[issued.value], &options);
    assert!(
        checked[0]["error"].as_str().is_some_and(|error| error.contains("does not match")),
        "{checked:?}"
    );
}

#[tokio::test]
async fn what_it_issues_lasts_as_long_as_it_says() {
    let auth = auth(&[("secret", "secret"), ("max_age_s", "60")]).await;
    let value = issue(&auth, "alice", &[]).await;
    let at = |seconds: u64| Instant(NOON.0 + seconds * 1000);
    let admitted = json!({"admitted": {"user": "alice", "roles": []}});
    assert_eq!(said(&auth, &value, at(60)).await, admitted);
    assert_eq!(said(&auth, &value, at(61)).await, json!("expired"));
}

#[tokio::test]
async fn both_names_are_looked_at_and_no_other() {
    let auth = auth(&[("secret", "secret")]).await;
    let value = issue(&auth, "alice", &[]).await;
    for name in ["session", "overlord_session"] {
        assert_eq!(user(&auth, &[(name, &value)]).await.as_deref(), Some("alice"), "{name}");
    }
    let others = [("Session", value.as_str()), ("session2", &value), ("", &value), ("session ", &value)];
    let judgement = auth.authenticate(&request(&others), NOON).await.expect("it decides");
    assert!(matches!(judgement, Judgement::Denied(Denial::Missing)), "{judgement:?}");
}

#[tokio::test]
async fn a_cookie_that_is_not_genuine_does_not_hide_one_that_is() {
    let auth = auth(&[("secret", "secret")]).await;
    let value = issue(&auth, "alice", &[]).await;
    let expired = auth.issue(&principal("eve", &[]), Instant(0)).await.expect("it issues").value;
    for others in [["session", "session"], ["overlord_session", "session"], ["session", "overlord_session"]] {
        for other in ["", "garbage", &expired, "....", &"x".repeat(100_000)] {
            let cookies = [(others[0], other), (others[1], value.as_str())];
            assert_eq!(user(&auth, &cookies).await.as_deref(), Some("alice"), "{others:?} {other:.20}");
            let cookies = [(others[0], value.as_str()), (others[1], other)];
            assert_eq!(user(&auth, &cookies).await.as_deref(), Some("alice"), "{others:?} {other:.20}");
        }
    }
}

#[tokio::test]
async fn no_single_character_of_a_value_can_be_changed() {
    let auth = auth(&[("secret", "secret")]).await;
    let value = issue(&auth, "alice", &["admin"]).await;
    for at in 0..value.len() {
        let other = if &value[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &value[..at], &value[at + 1..]);
        let said = said(&auth, &changed, NOON).await;
        // The last character of each part has bits that mean nothing.
        let same = json!({"admitted": {"user": "alice", "roles": ["admin"]}});
        let spare = at + 1 == value.len() || &value[at + 1..at + 2] == ".";
        assert!(said == "invalid" || (spare && said == same), "{changed}: {said}");
    }
}

#[tokio::test]
async fn values_of_a_million_characters_are_refused_like_any_other() {
    let auth = auth(&[("secret", "secret")]).await;
    let good = issue(&auth, "alice", &[]).await;
    let million = |part: &str| part.repeat(1_000_000 / part.len());
    let values = [
        million("a"),
        million("."),
        million("a."),
        million("="),
        million("\0"),
        million("🦀"),
        million("%00"),
        format!("{}{good}", million("A")),
        format!("{good}{}", million("A")),
        format!(".{}", good.replace('.', &million("."))),
        format!("{}.ZVPxAA.IIkkCIH8IHroDHzQYWU1p2W-_9I", million("e")),
    ];
    for value in values {
        assert_eq!(said(&auth, &value, NOON).await, "invalid", "{value:.40}");
    }
    assert_eq!(user(&auth, &[("session", &good)]).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn genuine_values_that_mean_harm_admit_nobody_and_break_nothing() {
    let auth = auth(&[("secret", "secret")]).await;
    let output = python("itsdangerous/hostile.py", [""; 0], "");
    let mut seen = 0;
    for line in text_of(&output).lines() {
        let hostile: Value = serde_json::from_str(line).expect("it prints JSON");
        let said = said(&auth, hostile["value"].as_str().expect("text"), NOON).await;
        let alice = json!({"admitted": {"user": "alice", "roles": []}});
        match hostile["user"].as_str() {
            None => assert_eq!(said, "invalid", "{}", hostile["what"]),
            Some("maybe") => assert!(said == "invalid" || said == alice, "{}: {said}", hostile["what"]),
            Some(_) => assert_eq!(said, alice, "{}", hostile["what"]),
        }
        seen += 1;
    }
    assert!(seen >= 25, "the script printed {seen} values");
}

#[tokio::test]
async fn thousands_of_cookies_and_headers_cost_no_more_than_a_few() {
    let auth = auth(&[("secret", "secret")]).await;
    let mut request = request(&vec![("session", "garbage.of.nobody"); 10_000]);
    request.headers =
        (0..10_000).map(|_| Header { name: "cookie".to_owned(), value: vec![0xff; 100] }).collect();
    let judgement = auth.authenticate(&request, NOON).await.expect("it decides");
    assert!(matches!(judgement, Judgement::Denied(Denial::Invalid(_))), "{judgement:?}");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them() {
    let long = "x".repeat(1_000_000);
    let many = vec![("secret", "s"); 10_000];
    let tables: [(&[(&str, &str)], &str); 9] = [
        (&[], "there is no 'secret'"),
        (&[("secret", "")], "a 'secret' is empty"),
        (&[("secret", "s"), ("sekret", "s")], "there is no 'sekret'"),
        (&[("secret", "s"), ("salt", "a"), ("salt", "b")], "'salt' is given more than once"),
        (&[("secret", "s"), ("max_age_s", "0")], "max_age_s is '0'"),
        (&[("secret", "s"), ("digest", "md5")], "digest is 'md5'"),
        (&[("secret", "s"), ("cookie", "a b")], "cookie is 'a b'"),
        (&[("secret", "s"), (&long, "s")], "there is no 'xxx"),
        (&many, "there are 10000 secrets"),
    ];
    for (settings, words) in tables {
        let auth = auth(settings).await;
        for outcome in [
            auth.authenticate(&request(&[]), NOON).await.map(drop),
            auth.issue(&principal("alice", &[]), NOON).await.map(drop),
        ] {
            let Err(Broken::Fault(message)) = outcome else { panic!("{words}: {outcome:?}") };
            assert!(message.contains(words), "{message:.300}");
        }
    }
}

#[tokio::test]
async fn a_secret_of_a_megabyte_is_a_secret() {
    let long = "s".repeat(1 << 20);
    let auth = auth(&[("secret", &long), ("salt", &long)]).await;
    let value = issue(&auth, "alice", &[]).await;
    assert_eq!(user(&auth, &[("session", &value)]).await.as_deref(), Some("alice"));
}
