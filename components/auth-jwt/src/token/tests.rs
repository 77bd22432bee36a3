//! Limits of tokens, and the recorded ones whose signatures can be checked natively. All of them are
//! checked in the component, by the contract tests.

use serde::Deserialize;

use super::*;

const RECORDED: &str = include_str!("../../../../tests/fixtures/jwt/tokens.json");

#[derive(Deserialize)]
struct Recorded {
    keys: Vec<(String, String)>,
    host: Vec<(String, String)>,
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    what: String,
    keys: serde_json::Value,
    settings: Vec<(String, String)>,
    #[serde(rename = "token")]
    text: String,
    now_s: u64,
    said: Said,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Said {
    Admitted { user: String, roles: Vec<String> },
    Expired,
    Invalid,
}

impl From<Result<Principal, Rejection>> for Said {
    fn from(result: Result<Principal, Rejection>) -> Self {
        match result {
            Ok(Principal { user, roles }) => Self::Admitted { user, roles },
            Err(Rejection::Expired) => Self::Expired,
            Err(_) => Self::Invalid,
        }
    }
}

fn recorded() -> Recorded {
    serde_json::from_str(RECORDED).expect("recorded tokens")
}

fn settings(recorded: &Recorded, more: &[(String, String)]) -> Settings {
    Settings::read(&[&recorded.keys[..], &recorded.host, more].concat()).expect("settings of the record")
}

fn signed(secret: &[u8], claims: &str) -> String {
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256::HMAC::mac(signed.as_bytes(), secret)))
}

#[test]
fn every_recorded_token_of_two_algorithms_is_read_as_recorded() {
    let recorded = recorded();
    let mut seen = 0;
    for Token { what, keys, settings: more, text, now_s, said } in &recorded.tokens {
        let elsewhere = what.starts_with("RS256") || what.starts_with("ES256") || what.starts_with("issuer");
        if keys != "KEYS" || elsewhere {
            continue;
        }
        let settings = settings(&recorded, more);
        assert_eq!(Said::from(read(&settings, text, now_s * 1000, &mut 16)), *said, "{what}");
        seen += 1;
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn a_token_is_looked_at_up_to_its_limit() {
    let recorded = recorded();
    let settings = settings(&recorded, &[]);
    let said = |size| read(&settings, &"x".repeat(size), 0, &mut 1);
    assert_eq!(said(MAX_TOKEN), Err(Rejection::Malformed));
    assert_eq!(said(MAX_TOKEN + 1), Err(Rejection::TooLong));
}

#[test]
fn so_many_signatures_are_checked_and_no_more() {
    let secret = "0123456789abcdef0123456789abcdef";
    let keys: Vec<_> = ["x", "y", ""]
        .iter()
        .map(|more| ("key".to_owned(), format!("HS256 text:{secret}{more}")))
        .chain([("secret".to_owned(), "s".to_owned())])
        .collect();
    let settings = Settings::read(&keys).expect("good settings");
    let token = signed(secret.as_bytes(), r#"{"sub":"a","exp":1}"#);
    let mut checks = 3;
    assert!(read(&settings, &token, 0, &mut checks).is_ok());
    assert_eq!(checks, 0);
    assert_eq!(read(&settings, &token, 0, &mut 2), Err(Rejection::TooMany));
}

#[test]
fn a_key_with_a_name_is_for_the_tokens_that_call_it_by_it() {
    let secret = "0123456789abcdef0123456789abcdef";
    let pairs = [("key", format!("HS256 kid=k text:{secret}")), ("secret", "s".to_owned())]
        .map(|(key, value)| (key.to_owned(), value));
    let settings = Settings::read(&pairs).expect("good settings");
    let token = signed(secret.as_bytes(), r#"{"sub":"a","exp":1}"#);
    assert_eq!(read(&settings, &token, 0, &mut 16), Err(Rejection::NoKey));
}

#[test]
fn times_are_compared_to_the_millisecond() {
    let recorded = recorded();
    let settings = settings(&recorded, &[("leeway_s".to_owned(), "0".to_owned())]);
    let crate::keys::Material::Hs256(secret) = &settings.keys[0].material else {
        panic!("the first is HS256")
    };
    let token = signed(secret, r#"{"sub":"a","exp":10.5,"nbf":9}"#);
    let at = |now| read(&settings, &token, now, &mut 16).map(|who| who.user);
    assert_eq!(at(8_999), Err(Rejection::Future("nbf")));
    assert_eq!((at(9_000), at(10_499)), (Ok("a".to_owned()), Ok("a".to_owned())));
    assert_eq!(at(10_500), Err(Rejection::Expired));
}
