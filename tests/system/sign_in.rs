//! Sign-in addresses: that each signs one person in, once, and what the cookie is like that comes of it.
//! Who is let in with a cookie is `auth`'s matter.

use std::fs;
use std::path::PathBuf;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup};
use serde_json::{Value, json};

const USED: &str = r#"{"detail":"This sign-in address has been used or has expired; ask for a new one"}"#;

/// What `overlord sign-in` prints in this setup.
#[track_caller]
fn printed(setup: &Setup, arguments: &[&str], listen: &str) -> String {
    let mut command = setup.command(["sign-in"]);
    let ended = command.args(arguments).env("OVERLORD_LISTEN", listen).output().expect("running overlord");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("an address is text")
}

fn token(setup: &Setup, arguments: &[&str]) -> String {
    let said = printed(setup, arguments, "127.0.0.1:1");
    said.trim_end().strip_prefix("http://127.0.0.1:1/#token=").expect("an address").to_owned()
}

fn login(caller: &Caller, token: &str) -> Answer {
    caller.post("/login", &json!({ "token": token }))
}

/// The caller with the cookie that an answer sets.
#[track_caller]
fn signed_in(host: &Host, answer: &Answer) -> Caller {
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    let cookie = answer.header("set-cookie").expect("a cookie");
    host.anyone().with_cookie(cookie.split(';').next())
}

fn addresses(setup: &Setup) -> Vec<PathBuf> {
    fs::read_dir(setup.data().join("sign-in"))
        .expect("listed")
        .map(|entry| entry.expect("read").path())
        .collect()
}

fn events(host: &Host) -> Vec<(String, Value)> {
    let line = |line: Value| (line["event"].as_str().expect("a name").to_owned(), line["user"].clone());
    host.audit().into_iter().map(line).collect()
}

#[test]
fn an_address_signs_its_user_in_once() {
    let host = Setup::new().start();
    let token = token(host.setup(), &["alice", "--role", "admin", "--role", "x"]);
    let alice = signed_in(&host, &login(&host.anyone(), &token));
    let me = alice.get("/agent/me").json();
    assert_eq!(
        (&me["user"], &me["roles"], &me["own_cookie"]),
        (&json!("alice"), &json!(["admin", "x"]), &json!(true))
    );
    for _ in 0..2 {
        let again = login(&host.anyone(), &token);
        assert_eq!((again.status, again.text().as_str()), (401, USED));
        assert_eq!(again.header("set-cookie"), None);
    }
    assert!(addresses(host.setup()).is_empty());
    assert_eq!(events(&host), [("signed_in".to_owned(), json!("alice"))]);
    assert!(!host.output().contains(&token), "{}", host.output());
}

#[test]
fn of_twenty_at_once_one_is_signed_in() {
    let host = Setup::new().start();
    for _ in 0..3 {
        let token = token(host.setup(), &["alice"]);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..20).map(|_| scope.spawn(|| login(&host.anyone(), &token))).collect();
            tries.into_iter().map(|each| each.join().expect("no panic")).collect()
        });
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.text() == USED).count(), 19);
    }
    assert_eq!(events(&host).len(), 3);
}

#[test]
fn an_address_waits_for_its_host_and_not_for_ever() {
    let setup = Setup::new();
    let (good, old) = (token(&setup, &["alice"]), token(&setup, &["bob"]));
    for file in addresses(&setup) {
        let mut kept: Value = serde_json::from_slice(&fs::read(&file).expect("read")).expect("JSON");
        let expires = kept["expires"].as_u64().expect("a time");
        let hour = 3_600_000;
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
        let left = u128::from(expires).saturating_sub(now);
        assert!(left <= hour && left > hour - 600_000, "{left} ms are left");
        if kept["user"] == "bob" {
            kept["expires"] = 1.into();
            fs::write(&file, kept.to_string()).expect("written");
        }
    }
    let host = setup.start();
    let late = login(&host.anyone(), &old);
    assert_eq!((late.status, late.text().as_str()), (401, USED));
    let host = host.stop().1.start();
    assert_eq!(signed_in(&host, &login(&host.anyone(), &good)).get("/agent/me").json()["user"], "alice");
    assert!(addresses(host.setup()).is_empty(), "what has expired is gone too");
}

#[test]
fn the_cookie_is_for_this_service_alone() {
    let setup = Setup::new().with("OVERLORD_SERVER_TRUSTED_PEERS", "127.0.0.1");
    let host = setup.with("OVERLORD_AUTH_SETTINGS_MAX_AGE_S", "77").start();
    for (proto, secure) in [("http", false), ("https", true)] {
        let body = json!({ "token": token(host.setup(), &["alice"]) }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-proto", proto)];
        let answer = host.anyone().send("POST", "/login", &headers, Some(body.as_bytes()));
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
        let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
        let mut parts: Vec<_> = cookie.split("; ").skip(1).collect();
        parts.sort_unstable();
        let mut expected = vec!["HttpOnly", "Max-Age=77", "Path=/", "SameSite=Strict"];
        expected.extend(secure.then_some("Secure"));
        assert_eq!(parts, expected, "{proto}");
        assert!(cookie.starts_with("overlord_session="), "{cookie}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn tls_is_not_what_anybody_says() {
    let host = Setup::new().with("OVERLORD_SERVER_PUBLIC_URL", "https://agent.example").start();
    let said = printed(host.setup(), &["alice"], "127.0.0.1:0");
    assert!(said.starts_with("https://agent.example/#token="), "{said}");
    for (name, secure) in [("localhost", false), ("agent.example", true)] {
        let body = json!({ "token": token_of(host.setup()) }).to_string();
        let head = format!(
            "POST /login HTTP/1.1\r\nHost: {name}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = crate::wire::rest(crate::wire::send(host.address(), head.as_bytes()));
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
        assert_eq!(answer.contains("; Secure"), secure, "{name}: {answer}");
    }
}

fn token_of(setup: &Setup) -> String {
    let said = printed(setup, &["alice"], "127.0.0.1:1");
    said.trim_end().split_once("#token=").expect("an address").1.to_owned()
}

#[test]
fn who_signs_out_lays_down_overlords_cookie_and_no_other() {
    let host = Setup::new().start();
    let alice = signed_in(&host, &login(&host.anyone(), &token(host.setup(), &["alice"])));
    let out = alice.send("POST", "/logout", &[], None);
    assert_eq!(out.status, 204);
    let cookie = out.header("set-cookie").expect("a cookie");
    let mut parts: Vec<_> = cookie.split("; ").collect();
    parts.sort_unstable();
    assert_eq!(parts, ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Strict", "overlord_session="]);
    let value = alice.cookie().and_then(|cookie| cookie.split_once('=')).expect("NAME=VALUE").1;
    // Nobody's, a forged one, and one that is the application's to take away.
    for other in [None, Some("overlord_session=x".to_owned()), Some(format!("session={value}"))] {
        let answer = host.anyone().with_cookie(other.as_deref()).send("POST", "/logout", &[], None);
        assert_eq!(answer.status, 204, "{other:?}");
    }
    let expected = ["signed_in", "signed_out"].map(|name| (name.to_owned(), json!("alice")));
    assert_eq!(events(&host), expected);
}

#[test]
fn what_is_no_token_signs_nobody_in() {
    let host = Setup::new().start();
    token(host.setup(), &["alice"]);
    for wrong in ["", "x", "../secret", &"A".repeat(43), &"A".repeat(44), &"\u{e9}".repeat(43)] {
        let answer = login(&host.anyone(), wrong);
        assert_eq!((answer.status, answer.text().as_str()), (401, USED), "{wrong}");
    }
    for body in ["", "{", "[]", "{}", r#"{"token":1}"#, r#""token""#, "\u{feff}{}"] {
        let headers = [("content-type", "application/json")];
        let answer = host.anyone().send("POST", "/login", &headers, Some(body.as_bytes()));
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body"]), "{body}");
    }
    let padded = |length: usize| {
        let mut body = json!({ "token": "x" }).to_string();
        body.push_str(&" ".repeat(length - body.len()));
        let headers = [("content-type", "application/json")];
        host.anyone().send("POST", "/login", &headers, Some(body.as_bytes())).status
    };
    assert_eq!((padded(1024), padded(1025)), (401, 413));
    // Whoever tries without end does not fill the log.
    for _ in 0..50 {
        login(&host.anyone(), "x");
    }
    assert_eq!(host.output().matches("sign-in addresses that are not good were tried").count(), 1);
    assert_eq!(addresses(host.setup()).len(), 1, "the good one is still there");
    assert!(host.audit().is_empty());
}

#[test]
fn a_policy_that_is_broken_costs_nobody_their_address() {
    let host = Setup::new().start();
    let token = token(host.setup(), &["alice"]);
    let file = addresses(host.setup()).pop().expect("one");
    let kept = fs::read_to_string(&file).expect("read");
    // Nobody whom the component would issue a cookie for.
    fs::write(&file, kept.replace("alice", &"x".repeat(300))).expect("written");
    assert_eq!(login(&host.anyone(), &token).status, 503);
    fs::write(&file, kept).expect("written");
    signed_in(&host, &login(&host.anyone(), &token));
}

#[test]
fn the_command_says_what_it_cannot_do() {
    let setup = Setup::new();
    let failed = |setup: &Setup, user: &str, listen: &str| {
        let mut command = setup.command(["sign-in", user]);
        let ended = command.env("OVERLORD_LISTEN", listen).output().expect("running overlord");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(1), 0), "{said}");
        assert!(said.starts_with("overlord: ") && said.lines().count() == 1, "{said}");
        said
    };
    assert!(failed(&setup, "alice", "127.0.0.1:0").contains("OVERLORD_SERVER_PUBLIC_URL"));
    for user in ["", "a\nb", &"x".repeat(300)] {
        let said = failed(&setup, user, "127.0.0.1:1");
        assert!(said.contains("the user's name is not text of 1 to 256 characters"), "{said}");
    }
    assert!(!setup.data().join("sign-in").exists(), "nothing was kept");
}

#[test]
fn me_says_who_is_signed_in_and_what_answers() {
    let host = Setup::new().start();
    let alice = host.sign_in_as("alice", &["x"]);
    let workspace = host.setup().workspace().canonicalize().expect("there");
    let expected = json!({
        "user": "alice", "roles": ["x"], "agent": "demo", "agent_found": true, "demo": true,
        "workspace": workspace, "own_cookie": true, "message_characters_max": 10_000
    });
    assert_eq!(alice.get("/agent/me").json(), expected);
    let value = alice.cookie().and_then(|cookie| cookie.split_once('=')).expect("NAME=VALUE").1;
    let theirs = host.anyone().with_cookie(Some(&format!("session={value}"))).get("/agent/me").json();
    assert_eq!((&theirs["user"], &theirs["own_cookie"]), (&json!("alice"), &json!(false)));
}

#[test]
fn me_sees_an_agent_that_is_installed_later() {
    let setup = Setup::new();
    let program = setup.folder().join("an-agent");
    let host = setup.with("OVERLORD_AGENT_COMMAND", &program).start();
    let alice = host.sign_in("alice");
    let me = alice.get("/agent/me").json();
    assert_eq!(
        (&me["agent"], &me["demo"], &me["agent_found"]),
        (&json!("an-agent"), &json!(false), &json!(false))
    );
    fs::write(&program, "#!/bin/sh\n").expect("written");
    assert_eq!(alice.get("/agent/me").json()["agent_found"], true);
}
