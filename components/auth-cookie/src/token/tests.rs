//! Limits of values, and that what is written is read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec_zlib;

use super::{IssueError, MAX_ISSUED, MAX_PAYLOAD, MAX_VALUE, Rejection, read, seconds, write};
use crate::payload::{PayloadError, Principal};
use crate::settings::Settings;

const NOW: u64 = 1_700_000_000;

fn settings(more: &[(&str, &str)]) -> Settings {
    let mut pairs = vec![("secret".to_owned(), "secret".to_owned())];
    pairs.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Settings::read(&pairs).expect("good settings")
}

fn read_it(settings: &Settings, value: &str, now_s: u64) -> Result<Principal, Rejection> {
    read(settings, value, settings.own_signer(), settings.signer(), now_s)
}

fn someone(user: &str, roles: &[&str]) -> Principal {
    Principal { user: user.to_owned(), roles: roles.iter().map(|role| (*role).to_owned()).collect() }
}

/// A genuine value of any payload.
fn signed(settings: &Settings, payload: &str) -> String {
    let stamp = URL_SAFE_NO_PAD.encode(&NOW.to_be_bytes()[4..]);
    let signed = format!("{payload}.{stamp}");
    let signature = settings.signer().sign(settings.newest_secret(), signed.as_bytes());
    format!("{signed}.{signature}")
}

/// A genuine value whose payload is this JSON, compressed.
fn compressed(settings: &Settings, json: &str) -> String {
    signed(settings, &format!(".{}", URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(json.as_bytes(), 9))))
}

#[test]
fn a_value_is_looked_at_up_to_its_limit() {
    let settings = settings(&[]);
    let json = |padding: usize| format!(r#"{{"username":"a","x":"{}"}}"#, "x".repeat(padding));
    let value = |padding| signed(&settings, &URL_SAFE_NO_PAD.encode(json(padding)));
    let (below, above) = (value(12_238), value(12_239));
    assert_eq!((below.len(), above.len()), (MAX_VALUE - 1, MAX_VALUE + 1), "base64 skips a length");
    assert_eq!(read_it(&settings, &below, NOW), Ok(someone("a", &[])));
    assert_eq!(read_it(&settings, &above, NOW), Err(Rejection::TooLong));
    assert_eq!(read_it(&settings, &"x".repeat(MAX_VALUE), NOW), Err(Rejection::Malformed));
    assert_eq!(read_it(&settings, &"x".repeat(MAX_VALUE + 1), NOW), Err(Rejection::TooLong));
    assert_eq!(read_it(&settings, &"x".repeat(1_000_000), NOW), Err(Rejection::TooLong));
}

#[test]
fn a_payload_is_unpacked_up_to_its_limit() {
    let settings = settings(&[]);
    let json = |size: usize| {
        let frame = r#"{"username":"a","x":""}"#.len();
        format!(r#"{{"username":"a","x":"{}"}}"#, "x".repeat(size - frame))
    };
    let value = |size| compressed(&settings, &json(size));
    assert_eq!(read_it(&settings, &value(MAX_PAYLOAD), NOW), Ok(someone("a", &[])));
    assert_eq!(read_it(&settings, &value(MAX_PAYLOAD + 1), NOW), Err(Rejection::Compression));
    let bomb = value(8_000_000);
    assert!(bomb.len() <= MAX_VALUE, "it is small enough to be looked at");
    assert_eq!(read_it(&settings, &bomb, NOW), Err(Rejection::Compression));
}

#[test]
fn what_is_genuine_and_says_nothing_is_named_in_the_log() {
    let settings = settings(&[]);
    let plain = |json: &str| read_it(&settings, &signed(&settings, &URL_SAFE_NO_PAD.encode(json)), NOW);
    assert_eq!(plain("{"), Err(Rejection::Payload(PayloadError::Json)));
    assert_eq!(plain("{}"), Err(Rejection::Payload(PayloadError::NoUser)));
    assert_eq!(plain(r#"{"username":7}"#), Err(Rejection::Payload(PayloadError::User)));
    let error = plain("{}").expect_err("nobody");
    assert_eq!(error.to_string(), "its signature is genuine, but its payload names no user");
}

#[test]
fn timestamps_are_what_itsdangerous_writes() {
    assert_eq!(seconds(""), Some(0));
    assert_eq!(seconds("AQ"), Some(1));
    assert_eq!(seconds("__________8"), Some(u64::MAX));
    assert_eq!(seconds("AQAAAAAAAAAA"), None, "nine bytes");
    assert_eq!(seconds("A"), None);
    assert_eq!(seconds("A!"), None);
    assert_eq!(seconds("AR"), None, "bits that mean nothing");
}

#[test]
fn what_is_written_is_read_until_it_expires_and_not_before_it_was_made() {
    let settings = settings(&[("max_age_s", "60")]);
    let alice = someone("alice", &["admin"]);
    let value = write(&settings, &alice, NOW).expect("a good name");
    assert_eq!(read_it(&settings, &value, NOW), Ok(alice.clone()));
    assert_eq!(read_it(&settings, &value, NOW + 60), Ok(alice));
    assert_eq!(read_it(&settings, &value, NOW + 61), Err(Rejection::Expired));
    assert_eq!(read_it(&settings, &value, NOW - 1), Err(Rejection::Expired));
}

#[test]
fn the_newest_secret_signs_and_the_older_ones_are_good() {
    let (before, after) = (settings(&[]), settings(&[("secret", "newer")]));
    let alice = someone("alice", &[]);
    let old = write(&before, &alice, NOW).expect("a good name");
    let new = write(&after, &alice, NOW).expect("a good name");
    assert_eq!(read_it(&after, &old, NOW), Ok(alice.clone()));
    assert_eq!(read_it(&after, &new, NOW), Ok(alice));
    assert_eq!(read_it(&before, &new, NOW), Err(Rejection::Signature));
}

#[test]
fn what_overlord_issues_opens_nothing_at_the_other_application() {
    let settings = settings(&[]);
    let value = write(&settings, &someone("alice", &[]), NOW).expect("a good name");
    let theirs = settings.signer();
    assert_eq!(read(&settings, &value, theirs, theirs, NOW), Err(Rejection::Signature));
}

#[test]
fn a_value_that_no_browser_keeps_is_not_issued() {
    let settings = settings(&[]);
    let role = "r".repeat(100);
    let with = |count: usize| write(&settings, &someone("a", &vec![role.as_str(); count]), NOW);
    assert!(with(26).expect("small enough").len() <= MAX_ISSUED);
    assert!(matches!(with(28), Err(IssueError::TooLong(_))));
    assert_eq!(write(&settings, &someone("", &[]), NOW), Err(IssueError::Principal(PayloadError::User)));
}

#[test]
fn whoever_it_is_issued_to_is_admitted() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut name = |most: usize| {
            let length = random.usize(1..=most);
            let letters = std::iter::repeat_with(|| random.char(..)).filter(|c| !c.is_control());
            letters.take(length).collect::<String>()
        };
        let who = Principal { user: name(256), roles: (0..seed % 5).map(|_| name(40)).collect() };
        let digest = *random.choice(&["sha1", "sha256", "sha512"]).expect("there are three");
        let ways = ["django-concat", "concat", "hmac", "none"];
        let way = *random.choice(&ways).expect("there are four");
        let settings = settings(&[("digest", digest), ("key_derivation", way)]);
        let now = random.u64(0..1 << 40);
        let value = write(&settings, &who, now).expect("good names");
        assert_eq!(read_it(&settings, &value, now), Ok(who), "seed {seed}");
        let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(value.bytes().all(clean), "it needs no quoting: {value}");
    }
}
