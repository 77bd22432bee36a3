//! What settings may be, and what is said of those that may not.

use super::*;

const KEY: (&str, &str) = ("key", "HS256 text:0123456789abcdef0123456789abcdef");

fn read(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let all = [&[("secret", "the host's")], more].concat();
    let pairs: Vec<_> = all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::read(&pairs)
}

#[test]
fn what_is_not_given_has_a_default_but_the_keys() {
    let settings = read(&[KEY]).expect("good settings");
    assert_eq!((settings.leeway_s, settings.bearer), (30, true));
    assert_eq!(settings.cookie.as_deref(), Some("session"));
    assert_eq!((settings.user, settings.roles), (Claim::of("sub"), Claim::of("roles")));
    assert_eq!(read(&[]), Err(SettingsError::NoKey));
    let none = Settings::read(&[("key".to_owned(), KEY.1.to_owned())]);
    assert_eq!(none, Err(SettingsError::Own(overlord_own_cookie::SettingsError::NoSecret)));
}

#[test]
fn where_tokens_come_from_can_be_said() {
    for (from, bearer, cookie) in [
        (&["bearer"][..], true, false),
        (&["cookie"], false, true),
        (&["cookie", "bearer"], true, true),
        (&[], true, true),
    ] {
        let more: Vec<_> = from.iter().map(|from| ("read_from", *from)).chain([KEY]).collect();
        let settings = read(&more).expect("good settings");
        assert_eq!((settings.bearer, settings.cookie.is_some()), (bearer, cookie), "{from:?}");
    }
    assert_eq!(
        read(&[KEY, ("read_from", "cookie"), ("read_from", "cookie")]),
        Err(SettingsError::Repeated("read_from"))
    );
}

#[test]
fn what_makes_no_sense_is_a_fault_that_names_it_and_no_secret() {
    for (key, value) in [
        ("leeway_s", "601"),
        ("leeway_s", "-1"),
        ("leeway_s", ""),
        ("user_claim", ""),
        ("user_claim", "/"),
        ("user_claim", "/a//b"),
        ("roles_claim", "/1/2/3/4/5/6/7/8/9"),
        ("read_from", "query"),
        ("issuer", ""),
        ("audience", ""),
        ("cookie", "a b"),
        ("cookie", "overlord_session"),
        ("max_age_s", "0"),
        ("roles_claim", "sub"),
        ("keys", "x"),
        ("algorithm", "none"),
    ] {
        let said = read(&[KEY, (key, value)]).expect_err("bad settings").to_string();
        assert!(said.starts_with("reading the settings of auth-jwt: ") && said.contains(key), "{said}");
        assert!(!said.contains("0123456789abcdef"), "{said}");
    }
    assert!(read(&[KEY, ("leeway_s", "600")]).is_ok() && read(&[KEY, ("leeway_s", "0")]).is_ok());
    let said = read(&[KEY, ("key", "HS256 text:too short")]).expect_err("bad").to_string();
    assert!(said.contains("'key' number 2") && !said.contains("too short"), "{said}");
}

#[test]
fn there_is_a_limit_to_everything() {
    let keys = |count: usize| read(&vec![KEY; count]);
    assert!(keys(MAX_KEYS).is_ok());
    assert_eq!(keys(MAX_KEYS + 1), Err(SettingsError::TooManyKeys));
    for name in ["issuer", "audience"] {
        let names = |count: usize| read(&[vec![KEY], vec![(name, "x"); count]].concat());
        assert!(names(MAX_NAMES).is_ok());
        assert!(matches!(names(MAX_NAMES + 1), Err(SettingsError::TooManyNames(_))));
    }
}
