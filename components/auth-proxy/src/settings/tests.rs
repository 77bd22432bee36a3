//! What settings may be, and what is said of those that may not.

use super::*;

fn read(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let all = [&[("secret", "the host's")], more].concat();
    let pairs: Vec<_> = all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::read(&pairs)
}

#[test]
fn peers_are_addresses_and_networks_of_both_versions() {
    for (listed, inside, outside) in [
        ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("10.0.0.0/24", "::ffff:10.0.0.255", "10.0.1.0"),
        ("10.0.0.99/24", "10.0.0.1", "10.0.1.0"),
        ("::ffff:10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("::ffff:10.0.0.0/120", "10.0.0.255", "10.0.1.0"),
        ("fd00:1::/64", "fd00:1::7", "fd00:1:0:1::7"),
    ] {
        let settings = read(&[("peers", listed)]).expect(listed);
        let trusts = |peer: &str| settings.trusts(peer.parse().expect("an address"));
        assert!(trusts(inside) && !trusts(outside), "{listed}");
    }
    for bad in
        ["", "everybody", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.0/33", "10.0.0", "10.0.0.1:80"]
    {
        assert!(matches!(read(&[("peers", bad)]), Err(SettingsError::Unusable { .. })), "{bad}");
    }
}

#[test]
fn who_believes_this_machine_needs_a_secret_of_the_proxy() {
    let secret = [("secret_header", "X-S"), ("proxy_secret", "0123456789abcdef")];
    for peers in ["127.0.0.1", "127.3.0.0/16", "126.0.0.0/7", "::1", "::/64", "::ffff:127.0.0.1"] {
        assert_eq!(read(&[("peers", peers)]), Err(SettingsError::Loopback), "{peers}");
        let settings = read(&[&[("peers", peers)], &secret[..]].concat()).expect(peers);
        assert_eq!(settings.secret, Some(("x-s".to_owned(), vec![secret[1].1.to_owned()])));
    }
    assert!(read(&[("peers", "128.0.0.0/8"), ("peers", "fd00::/8")]).is_ok());
    let one = |pair| read(&[("peers", "10.0.0.1"), pair]);
    assert!(matches!(one(secret[0]), Err(SettingsError::Without(..))));
    assert!(matches!(one(secret[1]), Err(SettingsError::Without(..))));
    for (bad, good) in [("0123456789abcde", "0123456789abcdef"), ("0123456789 abcdef", "0123456789-abcdef")] {
        let with = |value| read(&[("peers", "10.0.0.1"), secret[0], ("proxy_secret", value)]);
        assert_eq!((with(bad).err(), with(good).is_ok()), (Some(SettingsError::Secret), true), "{bad}");
    }
}

#[test]
fn what_makes_no_sense_is_a_fault_that_names_it() {
    for (key, value) in [
        ("header", ""),
        ("header", "a b"),
        ("header", "Overlord-Peer"),
        ("header", "Cookie"),
        ("roles_header", "x-forwarded-user"),
        ("roles_header", "x-forwarded-for"),
        ("roles_separator", ""),
        ("roles_separator", ", "),
        ("roles_separator", "a"),
        ("cookie", "a b"),
        ("own_cookie", ""),
        ("peer", "10.0.0.1"),
    ] {
        let said = read(&[("peers", "10.0.0.1"), (key, value)]).expect_err("bad settings").to_string();
        assert!(said.starts_with("reading the settings of auth-proxy: ") && said.contains(key), "{said}");
    }
    assert_eq!(read(&[]), Err(SettingsError::NoPeers));
    let twice = read(&[("peers", "10.0.0.1"), ("header", "a"), ("header", "a")]);
    assert_eq!(twice, Err(SettingsError::Repeated("header")));
}

#[test]
fn there_is_a_limit_to_everything() {
    let peers = |count: usize| read(&vec![("peers", "10.0.0.1"); count]);
    assert!(peers(MAX_PEERS).is_ok());
    assert_eq!(peers(MAX_PEERS + 1), Err(SettingsError::TooManyPeers));
    let header = |length: usize| read(&[("peers", "10.0.0.1"), ("header", &"x".repeat(length))]);
    assert!(header(MAX_NAME).is_ok() && header(MAX_NAME + 1).is_err());
    let secrets = |count: usize| {
        let secrets = vec![("proxy_secret", "0123456789abcdef"); count];
        read(&[&[("peers", "10.0.0.1"), ("secret_header", "x-s")], &secrets[..]].concat())
    };
    assert!(secrets(MAX_SECRETS).is_ok());
    assert_eq!(secrets(MAX_SECRETS + 1), Err(SettingsError::TooManySecrets));
}
