//! What a header says, who may send it, and what else counts where there is none.

use super::*;

const NOW: u64 = 1_700_000_000_000;

fn settings(more: &[(&str, &str)]) -> Settings {
    let all = [&[("secret", "s"), ("peers", "10.0.0.7")], more].concat();
    let pairs: Vec<_> = all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::read(&pairs).expect("good settings")
}

fn decided(settings: &Settings, headers: &[(&str, &str)]) -> Result<Principal, Denial> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    authenticate(settings, &headers, &[], NOW).expect("it decides")
}

fn refused(settings: &Settings, headers: &[(&str, &str)]) -> String {
    match decided(settings, headers) {
        Err(Denial::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stranger_is_refused_before_anything_he_says_is_read() {
    let settings = settings(&[("secret_header", "x-s"), ("proxy_secret", "0123456789abcdef")]);
    let why = refused(&settings, &[("x-forwarded-user", ""), ("overlord-peer", "10.0.0.8"), ("x-s", "x")]);
    assert_eq!(why, "header x-forwarded-user: it came from 10.0.0.8, which is none of the peers");
}

#[test]
fn the_proxys_secret_is_one_of_those_given() {
    let settings = settings(&[
        ("secret_header", "x-s"),
        ("proxy_secret", "0123456789abcdef"),
        ("proxy_secret", "fedcba9876543210"),
    ]);
    let with = |secret: &[&'static str]| {
        let said: Vec<_> = secret.iter().map(|secret| ("x-s", *secret)).collect();
        let user = [("x-forwarded-user", "bob"), ("overlord-peer", "10.0.0.7")];
        decided(&settings, &[&user, &said[..]].concat()).is_ok()
    };
    assert!(with(&["0123456789abcdef"]) && with(&["fedcba9876543210"]));
    for bad in [&[][..], &[""], &["0123456789abcde"], &["0123456789abcdefg"], &["0123456789abcdef"; 2]] {
        assert!(!with(bad), "{bad:?}");
    }
}

#[test]
fn roles_are_separated_as_configured() {
    let user = [("x-forwarded-user", "bob"), ("overlord-peer", "10.0.0.7")];
    for (separator, said, roles) in [
        (",", "a, b,,c ", &["a", "b", "c"][..]),
        (";", "a,b;c", &["a,b", "c"]),
        (" ", "a  b", &["a", "b"]),
        ("|", "", &[]),
    ] {
        let settings = settings(&[("roles_header", "X-Roles"), ("roles_separator", separator)]);
        let found = decided(&settings, &[&user[..], &[("x-roles", said)]].concat()).expect(said);
        assert_eq!(found.roles, roles, "{said}");
    }
    let settings = settings(&[("roles_header", "x-roles")]);
    assert_eq!(decided(&settings, &user).expect("no roles").roles, [""; 0]);
    let many = |count: usize| vec!["r"; count].join(",");
    for (count, good) in [(100, true), (101, false)] {
        let said = many(count);
        let headers = [&user[..], &[("x-roles", &*said)]].concat();
        assert_eq!(decided(&settings, &headers).is_ok(), good, "{count}");
    }
}

#[test]
fn without_the_header_nobody_needs_to_know_who_is_at_the_other_end() {
    let settings = settings(&[]);
    assert_eq!(decided(&settings, &[]), Err(Denial::Missing));
    assert_eq!(authenticate(&settings, &[("x-forwarded-user", b"bob")], &[], NOW), Err(Undecided::NoPeer));
}
