//! `auth-proxy`, the component: whose word it takes for who asks, and whose not.

use overlord::domain::{Instant, Principal};
use overlord::sandbox::hooks::{Cookie, Denial, Header, Judgement, Request};
use overlord::sandbox::{Auth, Broken, Policy};

use crate::stage::policy;

const NOON: Instant = Instant(1_700_000_000_000);

/// A proxy elsewhere, known by its address.
const ELSEWHERE: [(&str, &str); 3] = [("secret", "s"), ("peers", "10.0.0.7"), ("peers", "fd00::/64")];

async fn auth(settings: &[(&str, &str)]) -> Policy<Auth> {
    policy("auth-proxy", settings).await
}

fn request(headers: &[(&str, &[u8])], cookies: &[(&str, &str)]) -> Request {
    let header = |(name, value): &(&str, &[u8])| Header { name: (*name).to_owned(), value: value.to_vec() };
    let cookie =
        |(name, value): &(&str, &str)| Cookie { name: (*name).to_owned(), value: (*value).to_owned() };
    Request {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: headers.iter().map(header).collect(),
        cookies: cookies.iter().map(cookie).collect(),
        // The client's, which is nobody's word for anything.
        peer: "10.0.0.7".to_owned(),
    }
}

async fn decided(auth: &Policy<Auth>, headers: &[(&str, &[u8])]) -> Judgement {
    auth.authenticate(&request(headers, &[]), NOON).await.expect("it decides")
}

#[tokio::test]
async fn only_the_listed_peers_are_believed() {
    let auth = auth(&ELSEWHERE).await;
    for (peer, good) in [
        ("10.0.0.7", true),
        ("::ffff:10.0.0.7", true),
        ("fd00::1", true),
        ("10.0.0.8", false),
        ("fd00:0:0:1::1", false),
        ("127.0.0.1", false),
        ("::1", false),
        ("::10.0.0.7", false),
    ] {
        let judged =
            decided(&auth, &[("x-forwarded-user", b"alice"), ("overlord-peer", peer.as_bytes())]).await;
        match judged {
            Judgement::Admitted(who) => assert!(good && who.user == "alice", "{peer}"),
            Judgement::Denied(Denial::Invalid(why)) => {
                let as_written: std::net::IpAddr = peer.parse().expect("an address");
                assert!(!good && why.contains(&as_written.to_string()), "{peer}: {why}");
            }
            Judgement::Denied(other) => panic!("{peer}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let auth = auth(&ELSEWHERE).await;
    let long = "é".repeat(257);
    let longest = vec![b'x'; 500_000];
    let names: [&[u8]; 7] = [b"", b"  ", b"\xff", b"a\0b", "a\u{85}b".as_bytes(), long.as_bytes(), &longest];
    for name in names {
        let judged = decided(&auth, &[("x-forwarded-user", name), ("overlord-peer", b"10.0.0.7")]).await;
        assert!(matches!(judged, Judgement::Denied(Denial::Invalid(_))), "{judged:?}");
    }
    let longest = "é".repeat(256);
    let headers: [(&str, &[u8]); 2] =
        [("x-forwarded-user", longest.as_bytes()), ("overlord-peer", b"10.0.0.7")];
    assert!(matches!(decided(&auth, &headers).await, Judgement::Admitted(_)));
}

#[tokio::test]
async fn who_is_at_the_other_end_must_be_said_once() {
    let auth = auth(&ELSEWHERE).await;
    let user: (&str, &[u8]) = ("x-forwarded-user", b"alice");
    for peers in [&[][..], &[("overlord-peer", &b"10.0.0.7"[..]); 2], &[("overlord-peer", b"nobody")]] {
        let judged = auth.authenticate(&request(&[&[user], peers].concat(), &[]), NOON).await;
        let Err(Broken::Fault(message)) = judged else { panic!("{judged:?}") };
        assert!(message.contains("add \"overlord-peer\" to auth.headers"), "{message}");
    }
}

#[tokio::test]
async fn what_it_issues_it_admits_where_no_proxy_says_otherwise() {
    let auth = auth(&ELSEWHERE).await;
    let who = Principal { user: "alice".to_owned(), roles: vec!["admin".to_owned()] };
    let issued = auth.issue(&who, NOON).await.expect("it issues");
    let cookies = [(issued.name.as_str(), issued.value.as_str())];
    let by = |headers: &[(&str, &[u8])]| request(headers, &cookies);
    let judged = auth.authenticate(&by(&[]), NOON).await.expect("it decides");
    assert!(
        matches!(judged, Judgement::Admitted(found) if found.user == "alice" && found.roles == ["admin"])
    );
    let stranger: [(&str, &[u8]); 2] = [("x-forwarded-user", b"bob"), ("overlord-peer", b"10.0.0.8")];
    let judged = auth.authenticate(&by(&stranger), NOON).await.expect("it decides");
    assert!(matches!(judged, Judgement::Denied(Denial::Invalid(_))), "{judged:?}");
}
