//! What is made of several cookies together.

use super::{Denial, Issued, MAX_VALUES, authenticate, issue};
use crate::payload::Principal;
use crate::settings::Settings;

const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 24 * 3600 * 1000;

fn settings() -> Settings {
    Settings::read(&[("secret".to_owned(), "secret".to_owned())]).expect("a secret will do")
}

fn someone(user: &str) -> Principal {
    Principal { user: user.to_owned(), roles: Vec::new() }
}

fn value(user: &str, at: u64) -> String {
    issue(&settings(), &someone(user), at).expect("a good name").value
}

fn judged(cookies: &[(&str, &str)]) -> Result<String, Denial> {
    authenticate(&settings(), cookies, NOW).map(|principal| principal.user)
}

fn invalid(cookies: &[(&str, &str)]) -> String {
    match judged(cookies) {
        Err(Denial::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_cookie_of_either_name_there_is_nothing_to_judge() {
    let alice = value("alice", NOW);
    assert_eq!(judged(&[]), Err(Denial::Missing));
    assert_eq!(judged(&[("other", &alice), ("Session", &alice)]), Err(Denial::Missing));
}

#[test]
fn either_name_will_do() {
    let alice = value("alice", NOW);
    assert_eq!(judged(&[("session", &alice)]).as_deref(), Ok("alice"));
    assert_eq!(judged(&[("overlord_session", &alice)]).as_deref(), Ok("alice"));
}

#[test]
fn overlords_own_comes_first_and_the_last_sent_before_others() {
    let (alice, bob, eve) = (value("alice", NOW), value("bob", NOW), value("eve", NOW));
    assert_eq!(
        judged(&[("overlord_session", &eve), ("overlord_session", &alice), ("session", &bob)]).as_deref(),
        Ok("alice")
    );
    assert_eq!(judged(&[("session", &eve), ("session", &bob)]).as_deref(), Ok("bob"));
}

#[test]
fn a_genuine_one_among_others_admits() {
    let (alice, old) = (value("alice", NOW), value("alice", NOW - 31 * DAY));
    assert_eq!(
        judged(&[("session", &alice), ("session", "x"), ("overlord_session", &old)]).as_deref(),
        Ok("alice")
    );
}

#[test]
fn the_denial_is_the_best_there_is() {
    let old = value("alice", NOW - 31 * DAY);
    assert_eq!(judged(&[("session", &old)]), Err(Denial::Expired));
    assert_eq!(judged(&[("session", "x"), ("session", &old)]), Err(Denial::Expired));
    assert_eq!(judged(&[("session", &old), ("overlord_session", "x")]), Err(Denial::Expired));
    assert_eq!(
        invalid(&[("session", "x")]),
        "cookie session: it is not an itsdangerous value with a timestamp"
    );
}

#[test]
fn the_reason_never_repeats_the_value() {
    let why = invalid(&[("session", "s3cret.AQ.c2VjcmV0")]);
    assert!(!why.contains("s3cret"), "{why}");
}

#[test]
fn so_many_values_are_looked_at_and_no_more() {
    let alice = value("alice", NOW);
    for name in ["session", "overlord_session"] {
        let mut cookies = vec![(name, alice.as_str())];
        cookies.extend([(name, "x"); MAX_VALUES - 1]);
        assert_eq!(judged(&cookies).as_deref(), Ok("alice"));
        cookies.push((name, "x"));
        assert!(matches!(judged(&cookies), Err(Denial::Invalid(_))));
    }
}

#[test]
fn what_is_issued_has_overlords_name_and_the_settings_age() {
    let Issued { name, max_age_s, value } = issue(&settings(), &someone("alice"), NOW).expect("a good name");
    assert_eq!((name.as_str(), max_age_s), ("overlord_session", 2_592_000));
    assert_eq!(judged(&[(&name, &value)]).as_deref(), Ok("alice"));
}
