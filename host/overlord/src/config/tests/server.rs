//! By which names the service is reached, and which proxies are believed.

use super::super::{Config, HostName, WebOrigin};
use super::{from_environment, from_file};

fn shown(config: &Config) -> (Option<String>, Vec<String>, Vec<String>) {
    let server = &config.server;
    (
        server.public_url.as_ref().map(WebOrigin::to_string),
        server.trusted_peers.iter().map(ToString::to_string).collect(),
        server.allowed_hosts.iter().map(HostName::to_string).collect(),
    )
}

#[test]
fn names_and_networks_are_read_from_both_places() {
    let none = shown(&from_environment(&[]).expect("nothing is said"));
    assert_eq!(none, (None, vec![], vec![]));
    let file = "[server]\npublic_url = 'https://Agent.example.org:443/'\n\
                trusted_peers = ['10.1.0.0/16', '::1', '192.0.2.1']\nallowed_hosts = ['Agent.', '192.0.2.1', 'fd00::1', '[fd00::2]']";
    let expected = (
        Some("https://agent.example.org".to_owned()),
        vec!["10.1.0.0/16".to_owned(), "::1/128".to_owned(), "192.0.2.1/32".to_owned()],
        vec!["agent".to_owned(), "192.0.2.1".to_owned(), "[fd00::1]".to_owned(), "[fd00::2]".to_owned()],
    );
    assert_eq!(shown(&from_file(file, &[]).expect("a file")), expected);
    let variables = [
        ("OVERLORD_SERVER_PUBLIC_URL", "https://agent.example.org"),
        ("OVERLORD_SERVER_TRUSTED_PEERS", "10.1.0.0/16, ::1,192.0.2.1"),
        ("OVERLORD_SERVER_ALLOWED_HOSTS", "agent,192.0.2.1, fd00::1,[fd00::2]"),
    ];
    assert_eq!(shown(&from_environment(&variables).expect("variables")), expected);
}

#[test]
fn what_names_no_host_and_no_network_is_refused() {
    for (variable, values) in [
        (
            "OVERLORD_SERVER_PUBLIC_URL",
            &["agent.example.org", "https://a/overlord", "https://a?b", "https://u@a", "ws://a", "null"][..],
        ),
        (
            "OVERLORD_SERVER_TRUSTED_PEERS",
            &["0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy", "10.0.0.1:80", "*", "10.0.0.1,"],
        ),
        (
            "OVERLORD_SERVER_ALLOWED_HOSTS",
            &["*", "a:80", "http://a", "*.example.org", "a b", "a,", "b\u{fc}ro"],
        ),
    ] {
        for value in values {
            let error = from_environment(&[(variable, value)]).expect_err(value);
            assert!(error.contains(variable) && error.contains("which is not "), "{error}");
        }
    }
}

#[test]
fn the_address_to_open_is_the_public_one_or_one_that_can_be_opened() {
    let address = |public: &str, listening: &str| {
        let config = from_environment(&[("OVERLORD_SERVER_PUBLIC_URL", public)]).expect(public);
        config.server.address(listening.parse().expect("an address"))
    };
    for (public, listening, expected) in [
        ("", "127.0.0.1:8767", "http://127.0.0.1:8767"),
        ("", "[::1]:8767", "http://[::1]:8767"),
        ("", "0.0.0.0:1", "http://127.0.0.1:1"),
        ("", "[::]:1", "http://[::1]:1"),
        ("", "192.0.2.1:1", "http://192.0.2.1:1"),
        ("https://agent.example:8443/", "0.0.0.0:1", "https://agent.example:8443"),
    ] {
        assert_eq!(address(public, listening), expected, "{public} {listening}");
    }
}

#[test]
fn what_others_cannot_reach_or_can_read_is_warned_of() {
    let warned = |variables: &[(&str, &str)], words: &str| {
        let secret = ("OVERLORD_SECRET_KEY", "a secret that is long enough");
        let all: Vec<_> = [secret].iter().chain(variables).copied().collect();
        let config = from_environment(&all).expect("it is allowed");
        config.warnings.iter().any(|warning| warning.contains(words))
    };
    let (everywhere, here) = (("OVERLORD_LISTEN", "0.0.0.0:1"), ("OVERLORD_LISTEN", "127.0.0.1:1"));
    assert!(warned(&[everywhere], "answered with 421"));
    assert!(!warned(&[here], "answered with 421"));
    assert!(!warned(&[everywhere, ("OVERLORD_SERVER_ALLOWED_HOSTS", "a")], "answered with 421"));
    assert!(!warned(&[everywhere, ("OVERLORD_SERVER_PUBLIC_URL", "https://a")], "answered with 421"));
    assert!(warned(&[("OVERLORD_SERVER_PUBLIC_URL", "http://a")], "without TLS"));
    assert!(!warned(&[("OVERLORD_SERVER_PUBLIC_URL", "https://a")], "without TLS"));
    assert!(!warned(&[("OVERLORD_SERVER_PUBLIC_URL", "http://localhost:1")], "without TLS"));
}
