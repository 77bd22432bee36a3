//! Secrets: where they come from, and that nothing prints them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::super::secrets::SECRET_FILE_MAX_BYTES;
use super::super::{Config, Secrets};
use super::{assert_error, from_environment, from_file, from_file_in, write};

const OLD: &str = "swordfish-0123456789";
const NEW: &str = "marlin-9876543210-ab";

fn texts(config: &Config) -> Vec<&str> {
    match &config.secrets {
        Secrets::Given(secrets) => secrets.iter().map(super::super::Secret::expose).collect(),
        Secrets::Generated => Vec::new(),
    }
}

#[test]
fn secrets_come_as_one_as_a_list_or_from_a_file() {
    let config = from_environment(&[("OVERLORD_SECRET_KEY", "with, comma and blank ")]).expect("a variable");
    assert_eq!(texts(&config), ["with, comma and blank "]);
    let config = from_file(&format!("secret_key = '{OLD}'"), &[]).expect("one");
    assert_eq!(texts(&config), [OLD]);
    let config = from_file(&format!("secret_key = ['{OLD}', '{NEW}']"), &[]).expect("a list");
    assert_eq!(texts(&config), [OLD, NEW]);
    let directory = TempDir::new().expect("a directory");
    let file = write(&directory, "secret", &format!("{OLD}\r\n\n  \n {NEW}"));
    let config = from_file_in(&directory, "secret_key_file = 'secret'", &[]).expect("a file");
    assert_eq!(texts(&config), [OLD, &format!(" {NEW}")]);
    assert_eq!(config.secret_key_file, Some(file));
}

#[test]
fn a_variable_outranks_the_file_whichever_key_they_use() {
    let directory = TempDir::new().expect("a directory");
    let secret = write(&directory, "secret", NEW).display().to_string();
    let file = format!("secret_key = '{OLD}'");
    let config = from_file_in(&directory, &file, &[("OVERLORD_SECRET_KEY_FILE", &secret)]).expect("a file");
    assert_eq!(texts(&config), [NEW]);
    let config = from_file_in(&directory, "secret_key_file = 'secret'", &[("OVERLORD_SECRET_KEY", OLD)]);
    let config = config.expect("a variable");
    assert_eq!((texts(&config), &config.secret_key_file), (vec![OLD], &None));
    assert_error(
        from_file_in(&directory, &format!("{file}\nsecret_key_file = 'secret'"), &[]),
        "DIR/overlord.toml:1: secret_key and secret_key_file are both given; leave out one of them",
    );
}

#[test]
fn a_secret_that_is_none_is_refused() {
    for file in [
        "secret_key = ''",
        "secret_key = []",
        "secret_key = ['a', '']",
        "secret_key = 1",
        "secret_key = [['a']]",
    ] {
        let error = from_file(file, &[]).expect_err(file);
        assert!(error.contains("which is not a secret or a list of secrets, none of them empty"), "{error}");
    }
    let directory = TempDir::new().expect("a directory");
    write(&directory, "blank", " \n\n");
    write(&directory, "binary", "");
    fs::write(directory.path().join("binary"), b"\xff\xfe").expect("a file");
    for (name, reason) in [
        ("blank", "there is no secret in it"),
        ("binary", "UTF-8"),
        ("none", "No such file"),
        (".", "not a regular file"),
    ] {
        let error = from_file_in(&directory, &format!("secret_key_file = '{name}'"), &[]).expect_err(name);
        assert!(error.contains("DIR/overlord.toml:1: reading DIR/") && error.contains(reason), "{error}");
    }
}

#[test]
fn a_file_of_secrets_is_read_up_to_its_limit() {
    let directory = TempDir::new().expect("a directory");
    let at = usize::try_from(SECRET_FILE_MAX_BYTES).expect("fits");
    for (size, allowed) in [(at, true), (at + 1, false)] {
        write(&directory, "secret", &"a".repeat(size));
        assert_eq!(from_file_in(&directory, "secret_key_file = 'secret'", &[]).is_ok(), allowed, "{size}");
    }
}

#[test]
fn nothing_prints_a_secret_or_a_setting() {
    let file = format!("secret_key = ['{OLD}']\n[auth.settings]\ntoken = '{NEW}'");
    let config = from_file(&file, &[]).expect("a secret and a setting");
    let printed = format!("{config:?} {config:#?}");
    assert!(!printed.contains("swordfish") && !printed.contains("marlin"), "{printed}");
    assert!(printed.contains("[secret]") && printed.contains("token"), "{printed}");
    for wrong in [
        format!("secret_key = ['{OLD}', 1]"),
        format!("secret_key = {{ x = '{OLD}' }}"),
        format!("[auth.settings]\ntoken = [['{OLD}']]"),
        format!("[auth.settings.token]\nx = '{OLD}'"),
        format!("auth.settings = '{OLD}'"),
    ] {
        let error = from_file(&wrong, &[]).expect_err(&wrong);
        assert!(!error.contains("swordfish"), "{error}");
    }
}

#[test]
fn a_short_secret_is_allowed_with_a_warning() {
    for (length, warned) in [(15, true), (16, false)] {
        let config = from_environment(&[("OVERLORD_SECRET_KEY", &"s".repeat(length))]).expect("any length");
        assert_eq!(config.warnings.iter().any(|w| w.contains("shorter than 16 bytes")), warned, "{length}");
    }
}

#[test]
fn a_file_with_a_secret_that_others_may_read_is_warned_of() {
    let directory = TempDir::new().expect("a directory");
    let secret = write(&directory, "secret", OLD);
    let own = write(&directory, "overlord.toml", "");
    let inline = format!("secret_key = '{OLD}'");
    for (mode, warned) in [(0o600, false), (0o640, true), (0o604, true)] {
        for file in [&secret, &own] {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("the test's own file");
        }
        let then = |settings: &str| format!("[[auth.then]]\ncomponent = 'other'\nsettings = {settings}");
        let (entry, key) = (then("{ proxy_secret = 's' }"), then("{ key = 'HS256 text:s' }"));
        let nothing = then("{ secret_header = 'x', key = 'RS256 base64:s' }");
        let first = "[auth.settings]\nsecret = 's'".to_owned();
        for (text, holds) in [
            (inline.as_str(), true),
            ("secret_key_file = 'secret'", true),
            (&entry, true),
            (&key, true),
            (&first, true),
            (&nothing, false),
        ] {
            let config = from_file_in(&directory, text, &[]).expect(text);
            let found = config.warnings.iter().any(|w| w.contains("others may read it; run: chmod 600 "));
            assert_eq!(found, warned && holds, "{mode:o} {text}: {:?}", config.warnings);
        }
    }
}

#[test]
fn beyond_loopback_the_secret_must_be_given() {
    for (address, refused) in [
        ("127.0.0.1:1", false),
        ("127.9.9.9:1", false),
        ("[::1]:1", false),
        ("[::ffff:127.0.0.1]:1", false),
        ("0.0.0.0:1", true),
        ("[::]:1", true),
        ("192.168.1.1:1", true),
        ("[::ffff:10.0.0.1]:1", true),
    ] {
        let listen = ("OVERLORD_LISTEN", address);
        let result = from_environment(&[listen]);
        assert_eq!(result.is_err(), refused, "{address}");
        if let Err(error) = result {
            assert!(error.contains("set OVERLORD_SECRET_KEY (or secret_key_file)"), "{error}");
        }
        assert!(from_environment(&[listen, ("OVERLORD_SECRET_KEY", OLD)]).is_ok(), "{address}");
    }
}
