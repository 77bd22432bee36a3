//! Keys as operators have them, and those that they must not give.

use super::*;

/// RFC 8037's and RFC 7515's public keys, as OpenSSL writes them.
const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----";
const ED25519_HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const EC_XY: &str =
    r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

fn one(text: &str) -> Result<Key, KeyError> {
    let mut keys = Key::read(text)?;
    assert_eq!(keys.len(), 1, "{text}");
    Ok(keys.remove(0))
}

#[test]
fn one_key_is_the_same_in_all_its_forms() {
    let forms = [
        format!("EdDSA {ED25519_PEM}"),
        format!("  EdDSA\n\n{ED25519_PEM}\n"),
        format!("Ed25519 {ED25519_PEM}"),
        format!("EdDSA hex:{ED25519_HEX}"),
        "EdDSA base64:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".into(),
        "EdDSA base64:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into(),
        "EdDSA base64:MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".into(),
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#.into(),
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#.into(),
    ];
    let key = one(&forms[0]).expect("a key");
    assert_eq!((key.material.algorithm(), &key.kid), (Algorithm::EdDsa, &None));
    for form in forms {
        assert_eq!(one(&form).as_ref(), Ok(&key), "{form}");
    }
    let named = one(&format!("EdDSA kid=k1 {ED25519_PEM}")).expect("a key");
    assert_eq!(named.kid.as_deref(), Some("k1"));
}

#[test]
fn secrets_have_a_least_length() {
    for (length, good) in [(MIN_SECRET - 1, false), (MIN_SECRET, true), (4000, true)] {
        let read = one(&format!("HS256 text:{}", "s".repeat(length)));
        assert_eq!(read.is_ok(), good, "{length}");
        assert_eq!(one(&format!("HS256 hex:{}", "ab".repeat(length))).is_ok(), good, "{length}");
    }
    let spaced = one(&format!("HS256 text:a b {}", "s".repeat(32))).expect("blanks are part of a text");
    assert!(spaced.material == Material::Hs256(format!("a b {}", "s".repeat(32)).into_bytes()));
}

#[test]
fn a_public_key_is_no_secret_and_a_private_one_no_public_one() {
    let der = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    for text in [
        format!("HS256 {ED25519_PEM}"),
        format!("HS256 text:{ED25519_PEM}"),
        format!("HS256 base64:{der}"),
        format!("HS256 base64:{}", STANDARD.encode(ED25519_PEM)),
    ] {
        assert_eq!(one(&text), Err(KeyError::PublicAsSecret), "{text}");
    }
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        let text = format!("RS256 -----BEGIN {label}-----\nAAAA\n-----END {label}-----");
        assert_eq!(one(&text), Err(KeyError::Private), "{label}");
    }
    let text = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"x"}"#;
    assert_eq!(one(text), Err(KeyError::Private));
    let text = "ES256 -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    assert_eq!(one(text), Err(KeyError::Certificate));
}

#[test]
fn a_key_is_of_its_algorithms_type() {
    for algorithm in ["RS256", "ES256"] {
        assert_eq!(one(&format!("{algorithm} {ED25519_PEM}")), Err(KeyError::Type));
        assert_eq!(one(&format!("{algorithm} hex:{ED25519_HEX}")), Err(KeyError::Der));
        assert_eq!(one(&format!("{algorithm} text:{}", "s".repeat(40))), Err(KeyError::Form));
    }
    let ec = |alg: &str| format!(r#"{{"kty":"EC","crv":"P-256","alg":"{alg}",{EC_XY}}}"#);
    assert_eq!(one(&ec("ES256")).map(|key| key.material.algorithm()), Ok(Algorithm::Es256));
    for alg in ["RS256", "HS256", "none", "ECDH-ES"] {
        assert_eq!(one(&ec(alg)), Err(KeyError::Type), "{alg}");
    }
}

#[test]
fn rsa_keys_are_of_some_size() {
    let rsa = |n: &str, e: &str| one(&format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}","kid":"k"}}"#));
    assert!(rsa(RSA_N, "AQAB").is_ok() && rsa(RSA_N, "Aw").is_ok());
    for exponent in ["AQ", "Ag", "AA", "", "AQAAAAAB"] {
        assert_eq!(rsa(RSA_N, exponent), Err(KeyError::Rsa), "{exponent}");
    }
    let modulus = |bits: usize| {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] >>= bytes.len() * 8 - bits;
        URL_SAFE.encode(bytes).trim_end_matches('=').to_owned()
    };
    for (bits, good) in [(2047, false), (2048, true), (4096, true), (4097, false), (512, false)] {
        assert_eq!(rsa(&modulus(bits), "AQAB").is_ok(), good, "{bits}");
    }
}

#[test]
fn of_a_set_what_is_for_something_else_is_passed_over() {
    let set = format!(
        r#"{{"keys":[
            {{"kty":"RSA","alg":"RS512","n":"AQAB","e":"AQAB"}},
            {{"kty":"RSA","use":"enc","n":"{RSA_N}","e":"AQAB"}},
            {{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}},
            {{"kty":"XYZ"}},
            {{"kty":"EC","crv":"P-256","kid":"a",{EC_XY}}},
            {{"kty":"RSA","alg":"RS256","kid":"b","n":"{RSA_N}","e":"AQAB"}}]}}"#
    );
    let keys = Key::read(&set).expect("a set");
    let kids: Vec<_> = keys.iter().map(|key| key.kid.as_deref()).collect();
    assert_eq!(kids, [Some("a"), Some("b")]);
    assert_eq!(Key::read(r#"{"keys":[]}"#), Err(KeyError::EmptySet));
    assert_eq!(Key::read(r#"{"keys":[{"kty":"RSA","kid":"b"}]}"#), Err(KeyError::Jwk), "half a key is none");
}

#[test]
fn what_is_no_key_is_said_without_it() {
    for (text, error) in [
        ("", KeyError::Form),
        ("HS256", KeyError::Form),
        ("none text:0123456789012345678901234567890123456789", KeyError::Form),
        ("HS512 text:0123456789012345678901234567890123456789", KeyError::Form),
        ("0123456789012345678901234567890123456789", KeyError::Form),
        ("HS256 0123456789012345678901234567890123456789", KeyError::Form),
        ("HS256 kid= text:0123456789012345678901234567890123456789", KeyError::Kid),
        ("HS256 hex:012", KeyError::Encoding),
        ("HS256 hex:+1+1", KeyError::Encoding),
        ("HS256 base64:a b", KeyError::Encoding),
        ("EdDSA hex:00", KeyError::Der),
        ("EdDSA -----BEGIN PUBLIC KEY-----", KeyError::Pem),
        ("EdDSA -----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", KeyError::Der),
        ("EdDSA -----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----", KeyError::Pem),
        ("{", KeyError::Jwk),
        ("{}", KeyError::Jwk),
        (r#"{"kty":"oct","kty":"oct"}"#, KeyError::Jwk),
        (r#"{"kty":"oct","k":"AAAA"}"#, KeyError::ShortSecret),
    ] {
        assert_eq!(Key::read(text), Err(error), "{text}");
        assert!(!error.to_string().contains("0123456789"));
    }
    let long = format!("HS256 kid={} text:{}", "k".repeat(MAX_KID), "s".repeat(32));
    assert!(one(&long).is_ok());
    assert_eq!(one(&long.replace("kid=", "kid=k")), Err(KeyError::Kid));
    assert!(!format!("{:?}", one(&long)).contains("sss"), "a secret is not printed");
}
