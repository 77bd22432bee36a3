//! The two other policies of the auth slot in a whole host: tokens of the real `PyJWT`, and a proxy's word.
//! Tests stand for a proxy on this machine, which is known by its secret.

use overlord_tests::caller::Answer;
use overlord_tests::host::{Host, Setup, checkout, wait_until};
use serde_json::{Value, json};

/// A host with a configuration file.
fn host(config: &str) -> Host {
    let setup = Setup::new();
    let file = setup.folder().join("overlord.toml");
    std::fs::write(&file, config).expect("writing a configuration");
    setup.with("OVERLORD_CONFIG", &file).start()
}

fn me(host: &Host, headers: &[(&str, &str)]) -> Answer {
    host.anyone().send("GET", "/agent/me", headers, None)
}

#[track_caller]
fn is(answer: &Answer, user: &str, roles: &[&str]) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let me = answer.json();
    assert_eq!((&me["user"], &me["roles"]), (&json!(user), &json!(roles)));
}

#[track_caller]
fn turned_away(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (401, r#"{"detail":"Not authenticated"}"#));
}

const SECRET: (&str, &str) = ("x-proxy-secret", "0123456789abcdef");

fn proxied(peers: &str, headers: &str) -> Host {
    host(&format!(
        r#"
        [server]
        trusted_peers = ["127.0.0.0/8"]
        [auth]
        component = "auth-proxy"
        headers = [{headers}]
        [auth.settings]
        peers = {peers}
        roles_header = "x-forwarded-groups"
        secret_header = "x-proxy-secret"
        proxy_secret = "0123456789abcdef"
        "#
    ))
}

const ALL: &str = r#""x-forwarded-user", "x-forwarded-groups", "x-proxy-secret", "overlord-peer""#;

#[test]
fn tokens_of_every_algorithm_are_let_in_and_forged_ones_are_not() {
    let recorded = std::fs::read(checkout().join("tests/fixtures/jwt/tokens.json")).expect("the recordings");
    let recorded: Value = serde_json::from_slice(&recorded).expect("JSON");
    let keys = recorded["keys"].as_array().expect("pairs").iter();
    let keys: Vec<_> = keys.map(|pair| pair[1].to_string()).collect();
    // The recorded ones have expired since: what is let in is issued by the host, or is not.
    let host = host(&format!(
        "[auth]\ncomponent = \"auth-jwt\"\nheaders = [\"authorization\"]\n[auth.settings]\nkey = [{}]\n",
        keys.join(", ")
    ));
    for entry in recorded["tokens"].as_array().expect("a list") {
        let token = entry["token"].as_str().expect("text");
        if entry["settings"] == json!([]) && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            turned_away(&me(&host, &[("authorization", &format!("Bearer {token}"))]));
        }
    }
    let alice = host.sign_in_as("alice", &["admin"]);
    is(&alice.get("/agent/me"), "alice", &["admin"]);
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
    // The cookie is none of the application's tokens, and no bearer token.
    let (name, value) = alice.cookie().and_then(|cookie| cookie.split_once('=')).expect("NAME=VALUE");
    assert_eq!(name, "overlord_session");
    turned_away(&me(&host, &[("authorization", &format!("Bearer {value}"))]));
    turned_away(&me(&host, &[("cookie", &format!("session={value}"))]));
}

#[test]
fn a_genuine_bearer_token_is_let_in_where_the_header_is_shown() {
    let made = std::process::Command::new(checkout().join("target/tools/python/bin/python"))
        .args(["-I", "-c"])
        .arg(
            "import jwt, time; print(jwt.encode({'sub': 'alice', 'groups': ['admin'], 'aud': 'overlord', \
             'exp': time.time() + 600}, 'a secret of at least thirty-two bytes', algorithm='HS256'))",
        )
        .output()
        .expect("run tests/install-tools.sh, which gets `PyJWT`");
    let token = String::from_utf8(made.stdout).expect("text");
    let bearer = format!("Bearer {}", token.trim());
    for (headers, audience, good) in [
        ("\"authorization\"", "overlord", true),
        ("", "overlord", false),
        ("\"authorization\"", "other", false),
    ] {
        let host = host(&format!(
            "[auth]\ncomponent = \"auth-jwt\"\nheaders = [{headers}]\n[auth.settings]\naudience = \"{audience}\"\n\
             roles_claim = \"groups\"\nkey = \"HS256 text:a secret of at least thirty-two bytes\"\n"
        ));
        let answer = me(&host, &[("authorization", &bearer)]);
        if good {
            is(&answer, "alice", &["admin"]);
        } else {
            turned_away(&answer);
        }
        assert!(!host.output().contains(token.trim()), "the log has the token");
    }
}

#[test]
fn a_proxys_word_counts_and_a_client_behind_it_has_none() {
    let host = proxied(r#"["127.0.0.1"]"#, ALL);
    let user = ("x-forwarded-user", "alice");
    is(&me(&host, &[user, SECRET]), "alice", &[]);
    // The client's address, which the proxy tells, is not the proxy's.
    let behind = ("x-forwarded-for", "203.0.113.9");
    is(
        &me(&host, &[user, SECRET, behind, ("x-forwarded-groups", "admin, staff")]),
        "alice",
        &["admin", "staff"],
    );
    for headers in [
        &[user][..],
        &[user, ("x-proxy-secret", "0123456789abcdeg")],
        &[user, SECRET, SECRET],
        &[user, ("x-forwarded-user", "bob"), SECRET],
        &[("x-forwarded-user", ""), SECRET],
        &[SECRET],
        &[],
    ] {
        turned_away(&me(&host, headers));
    }
    let carol = host.sign_in("carol");
    is(&carol.get("/agent/me"), "carol", &[]);
    turned_away(&carol.send("GET", "/agent/me", &[user], None));
}

#[test]
fn who_is_at_the_other_end_cannot_be_made_up() {
    let host = proxied(r#"["127.0.0.2", "203.0.113.9"]"#, ALL);
    let user = ("x-forwarded-user", "admin");
    for peer in ["127.0.0.2", "203.0.113.9"] {
        for name in ["overlord-peer", "Overlord-Peer", "x-forwarded-for", "x-real-ip", "forwarded"] {
            turned_away(&me(&host, &[user, SECRET, (name, peer)]));
        }
        turned_away(&me(&host, &[("overlord-peer", peer), ("overlord-peer", peer), user, SECRET]));
    }
    wait_until("a line about who it was", || {
        host.output().contains("it came from 127.0.0.1, which is none of the peers").then_some(())
    });
}

#[test]
fn a_host_that_does_not_show_the_other_end_lets_nobody_in_and_says_why() {
    let host = proxied(r#"["127.0.0.1"]"#, r#""x-forwarded-user", "x-proxy-secret""#);
    let user = ("x-forwarded-user", "alice");
    assert_eq!(me(&host, &[user, SECRET, ("overlord-peer", "127.0.0.1")]).status, 503);
    wait_until("the way out", || host.output().contains("overlord-peer").then_some(()));
}

#[test]
fn a_proxy_on_this_machine_is_not_believed_without_a_secret() {
    let setup = Setup::new();
    let file = setup.folder().join("overlord.toml");
    let config = "[auth]\ncomponent = \"auth-proxy\"\n[auth.settings]\npeers = \"127.0.0.1\"\n";
    std::fs::write(&file, config).expect("writing a configuration");
    let ended = setup.with("OVERLORD_CONFIG", &file).command(["serve"]).output().expect("running overlord");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("give secret_header and proxy_secret"), "{said}");
}
