//! Attacks on signatures: every byte of a signed file counts, and there is one way to write it.

use super::*;

/// A component with cases, and a module in it that has a section of our name too.
fn component() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(custom(SIGNATURE_SECTION, b"of no concern"));
    let mut component = package::component_of(&module, Some("[[case]]\n")).expect("a component");
    component.extend(custom("remark", b"hello"));
    component
}

fn custom(name: &str, data: &[u8]) -> Vec<u8> {
    let section = CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(data) };
    let mut bytes = vec![section.id()];
    section.encode(&mut bytes);
    bytes
}

fn key() -> SecretKey {
    SecretKey::generate().expect("there is randomness")
}

/// A component's signatures put behind other bytes.
fn moved(signed: &[u8], to: &[u8]) -> Vec<u8> {
    [to, &signed[parts(signed).expect("whole").signed.len()..]].concat()
}

#[test]
fn who_signs_is_told_and_who_does_not_is_not() {
    let (one, two, three) = (key(), key(), key());
    let bare = component();
    assert_eq!(signers(&bare).expect("unsigned").count(), 0);
    let signed = sign(&bare, &one).expect("signed");
    let both = sign(&signed, &two).expect("signed");
    let listed = [three.public("three"), two.public("two")];
    assert_eq!(signers(&signed).expect("good").known(&listed), None);
    let found = signers(&both).expect("good");
    assert_eq!((found.count(), found.known(&listed).map(PublicKey::name)), (2, Some("two")));
    assert_eq!(sign(&both, &one).expect("signed"), both, "the same key once more changes nothing");
    assert_eq!(both, sign(&sign(&bare, &two).expect("signed"), &one).expect("signed"), "in any order");
    // Whoever strips one leaves the other as it is; whoever strips all has the file as it was.
    assert!(both.starts_with(&bare));
}

#[test]
fn no_byte_of_a_signed_file_can_be_changed() {
    let signed = sign(&component(), &key()).expect("signed");
    for place in 0..signed.len() {
        let mut other = signed.clone();
        other[place] ^= 1;
        // Either it is no component any more, or its section is none, and so it is unsigned.
        let found = signers(&other).map_or(0, |signers| signers.count());
        assert_eq!(found, 0, "byte {place} of {} can be changed", signed.len());
    }
    for length in 0..signed.len() {
        let found = signers(&signed[..length]).map_or(0, |signers| signers.count());
        assert_eq!(found, 0, "cut off at {length}");
    }
}

#[test]
fn the_cases_are_signed_too() {
    let signed = sign(&component(), &key()).expect("signed");
    let other = package::component_of(b"\0asm\x01\0\0\0", Some("[[case]]\nname = 1\n")).expect("one");
    let error = signers(&moved(&signed, &other)).expect_err("another's signature");
    assert!(matches!(error, SignatureError::False(_)), "{error}");
}

#[test]
fn nothing_stands_behind_the_section() {
    let signed = sign(&component(), &key()).expect("signed");
    let again = moved(&signed, &signed);
    for (bytes, what) in [
        ([signed.clone(), custom("remark", b"more")].concat(), "a section behind it"),
        (again, "two sections"),
        ([signed.clone(), custom(SIGNATURE_SECTION, b"")].concat(), "an empty one behind it"),
    ] {
        assert!(matches!(signers(&bytes), Err(SignatureError::NotLast)), "{what}");
        assert!(matches!(sign(&bytes, &key()), Err(SignatureError::NotLast)), "{what}");
    }
    let trailing = [signed, vec![7]].concat();
    assert!(matches!(signers(&trailing), Err(SignatureError::NotLast)), "a byte behind it");
}

#[test]
fn a_section_that_is_not_whole_is_damaged() {
    let bare = component();
    let entry = [FORM; 1 + ENTRY_BYTES];
    for data in [&b""[..], &[FORM], &[2; 1 + ENTRY_BYTES], &entry[..ENTRY_BYTES], &[FORM; 2 + ENTRY_BYTES]] {
        let bytes = [bare.clone(), custom(SIGNATURE_SECTION, data)].concat();
        assert!(matches!(signers(&bytes), Err(SignatureError::Damaged(_))), "{} bytes", data.len());
    }
    // A size with a byte more than it needs means the same to a parser.
    let signed = sign(&bare, &key()).expect("signed");
    let (head, section) = signed.split_at(bare.len());
    assert!(section[1] & 0x80 == 0 && section.len() < 130, "its size is one byte");
    let longer = [head, &[0, section[1] | 0x80, 0], &section[2..]].concat();
    assert!(matches!(signers(&longer), Err(SignatureError::Damaged(_))));
}

#[test]
fn eight_signatures_are_looked_at_and_a_ninth_is_not() {
    let mut signed = component();
    for _ in 0..SIGNATURES_MAX {
        signed = sign(&signed, &key()).expect("signed");
    }
    assert_eq!(signers(&signed).expect("good").count(), SIGNATURES_MAX);
    assert!(matches!(sign(&signed, &key()), Err(SignatureError::TooMany(9))));
    let many = [&[FORM][..], &[7; 9 * ENTRY_BYTES]].concat();
    let bytes = [component(), custom(SIGNATURE_SECTION, &many)].concat();
    assert!(matches!(signers(&bytes), Err(SignatureError::TooMany(9))));
    let million = [&[FORM][..], &vec![7; 1_000_000 * ENTRY_BYTES]].concat();
    let bytes = [component(), custom(SIGNATURE_SECTION, &million)].concat();
    assert!(matches!(signers(&bytes), Err(SignatureError::TooMany(1_000_000))));
}

#[test]
fn keys_are_in_order_and_each_is_there_once() {
    let (bare, one) = (component(), key());
    let signed = sign(&bare, &one).expect("signed");
    let entry = parts(&signed).expect("whole").entries.remove(0);
    let twice = [&[FORM][..], &entry.key, &entry.signature, &entry.key, &entry.signature].concat();
    let bytes = [bare.clone(), custom(SIGNATURE_SECTION, &twice)].concat();
    assert!(matches!(signers(&bytes), Err(SignatureError::Damaged(_))));
    let both = sign(&signed, &key()).expect("signed");
    let mut entries = parts(&both).expect("whole").entries;
    entries.reverse();
    let bytes = [bare, section(&entries)].concat();
    assert!(matches!(signers(&bytes), Err(SignatureError::Damaged(_))));
}

#[test]
fn a_signature_is_one_number_and_not_that_and_a_multiple() {
    // The order of the base point: a signature plus it is the same to who does not look.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let bare = component();
    let signed = sign(&bare, &key()).expect("signed");
    let mut entries = parts(&signed).expect("whole").entries;
    let mut carry = 0;
    for (digit, more) in entries[0].signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*digit) + u16::from(more) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let other = [bare, section(&entries)].concat();
    assert!(matches!(signers(&other), Err(SignatureError::False(_))));
}

#[test]
fn a_key_of_small_order_is_none() {
    // With these as key and as point, and zero as number, anything would be signed.
    let mut identity = [0; 32];
    identity[0] = 1;
    for point in [identity, [0; 32]] {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&point);
        let bytes = [component(), section(&[Entry { key: point, signature }])].concat();
        assert!(matches!(signers(&bytes), Err(SignatureError::False(_))));
        let text = BASE64_STANDARD.encode(point);
        assert!(matches!(PublicKey::parse(&text), Err(SignatureError::PublicKey(_))), "{text}");
    }
}

#[test]
fn what_is_no_component_is_not_signed() {
    for bytes in [&b""[..], b"\0asm\x01\0\0\0", b"#!/bin/sh\n"] {
        assert!(matches!(sign(bytes, &key()), Err(SignatureError::Package(_))));
        assert!(matches!(signers(bytes), Err(SignatureError::Package(_))));
    }
}

#[test]
fn keys_are_written_and_read() {
    let secret = key();
    let again = SecretKey::from_pem(&secret.to_pem()).expect("what was written");
    let public = again.public("release");
    assert_eq!(public, secret.public("release"));
    assert_eq!(PublicKey::parse(&public.to_string()).expect("what was shown"), public);
    let bare = public.to_string().split_once(':').expect("a name").1.to_owned();
    assert_eq!(PublicKey::parse(&bare).expect("without a name").name(), &bare[..8]);
    // Made by `openssl genpkey -algorithm ed25519`, and its public half by `openssl pkey -pubout`.
    let openssl = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIHE0QjtHl/UP3ptzwyXWOn8ehwuMX6rOML/4Eo08vvRi\n\
                   -----END PRIVATE KEY-----\n";
    let public = SecretKey::from_pem(openssl).expect("as OpenSSL writes it").public("x").to_string();
    assert_eq!(public, "x:7AsaT5tHMuZMnH2kSGzhGc+o3gTAQ6bbsARMPRymYKA=");
    for text in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert!(matches!(SecretKey::from_pem(text), Err(SignatureError::SecretKey)), "{text}");
    }
    for text in ["", "x:", "x:AAAA", "a b:GfqN", "release:hello"] {
        assert!(matches!(PublicKey::parse(text), Err(SignatureError::PublicKey(_))), "{text}");
    }
    let long = |length| PublicKey::parse(&format!("{}:{bare}", "n".repeat(length)));
    assert!(long(NAME_CHARS_MAX).is_ok() && long(NAME_CHARS_MAX + 1).is_err());
    assert!(!format!("{secret:?}").contains(&secret.to_pem()[40..60]));
}
