//! Who is let in, and that nobody else learns why not.

use overlord::server::{Access, ROUTES};
use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, checkout};
use serde_json::Value;

use crate::{guard, wire};

/// The settings of the recorded cookies that a host has by default; the secret is theirs.
const USUAL: [(&str, &str); 4] =
    [("secret", "secret"), ("digest", "sha1"), ("key_derivation", "django-concat"), ("salt", "itsdangerous")];

/// Ten years: the recorded cookies are from 2023.
const LONG_S: &str = "315360000";

fn knock(caller: &Caller) -> Answer {
    caller.send("POST", "/agent/sessions/new", &[], None)
}

fn knock_with(host: &Host, cookie: &str) -> Answer {
    knock(&host.anyone().with_cookie(Some(cookie)))
}

/// The one answer to everybody who is not let in.
#[track_caller]
fn turned_away(answer: &Answer, who: &str) {
    assert_eq!(answer.status, 401, "{who}: {}", answer.text());
    assert_eq!(answer.text(), r#"{"detail":"Not authenticated"}"#, "{who}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{who}");
    assert_eq!(answer.header("www-authenticate"), None, "{who}: a browser would open a window");
}

/// The value of the cookie that the host made for somebody.
fn value_for(host: &Host, user: &str) -> String {
    let caller = host.sign_in(user);
    let (_, value) = caller.cookie().and_then(|cookie| cookie.split_once('=')).expect("NAME=VALUE");
    value.to_owned()
}

/// The recorded cookies that these settings let in, as description and value.
fn real_cookies(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let file = checkout().join("tests/fixtures/itsdangerous/values.json");
    let values = std::fs::read(file).expect("the recorded cookies");
    let values: Vec<Value> = serde_json::from_slice(&values).expect("JSON");
    let ours = |value: &&Value| {
        let theirs = value["settings"].as_array().expect("pairs");
        // Some are recorded as of other times, for the maximum age.
        value["said"].get("admitted").is_some()
            && value["now_s"] == 1_700_000_000
            && theirs.len() == settings.len() + 1
            && settings
                .iter()
                .all(|(key, wanted)| theirs.iter().any(|pair| pair[0] == *key && pair[1] == *wanted))
            && theirs.iter().any(|pair| pair[0] == "max_age_s")
    };
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    values.iter().filter(ours).map(|value| (text(&value["what"]), text(&value["value"]))).collect()
}

#[test]
fn a_cookie_is_good_under_both_names_and_no_other() {
    let host = Setup::new().start();
    let value = value_for(&host, "alice");
    for name in ["session", "overlord_session"] {
        assert_eq!(knock_with(&host, &format!("{name}={value}")).status, 200, "{name}");
    }
    for name in ["Session", "overlord-session", "sessions", ""] {
        turned_away(&knock_with(&host, &format!("{name}={value}")), name);
    }
}

#[test]
fn cookies_of_the_real_itsdangerous_are_let_in() {
    let host = Setup::new()
        .with("OVERLORD_SECRET_KEY", "secret")
        .with("OVERLORD_AUTH_SETTINGS_MAX_AGE_S", LONG_S)
        .start();
    let cookies = real_cookies(&USUAL);
    assert!(cookies.len() >= 5, "few recorded cookies: {cookies:?}");
    for (what, value) in cookies {
        let answer = knock_with(&host, &format!("session={value}"));
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    }
}

#[test]
fn settings_choose_another_digest_and_derivation() {
    let settings =
        [("secret", "secret"), ("digest", "sha512"), ("key_derivation", "hmac"), ("salt", "itsdangerous")];
    let (_, value) = real_cookies(&settings).into_iter().next().expect("a recorded cookie");
    let setup = || {
        let setup = Setup::new().with("OVERLORD_SECRET_KEY", "secret");
        setup.with("OVERLORD_AUTH_SETTINGS_MAX_AGE_S", LONG_S)
    };
    let other = setup()
        .with("OVERLORD_AUTH_SETTINGS_DIGEST", "sha512")
        .with("OVERLORD_AUTH_SETTINGS_KEY_DERIVATION", "hmac")
        .start();
    assert_eq!(knock_with(&other, &format!("session={value}")).status, 200);
    turned_away(&knock_with(&setup().start(), &format!("session={value}")), "with the usual settings");
}

#[test]
fn an_expired_cookie_lets_nobody_in() {
    // Thirty days, unless the settings say otherwise.
    let host = Setup::new().with("OVERLORD_SECRET_KEY", "secret").start();
    for (what, value) in real_cookies(&USUAL) {
        turned_away(&knock_with(&host, &format!("session={value}")), &what);
    }
}

#[test]
fn no_byte_of_a_cookie_can_be_changed() {
    let host = Setup::new().start();
    let value = value_for(&host, "alice");
    assert_eq!(knock_with(&host, &format!("session={value}")).status, 200);
    for at in 0..value.len() {
        let mut forged = value.clone().into_bytes();
        // The highest of the six bits: the lower ones of a part's last character mean nothing.
        let low = matches!(forged[at], b'A'..=b'Z' | b'a'..=b'f');
        forged[at] = if low { b'_' } else { b'A' };
        let forged = String::from_utf8(forged).expect("ASCII");
        turned_away(&knock_with(&host, &format!("session={forged}")), &forged);
    }
}

#[test]
fn what_is_no_cookie_at_all_lets_nobody_in() {
    let host = Setup::new().start();
    let value = value_for(&host, "alice");
    let (payload, rest) = value.split_once('.').expect("three parts");
    let (time, signature) = rest.split_once('.').expect("three parts");
    let others = [
        String::new(),
        "alice".into(),
        "..".into(),
        ".".repeat(1000),
        payload.into(),
        format!("{payload}.{time}"),
        format!("{payload}.{time}."),
        format!("{payload}..{signature}"),
        format!("{payload}.{signature}"),
        format!(".{payload}.{time}.{signature}"),
        format!("{value}{value}"),
        format!("{payload}.{time}.{signature}="),
        "eyJ1c2VybmFtZSI6ImFsaWNlIn0".into(),
        "%00".into(),
        "\"".into(),
    ];
    for other in others {
        turned_away(&knock_with(&host, &format!("session={other}")), &other);
    }
    turned_away(&knock(&host.anyone()), "nobody");
}

#[test]
fn a_cookie_of_another_secret_lets_nobody_in() {
    let host = Setup::new().start();
    let foreign = Setup::new().with("OVERLORD_SECRET_KEY", "the secret of somebody else entirely").start();
    let value = value_for(&foreign, "alice");
    assert_eq!(knock_with(&foreign, &format!("session={value}")).status, 200);
    turned_away(&knock_with(&host, &format!("session={value}")), "a foreign cookie");
}

#[test]
fn a_secret_is_rotated_without_signing_anybody_out_until_it_is_left_out() {
    let setup = Setup::new().without("OVERLORD_SECRET_KEY");
    let file = setup.folder().join("secrets");
    let (old, new) = ("the secret of the first half year", "the secret of the second half year");
    let write = |secrets: &str| std::fs::write(&file, secrets).expect("writing the secrets");
    write(&format!("{old}\n"));
    let host = setup.with("OVERLORD_SECRET_KEY_FILE", &file).start();
    let before = value_for(&host, "alice");

    write(&format!("{old}\n{new}\n"));
    let host = host.stop().1.start();
    let after = value_for(&host, "alice");
    assert_eq!(knock_with(&host, &format!("session={before}")).status, 200);
    assert_eq!(knock_with(&host, &format!("session={after}")).status, 200);

    write(&format!("{new}\n"));
    let host = host.stop().1.start();
    turned_away(&knock_with(&host, &format!("session={before}")), "signed with what was left out");
    assert_eq!(knock_with(&host, &format!("session={after}")).status, 200, "the newest signed");
}

#[test]
fn a_stranger_on_another_path_does_not_shadow_the_real_cookie() {
    let host = Setup::new().start();
    let value = value_for(&host, "alice");
    for cookie in [
        format!("session=forged; session={value}"),
        format!("session={value}; session=forged"),
        format!("other=1; overlord_session=forged; session={value}; session=x"),
    ] {
        assert_eq!(knock_with(&host, &cookie).status, 200, "{cookie}");
    }
}

#[test]
fn a_cookie_of_a_million_characters_lets_nobody_in() {
    let host = Setup::new().start();
    for (length, expected) in [(60_000, 401), (1_000_000, 431)] {
        let caller = host.anyone().with_cookie(Some(&format!("session={}", "a".repeat(length))));
        let head = wire::head(&host, &caller, "POST", "/agent/sessions/new", "Content-Length: 0\r\n");
        let answer = wire::rest(wire::send(host.address(), &head));
        assert_eq!(wire::status(&answer), expected, "{length} characters");
    }
    assert_eq!(knock(&host.sign_in("alice")).status, 200, "the host goes on");
}

#[test]
fn a_cookie_header_of_any_bytes_lets_nobody_in() {
    let host = Setup::new().start();
    let value = value_for(&host, "alice");
    for cookie in [&b"session=\xff\xfe\x80"[..], b"\xe9=1; session=", b"=;;;=;  ;=", b"session=\x09"] {
        let mut head =
            wire::head(&host, &host.anyone(), "POST", "/agent/sessions/new", "Content-Length: 0\r\n");
        head.truncate(head.len() - 2);
        head.extend([b"Cookie: ", cookie, b"\r\n\r\n"].concat());
        let answer = wire::rest(wire::send(host.address(), &head));
        assert_eq!(wire::status(&answer), 401, "{}", String::from_utf8_lossy(cookie));
    }
    // Nor does it keep anybody out who sends a good one besides.
    let headers = [("cookie", "other=caf\u{e9}")];
    let caller = host.anyone().with_cookie(Some(&format!("session={value}")));
    assert_eq!(caller.send("POST", "/agent/sessions/new", &headers, None).status, 200);
}

#[test]
fn who_asks_is_decided_before_the_body_is_looked_at() {
    let host = Setup::new().start();
    // A body that never comes: an answer shows that nobody waited for it.
    let more = "Content-Type: application/json\r\nContent-Length: 1000000000\r\n";
    let head = wire::head(&host, &host.anyone(), "POST", "/agent/ask", more);
    assert_eq!(wire::status(&wire::rest(wire::send(host.address(), &head))), 401);
}

#[test]
fn every_gated_address_asks_who_it_is_whatever_the_body() {
    let host = Setup::new().start();
    for body in [None, Some(&b"{"[..]), Some(b"{}"), Some(b"\xff\xfe"), Some(&[b' '; 4096])] {
        let gated = ROUTES.iter().filter(|route| route.access != Access::Public);
        let gated = gated.map(|route| (route.method, guard::path(route)));
        let others = [("POST", "/agent%2Fask"), ("GET", "/agent/sessions/not-a-uuid/history")];
        for (method, path) in gated.chain(others.map(|(method, path)| (method, path.to_owned()))) {
            let body = body.filter(|_| method == "POST");
            let headers = [("content-type", "application/json")];
            turned_away(&host.anyone().send(method, &path, &headers, body), &path);
        }
    }
}

#[test]
fn the_log_tells_the_operator_why_and_nothing_of_a_secret() {
    let host = Setup::new().start();
    let value = value_for(&host, "alice");
    turned_away(&knock_with(&host, &format!("session={value}x")), "a forger");
    let said = overlord_tests::host::wait_until("a line about the forger", || {
        Some(host.output()).filter(|said| said.contains("is not genuine"))
    });
    assert!(!said.contains(&value), "the log has the cookie");
}
