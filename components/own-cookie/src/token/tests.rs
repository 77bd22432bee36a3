//! What is issued is read, for as long as it lives, and nothing else is.

use super::*;
use crate::MAX_NAME;

const NOW: u64 = 1_700_000_000_000;

fn own(secrets: &[&str]) -> OwnCookies {
    OwnCookies::new(secrets, "overlord_session".to_owned(), 60)
}

fn someone(user: &str, roles: &[&str]) -> Principal {
    Principal { user: user.to_owned(), roles: roles.iter().map(|role| (*role).to_owned()).collect() }
}

fn value(own: &OwnCookies) -> String {
    own.issue(someone("alice", &["admin"]), NOW).expect("a good name").value
}

fn read(own: &OwnCookies, value: &str) -> Result<Principal, Rejection> {
    own.find(&[("overlord_session", value)], NOW).expect("one of the name")
}

#[test]
fn the_fixed_part_says_what_it_is() {
    let head = URL_SAFE_NO_PAD.decode(HEAD).expect("base64");
    assert_eq!(head, br#"{"alg":"HS256","typ":"overlord"}"#);
}

#[test]
fn what_is_issued_is_read_until_it_expires_and_not_before_it_was_made() {
    let own = own(&["s"]);
    let value = value(&own);
    let at = |now| own.find(&[("overlord_session", &value)], now).expect("one of the name");
    let alice = Ok(someone("alice", &["admin"]));
    assert_eq!((at(NOW), at(NOW + 60_999)), (alice.clone(), alice));
    assert_eq!((at(NOW + 61_000), at(NOW - 1000)), (Err(Rejection::Expired), Err(Rejection::Expired)));
}

#[test]
fn the_newest_secret_signs_and_all_are_good() {
    let (old, both, new) = (own(&["old"]), own(&["old", "new"]), own(&["new"]));
    assert!(read(&both, &value(&old)).is_ok() && read(&new, &value(&both)).is_ok());
    assert_eq!(read(&old, &value(&both)), Err(Rejection::NotGenuine));
}

#[test]
fn no_character_can_be_changed_and_none_added() {
    let own = own(&["s"]);
    let value = value(&own);
    for at in 0..value.len() {
        for other in ["A", "_", ".", "=", ""] {
            let mut forged = value.clone();
            forged.replace_range(at..=at, other);
            if forged != value {
                assert_eq!(read(&own, &forged), Err(Rejection::NotGenuine), "{forged}");
            }
        }
    }
    for forged in ["", ".", "..", &format!("{value}="), &format!("{value}."), &format!("{HEAD}..")] {
        assert_eq!(read(&own, forged), Err(Rejection::NotGenuine), "{forged}");
    }
}

#[test]
fn a_token_that_the_secret_itself_signed_is_none() {
    let own = own(&["s"]);
    let value = value(&own);
    let (signed, _) = value.rsplit_once('.').expect("three parts");
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), b"s")));
    assert_eq!(read(&own, &forged), Err(Rejection::NotGenuine));
}

#[test]
fn one_that_is_not_genuine_hides_none_that_is() {
    let own = own(&["s"]);
    let value = value(&own);
    for cookies in [["x", value.as_str()], [value.as_str(), "x"]] {
        let cookies = cookies.map(|value| ("overlord_session", value));
        assert!(matches!(own.find(&cookies, NOW), Some(Ok(_))));
    }
    assert_eq!(own.find(&[("session", &value)], NOW), None);
    let flood = vec![("overlord_session", "x"); MAX_VALUES];
    let behind = |count: usize| {
        let cookies = [&[("overlord_session", value.as_str())], &flood[..count]].concat();
        own.find(&cookies, NOW).expect("some of the name").is_ok()
    };
    assert!(behind(MAX_VALUES - 1) && !behind(MAX_VALUES));
}

#[test]
fn whom_nobody_may_be_gets_none() {
    let own = own(&["s"]);
    for (user, good) in
        [("", false), ("a\n", false), (&*"é".repeat(MAX_NAME), true), (&*"é".repeat(MAX_NAME + 1), false)]
    {
        assert_eq!(own.issue(someone(user, &[]), NOW).is_ok(), good, "{user}");
    }
    let role = "r".repeat(40);
    let with = |count: usize| own.issue(someone("a", &vec![role.as_str(); count]), NOW);
    assert!(with(60).expect("small enough").value.len() <= MAX_VALUE);
    assert!(matches!(with(70), Err(IssueError::TooLong(_))));
    assert!(matches!(with(101), Err(IssueError::Principal(PrincipalError::Roles))));
}
