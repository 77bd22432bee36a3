//! What settings are taken and how others are refused.

use super::{Settings, SettingsError};
use crate::payload::Path;
use crate::signature::{Derivation, Digest};

fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let owned: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::read(&owned)
}

#[test]
fn a_secret_alone_will_do() {
    let settings = read(&[("secret", "s")]).expect("a secret will do");
    assert_eq!(settings.secrets, ["s"]);
    assert_eq!((settings.salt.as_str(), settings.own_salt.as_str()), ("itsdangerous", "overlord"));
    assert_eq!((settings.cookie.as_str(), settings.own_cookie.as_str()), ("session", "overlord_session"));
    assert_eq!((settings.digest, settings.derivation), (Digest::Sha1, Derivation::DjangoConcat));
    assert_eq!(settings.max_age_s, 2_592_000);
    assert_eq!(settings.user_path, Path::of("username"));
    assert_eq!(settings.roles_path, Path::of("roles"));
}

#[test]
fn every_key_can_be_set() {
    let settings = read(&[
        ("secret", "old"),
        ("salt", "a"),
        ("own_salt", "b"),
        ("digest", "sha512"),
        ("key_derivation", "hmac"),
        ("max_age_s", "1"),
        ("cookie", "c"),
        ("own_cookie", "d"),
        ("user_path", "user.name"),
        ("roles_path", "user.groups"),
        ("secret", "new"),
    ])
    .expect("all of them are good");
    assert_eq!(settings.secrets, ["old", "new"]);
    assert_eq!(settings.newest_secret(), "new");
    assert_eq!((settings.signer().salt, settings.own_signer().salt), ("a", "b"));
    assert_eq!((settings.digest, settings.derivation), (Digest::Sha512, Derivation::Hmac));
    assert_eq!(settings.max_age_s, 1);
    assert_eq!((settings.cookie.as_str(), settings.own_cookie.as_str()), ("c", "d"));
    assert_eq!(Some(settings.user_path), Path::parse("user.name"));
    assert_eq!(Some(settings.roles_path), Path::parse("user.groups"));
}

#[test]
fn without_a_secret_there_is_no_deciding() {
    assert_eq!(read(&[]), Err(SettingsError::NoSecret));
    assert_eq!(read(&[("secret", "")]), Err(SettingsError::EmptySecret));
    assert_eq!(read(&[("secret", "s"), ("secret", "")]), Err(SettingsError::EmptySecret));
}

#[test]
fn only_so_many_secrets_are_tried() {
    assert!(read(&[("secret", "s"); 16]).is_ok());
    assert_eq!(read(&[("secret", "s"); 17]), Err(SettingsError::TooManySecrets(17)));
}

#[test]
fn an_unknown_key_is_named_together_with_the_known_ones() {
    let error = read(&[("secret", "s"), ("max_age", "1")]).expect_err("no such key");
    assert_eq!(
        error.to_string(),
        "reading the settings of auth-cookie: there is no 'max_age'; there are secret, salt, \
         own_salt, digest, key_derivation, max_age_s, cookie, own_cookie, user_path and roles_path"
    );
}

#[test]
fn a_value_that_its_key_does_not_take_is_refused() {
    let long = "c".repeat(129);
    for (key, value) in [
        ("digest", "md5"),
        ("digest", "SHA1"),
        ("key_derivation", "django"),
        ("max_age_s", "0"),
        ("max_age_s", "315360001"),
        ("max_age_s", "-1"),
        ("max_age_s", "30d"),
        ("cookie", ""),
        ("cookie", "a b"),
        ("own_cookie", "a=b"),
        ("own_cookie", "a;b"),
        ("own_cookie", &long),
        ("user_path", ""),
        ("user_path", "a..b"),
        ("user_path", ".a"),
        ("roles_path", "a."),
        ("roles_path", "a.b.c.d.e.f.g.h.i"),
    ] {
        match read(&[("secret", "s"), (key, value)]) {
            Err(SettingsError::Unusable { key: named, .. }) => assert_eq!(named, key),
            other => panic!("{key} = {value}: {other:?}"),
        }
    }
    for (key, value) in
        [("max_age_s", "315360000"), ("cookie", &long[1..]), ("roles_path", "a.b.c.d.e.f.g.h")]
    {
        assert!(read(&[("secret", "s"), (key, value)]).is_ok(), "{key} = {value}");
    }
}

#[test]
fn a_key_given_twice_is_refused() {
    assert_eq!(read(&[("secret", "s"), ("salt", "a"), ("salt", "a")]), Err(SettingsError::Repeated("salt")));
}

#[test]
fn two_things_have_two_names() {
    assert_eq!(
        read(&[("secret", "s"), ("own_cookie", "session")]),
        Err(SettingsError::Same("cookie", "own_cookie"))
    );
    for (user, roles) in [("a", "a"), ("a", "a.b"), ("a.b", "a")] {
        assert_eq!(
            read(&[("secret", "s"), ("user_path", user), ("roles_path", roles)]),
            Err(SettingsError::Same("user_path", "roles_path"))
        );
    }
    assert!(read(&[("secret", "s"), ("user_path", "a.b"), ("roles_path", "a.bc")]).is_ok());
}

#[test]
fn no_message_gives_a_secret_away() {
    for pairs in [&[("secret", "hush"); 17][..], &[("secret", "hush"), ("digest", "x")]] {
        let error = read(pairs).expect_err("bad settings").to_string();
        assert!(!error.contains("hush"), "{error}");
    }
}
