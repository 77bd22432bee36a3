//! The guard alone: which hosts it lets in, which pages, and whom it takes for the client. What the
//! whole host answers is the system tests' matter.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;

fn guard(public: &str, trusted: &[&str]) -> Guard {
    let config = ServerConfig {
        stop_after: Duration::ZERO,
        connections_max: 1,
        public_url: WebOrigin::parse(public),
        trusted_peers: trusted.iter().map(|network| network.parse().expect("a network")).collect(),
        allowed_hosts: vec![HostName::parse("other.example").expect("a host")],
    };
    Guard::new(&config, IpAddr::from([192, 0, 2, 7]))
}

/// What the guard says of a request of HTTP/1.1: the client, or the status of its answer.
fn look(
    guard: &Guard,
    peer: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Client, u16> {
    let mut request = axum::http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut parts = request.body(()).expect("a request").into_parts().0;
    let peer = SocketAddr::new(peer.parse().expect("an address"), 4711);
    parts.extensions.insert(ConnectInfo(Peer(peer)));
    guard.look(&mut parts).map_err(|stray| stray.answer().status().as_u16())?;
    Ok(*parts.extensions.get::<Client>().expect("it is noted"))
}

fn get(guard: &Guard, headers: &[(&str, &str)]) -> Result<Client, u16> {
    look(guard, "10.0.0.1", "GET", "/", headers)
}

#[test]
fn what_only_the_host_says_of_the_other_end_is_taken_out_of_a_request() {
    let guard = guard("", &["10.0.0.0/8"]);
    let request = axum::http::Request::builder()
        .uri("/")
        .header("host", "localhost")
        .header("overlord-peer", "192.0.2.1")
        .header("Overlord-Peer", "192.0.2.2")
        .header("x-forwarded-for", "203.0.113.9");
    let mut parts = request.body(()).expect("a request").into_parts().0;
    parts.extensions.insert(ConnectInfo(Peer("[::ffff:10.0.0.1]:4711".parse().expect("an address"))));
    guard.look(&mut parts).expect("it is let in");
    assert!(!parts.headers.contains_key(PEER));
    let client = parts.extensions.get::<Client>().expect("it is noted");
    assert_eq!((client.ip, client.peer), (IpAddr::from([203, 0, 113, 9]), IpAddr::from([10, 0, 0, 1])));
}

#[test]
fn one_host_that_is_allowed() {
    let guard = guard("https://agent.example:8443", &[]);
    for host in [
        "localhost",
        "localhost:1",
        "LOCALHOST.:1",
        "127.0.0.1:8767",
        "127.9.9.9",
        "[::1]:8767",
        "192.0.2.7:8767",
        "agent.example",
        "AGENT.example.:8443",
        "agent.example:1",
        "other.example",
    ] {
        assert!(get(&guard, &[("host", host)]).is_ok(), "{host}");
    }
    for host in [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "agent.example.evil",
        "sub.agent.example",
        "192.0.2.8",
        "0.0.0.0:8767",
        "[::]:8767",
        "localhost@evil.example",
        "evil.example#localhost",
        "127.1",
        "localhost:99999",
        "localhost, localhost",
        "localhost:80:80",
    ] {
        assert_eq!(get(&guard, &[("host", host)]), Err(421), "{host}");
    }
    assert_eq!(get(&guard, &[]), Err(421), "none");
    assert_eq!(get(&guard, &[("host", "localhost"), ("host", "localhost")]), Err(421), "two");
}

#[test]
fn an_absolute_target_and_the_host_agree() {
    let guard = guard("", &[]);
    let ask = |target, hosts: &[(&str, &str)]| look(&guard, "10.0.0.1", "GET", target, hosts).err();
    assert_eq!(ask("http://localhost:1/x", &[("host", "localhost:1")]), None);
    assert_eq!(ask("http://localhost:1/x", &[]), Some(421));
    assert_eq!(ask("http://evil.example/x", &[("host", "localhost")]), Some(421));
    assert_eq!(ask("http://localhost/x", &[("host", "evil.example")]), Some(421));
    assert_eq!(ask("http://evil.example/x", &[("host", "evil.example")]), Some(421));
    assert_eq!(ask("http://u@localhost/x", &[("host", "localhost")]), Some(421));
}

#[test]
fn what_changes_something_comes_from_here() {
    let guard = guard("https://agent.example", &["10.0.0.1/32"]);
    let post = |host: &str, more: &[(&str, &str)]| {
        let headers: Vec<_> = [("host", host)].iter().chain(more).copied().collect();
        look(&guard, "10.0.0.1", "POST", "/", &headers).err()
    };
    for (host, origin, expected) in [
        ("localhost:1", "http://localhost:1", None),
        ("localhost:1", "http://LOCALHOST:1", None),
        ("localhost:80", "http://localhost", None),
        ("localhost", "http://localhost:80", None),
        ("localhost:1", "https://localhost:1", None),
        ("localhost:443", "https://localhost", None),
        ("localhost:1", "https://agent.example", None),
        ("agent.example", "https://agent.example", None),
        ("agent.example", "https://agent.example:443", None),
        // The page came without TLS, and the service is reached with it.
        ("agent.example", "http://agent.example", Some(403)),
        ("agent.example:8767", "http://agent.example:8767", None),
        ("agent.example", "https://agent.example:8443", Some(403)),
        ("localhost:1", "http://localhost:2", Some(403)),
        ("localhost:1", "http://localhost", Some(403)),
        ("localhost:1", "http://127.0.0.1:1", Some(403)),
        ("localhost:1", "http://evil.example", Some(403)),
        ("localhost:1", "http://localhost:1.evil.example", Some(403)),
        ("localhost:1", "http://localhost:1@evil.example", Some(403)),
        ("localhost:1", "ftp://localhost:1", Some(403)),
        ("localhost:1", "null", Some(403)),
        ("localhost:1", "", Some(403)),
    ] {
        assert_eq!(post(host, &[("origin", origin)]), expected, "{host} from {origin}");
    }
    let own = ("origin", "http://localhost:1");
    assert_eq!(post("localhost:1", &[own, own]), Some(403), "two");
    for (site, expected) in [
        ("same-origin", None),
        ("none", None),
        ("same-site", Some(403)),
        ("cross-site", Some(403)),
        ("", Some(403)),
        ("Same-Origin", Some(403)),
        ("same-origin, cross-site", Some(403)),
    ] {
        assert_eq!(post("localhost:1", &[("sec-fetch-site", site)]), expected, "{site}");
        assert_eq!(post("localhost:1", &[("sec-fetch-site", site), own]), expected, "{site}");
        assert_eq!(post("localhost:1", &[("sec-fetch-site", site), ("origin", "null")]), Some(403), "{site}");
    }
    assert_eq!(post("localhost:1", &[]), None, "neither");
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW", "get"] {
        let headers = [("host", "localhost:1"), ("origin", "http://evil.example")];
        let expected = (!matches!(method, "GET" | "HEAD")).then_some(403);
        assert_eq!(look(&guard, "10.0.0.1", method, "/", &headers).err(), expected, "{method}");
    }
    // A proxy that says there was TLS: then there was for the page too.
    let tls = ("x-forwarded-proto", "https");
    assert_eq!(post("localhost:1", &[tls, ("origin", "http://localhost:1")]), Some(403));
    assert_eq!(post("localhost:1", &[tls, ("origin", "https://localhost:1")]), None);
}

#[test]
fn only_a_trusted_peer_speaks_for_others() {
    let guard = guard("", &["10.0.0.0/24", "2001:db8::/32"]);
    let ip = |peer: &str, forwarded: &[&str]| {
        let forwarded = forwarded.iter().map(|value| ("x-forwarded-for", *value));
        let headers: Vec<_> = [("host", "localhost")].into_iter().chain(forwarded).collect();
        look(&guard, peer, "GET", "/", &headers).expect("allowed").ip.to_string()
    };
    for (peer, forwarded, expected) in [
        ("10.0.0.1", &[][..], "10.0.0.1"),
        ("10.0.1.1", &["203.0.113.9"], "10.0.1.1"),
        ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
        ("2001:db8::1", &["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", &["[2001:db9::1]:4711"], "2001:db9::1"),
        ("10.0.0.1", &["2001:db9::1"], "2001:db9::1"),
        ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", &["198.51.100.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", &["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        ("10.0.0.1", &["made up, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", &[""], "10.0.0.1"),
    ] {
        assert_eq!(ip(peer, forwarded), expected, "{peer} {forwarded:?}");
    }
    for (hops, expected) in [(HOPS_MAX, "203.0.113.9"), (HOPS_MAX + 1, "10.0.0.2")] {
        let way = format!("203.0.113.9{}", ", 10.0.0.2".repeat(hops - 1));
        assert_eq!(ip("10.0.0.1", &[&way]), expected, "{hops}");
    }
}

#[test]
fn tls_is_where_the_public_address_or_a_trusted_proxy_has_it() {
    let guard = guard("https://agent.example", &["10.0.0.1/32"]);
    let secure = |peer: &str, host: &str, proto: &[&str]| {
        let proto = proto.iter().map(|value| ("x-forwarded-proto", *value));
        let headers: Vec<_> = [("host", host)].into_iter().chain(proto).collect();
        look(&guard, peer, "GET", "/", &headers).expect("allowed").secure
    };
    for (peer, host, proto, expected) in [
        ("10.0.0.1", "agent.example", &[][..], true),
        ("10.0.0.1", "agent.example:443", &[], true),
        ("10.0.0.1", "agent.example:8767", &[], false),
        ("10.0.0.1", "localhost", &[], false),
        ("10.0.0.1", "localhost", &["https"], true),
        ("10.0.0.1", "localhost", &["HTTPS"], true),
        ("10.0.0.1", "localhost", &["https, http"], false),
        ("10.0.0.1", "localhost", &["http", "https"], true),
        ("10.0.0.1", "agent.example", &["http"], false),
        ("10.0.0.2", "localhost", &["https"], false),
        ("10.0.0.2", "agent.example", &["http"], true),
    ] {
        assert_eq!(secure(peer, host, proto), expected, "{peer} {host} {proto:?}");
    }
}
