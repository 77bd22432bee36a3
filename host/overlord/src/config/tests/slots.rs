//! Slots: settings as the component gets them, and what may not fail open; and the wall.

use super::super::slots::SETTINGS_MAX_BYTES;
use super::super::{FailMode, Instances, Slot, WallChoice, Wasi};
use super::{assert_error, from_environment, from_file};

fn settings(slot: &Slot) -> Vec<String> {
    slot.settings.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn settings_are_texts_in_the_order_written() {
    let file = "
        [auth.settings]
        zebra = 'z'
        ant = [1, 'two', true]
        none = []
        Mixed-Case = 1.0
        hex = 0x10
        flag = false
        empty = ''
    ";
    let config =
        from_file(file, &[("OVERLORD_AUTH_SETTINGS_FLAG", "on"), ("OVERLORD_AUTH_SETTINGS_NEW_ONE", "1,2")])
            .expect("settings of all types");
    let expected = [
        "zebra=z",
        "ant=1",
        "ant=two",
        "ant=true",
        "Mixed-Case=1.0",
        "hex=16",
        "flag=on",
        "empty=",
        "new_one=1,2",
    ];
    assert_eq!(settings(&config.auth.slot), expected);
    assert!(settings(&config.history).is_empty());
}

#[test]
fn settings_that_are_no_texts_are_refused() {
    for value in ["{ a = 1 }", "[[1]]", "[{}]", "2026-01-01", "[1, 2026-01-01]"] {
        let error = from_file(&format!("[agent.settings]\nx = {value}"), &[]).expect_err(value);
        assert!(error.contains("DIR/overlord.toml:2: agent.settings.x is "), "{error}");
        assert!(error.contains("which is not a text, a number, true, false or a list of those"), "{error}");
    }
    let error = from_file("agent = 1", &[]).expect_err("no table");
    assert!(
        error.contains("DIR/overlord.toml:1: agent is of the type integer, which is not a table"),
        "{error}"
    );
}

#[test]
fn a_number_beyond_64_bits_is_no_number() {
    assert!(from_file("[agent.settings]\nx = 9223372036854775807", &[]).is_ok());
    let error = from_file("[agent.settings]\nx = 9223372036854775808", &[]).expect_err("2^63");
    assert!(error.contains("agent.settings.x is a number beyond 64 bits"), "{error}");
}

#[test]
fn default_settings_stay_with_the_component_that_they_are_meant_for() {
    let config =
        from_file("[limit.settings]\nmax = 5\nextra = 'x'", &[]).expect("one of three, and one more");
    assert_eq!(
        settings(&config.limit.slot),
        ["window_s=3600", "max=5", "concurrency=1", "queue=0", "extra=x"]
    );
    let other = "[limit]\ncomponent = 'limit-other'\n[limit.settings]\nmax = 'many'";
    let config = from_file(other, &[]).expect("another component's own meaning of max");
    assert_eq!(settings(&config.limit.slot), ["max=many"]);
    assert_error(
        from_file("[limit.settings]\nmax = 'many'", &[]),
        "DIR/overlord.toml:2: limit.settings.max is a text, which is not a whole number",
    );
}

#[test]
fn settings_are_limited_on_both_sides() {
    for (size, allowed) in [(SETTINGS_MAX_BYTES, true), (SETTINGS_MAX_BYTES + 1, false)] {
        let file = format!("[audit.settings]\nx = '{}'", "v".repeat(size - 1));
        assert_eq!(from_file(&file, &[]).is_ok(), allowed, "{size}");
    }
}

#[test]
fn a_slots_own_keys_reach_it() {
    let file =
        "[history]\ncomponent = 'history-9'\ninstances = 'warm'\nwasi = 'empty'\n[audit]\nfail = 'closed'";
    let config =
        from_file(file, &[("OVERLORD_AUTH_HEADERS", "X-User, Authorization")]).expect("all of a slot");
    assert_eq!(config.history.component, "history-9");
    assert_eq!((config.history.instances, config.history.wasi), (Instances::Warm, Wasi::Empty));
    assert_eq!(config.audit.slot.fail, FailMode::Closed);
    assert_eq!(config.auth.headers, ["x-user", "authorization"]);
}

#[test]
fn only_the_audit_slot_may_fail_open() {
    for slot in ["auth", "limit", "history", "agent"] {
        let variable = format!("OVERLORD_{}_FAIL", slot.to_uppercase());
        let error = from_environment(&[(&variable, "open")]).expect_err(slot);
        assert!(error.contains(&format!("{variable}: {slot}.fail cannot be \"open\": ")), "{error}");
        assert!(error.contains(&format!("set {slot}.fail to \"closed\" or leave it out")), "{error}");
        assert!(from_environment(&[(&variable, "closed")]).is_ok(), "{slot}");
    }
    assert!(from_environment(&[("OVERLORD_AUDIT_FAIL", "open")]).is_ok());
}

#[test]
fn the_two_cookies_have_two_names() {
    let error = from_environment(&[("OVERLORD_AUTH_OWN_COOKIE", "session")]).expect_err("the same name");
    assert!(error.contains("auth.cookie and auth.own_cookie are both \"session\""), "{error}");
}

#[test]
fn the_wall_and_the_user_go_together() {
    let user = ("OVERLORD_AGENT_USER", "agent");
    for (wall, alone, with_user) in [
        ("auto", true, true),
        ("user", false, true),
        ("namespace", true, false),
        ("landlock", true, false),
        ("none-i-trust-the-agent", true, true),
    ] {
        let wall = ("OVERLORD_AGENT_WALL", wall);
        assert_eq!(from_environment(&[wall]).is_ok(), alone, "{wall:?} alone");
        assert_eq!(from_environment(&[wall, user]).is_ok(), with_user, "{wall:?} with a user");
    }
    let config =
        from_environment(&[("OVERLORD_AGENT_WALL", "none-i-trust-the-agent")]).expect("said in words");
    assert_eq!(config.agent.wall, WallChoice::NoneITrustTheAgent);
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}
