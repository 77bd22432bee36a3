//! Whose signatures count, where one must be, and which digests are pinned.

use super::{from_environment, from_file};
use crate::sandbox::SlotName;
use crate::sandbox::signature::{PublicKey, SecretKey};

fn keys(count: usize) -> Vec<String> {
    let key = SecretKey::generate().expect("there is randomness");
    (0..count).map(|number| key.public(&format!("key-{number}")).to_string()).collect()
}

#[test]
fn keys_slots_and_pins_are_read_from_both_places() {
    let none = from_environment(&[]).expect("nothing is said").signing;
    assert!(none.keys.is_empty() && none.required.is_empty() && none.pins(SlotName::Limit).is_empty());
    let (two, pin) = (keys(2), "0a".repeat(32));
    let file = format!(
        "[signing]\nkeys = ['{}', '{}']\nrequired = ['limit', 'auth']\n[limit]\ndigest = '{pin}'",
        two[0], two[1]
    );
    let signing = from_file(&file, &[]).expect("a file").signing;
    assert_eq!(signing.keys.iter().map(PublicKey::to_string).collect::<Vec<_>>(), two);
    assert_eq!(signing.required, [SlotName::Auth, SlotName::Limit]);
    assert_eq!(signing.pins(SlotName::Limit).iter().map(ToString::to_string).collect::<Vec<_>>(), [&*pin]);
    let list = format!("{pin},{}", "0B".repeat(32));
    let variables = [
        ("OVERLORD_SIGNING_KEYS", &*two.join(",")),
        ("OVERLORD_SIGNING_REQUIRED", "all"),
        ("OVERLORD_AGENT_DIGEST", &list),
    ];
    let signing = from_environment(&variables).expect("variables").signing;
    assert_eq!((signing.keys.len(), signing.required.len(), signing.pins(SlotName::Agent).len()), (2, 5, 2));
}

#[test]
fn a_signature_without_a_key_cannot_be_asked_for() {
    let error = from_environment(&[("OVERLORD_SIGNING_REQUIRED", "limit")]).expect_err("no key");
    assert!(error.contains("signing.keys names no key"), "{error}");
    let same = keys(1)[0].clone();
    let error = from_environment(&[("OVERLORD_SIGNING_KEYS", &format!("{same},{same}"))]).expect_err("twice");
    assert!(error.contains("two keys of the name"), "{error}");
}

#[test]
fn as_many_keys_and_pins_as_said_and_no_more() {
    let all = keys(33);
    assert!(from_environment(&[("OVERLORD_SIGNING_KEYS", &all[..32].join(","))]).is_ok());
    let error = from_environment(&[("OVERLORD_SIGNING_KEYS", &all.join(","))]).expect_err("one too many");
    assert!(error.contains("33 keys, and 32 are allowed"), "{error}");
    let pins = |count: usize| vec!["0a".repeat(32); count].join(",");
    assert!(from_environment(&[("OVERLORD_LIMIT_DIGEST", &pins(32))]).is_ok());
    let error = from_environment(&[("OVERLORD_LIMIT_DIGEST", &pins(33))]).expect_err("one too many");
    assert!(error.contains("limit.digest has 33 digests"), "{error}");
}
