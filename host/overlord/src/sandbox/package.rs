//! Module to component, and what a file of either kind says of itself. Owns the custom section in
//! which a component carries its cases; knows nothing of engines or slots.

use std::borrow::Cow;
use std::ops::Range;

use sha2::{Digest as _, Sha256};
use wasm_encoder::{ComponentSection as _, CustomSection, Encode as _};
use wasmparser::{Encoding, Parser, Payload};

use super::signature::SIGNATURE_SECTION;

/// The custom section that holds a component's cases: case files one after another, as TOML.
pub const CASES_SECTION: &str = "overlord:cases";

/// The largest component file that is looked at. One written in Python takes 18 MB, one in
/// JavaScript 12 MB.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// What a component begins with: the magic number and the version.
const PREAMBLE_BYTES: usize = 8;

/// The SHA-256 of a component's file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its first eight bytes as a number, to spread things by.
    pub fn first_number(&self) -> u64 {
        let first = self.0.first_chunk().expect("there are 32");
        u64::from_be_bytes(*first)
    }

    /// Reads the 64 hexadecimal digits, lower case; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut digest = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != digest.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(digest))
    }

    /// The first 12 hexadecimal digits: enough to tell one's own files apart.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let mut text = [0; 64];
        text.iter_mut().zip(digits).for_each(|(place, digit)| *place = DIGITS[usize::from(digit)]);
        f.write_str(std::str::from_utf8(&text).expect("digits are text"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a digest has 64 hexadecimal digits"))
    }
}

/// Why a file is no component, or cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Neither a module nor a component.
    #[error("this is no WebAssembly: {0}")]
    NotWasm(String),
    /// A component where a module was expected.
    #[error("this is a component already; use it as it is, or say --cases to put cases into it")]
    AlreadyComponent,
    /// A component whose signatures would not be of it any more.
    #[error("this component is signed, and what is put into it now nobody signed; do that before signing it")]
    Signed,
    /// A module where a component was expected.
    #[error(
        "this is a core module, not a component; `overlord component new FILE -o NAME.wasm` makes it one"
    )]
    CoreModule,
    /// The module does not say for which world it was built, or does not keep to it.
    #[error(
        "cannot make a component of this module: {0}; it must be built with the bindings of one of the worlds in wit/, for wasm32-unknown-unknown"
    )]
    Encode(String),
    /// The section that carries the cases is not text.
    #[error("the custom section `{CASES_SECTION}` is not UTF-8")]
    Cases,
}

/// Makes a component of a core module that carries its world's description, as the bindings
/// generators leave it there, and puts `cases` into it. A finished component, as other languages' tools
/// write it, takes them in the place of those that it carries.
pub fn component_of(module: &[u8], cases: Option<&str>) -> Result<Vec<u8>, PackageError> {
    let mut component = match (encoding(module)?, cases) {
        (Encoding::Component, None) => return Err(PackageError::AlreadyComponent),
        (Encoding::Component, Some(_)) => without_cases(module)?,
        (Encoding::Module, _) => wit_component::ComponentEncoder::default()
            .validate(true)
            .module(module)
            .and_then(|mut encoder| encoder.encode())
            .map_err(|error| PackageError::Encode(format!("{error:#}")))?,
    };
    if let Some(cases) = cases {
        // Before everything else: what is cut off, once enough is there for it to be a component at
        // all, is never the cases.
        let section =
            CustomSection { name: Cow::Borrowed(CASES_SECTION), data: Cow::Borrowed(cases.as_bytes()) };
        let mut first = vec![section.id()];
        section.encode(&mut first);
        component.splice(PREAMBLE_BYTES..PREAMBLE_BYTES, first);
    }
    Ok(component)
}

/// A component without the section that carries cases.
fn without_cases(component: &[u8]) -> Result<Vec<u8>, PackageError> {
    let mut rest = component[..PREAMBLE_BYTES].to_vec();
    for section in sections(component) {
        let (payload, whole) = section?;
        match &payload {
            Payload::CustomSection(section) if section.name() == SIGNATURE_SECTION => {
                return Err(PackageError::Signed);
            }
            Payload::CustomSection(section) if section.name() == CASES_SECTION => {}
            _ => rest.extend_from_slice(&component[whole]),
        }
    }
    Ok(rest)
}

/// The cases that a component carries, one TOML text; none where it has no such section.
pub fn cases_of(component: &[u8]) -> Result<Option<String>, PackageError> {
    for section in sections(component) {
        if let (Payload::CustomSection(section), _) = section?
            && section.name() == CASES_SECTION
        {
            return String::from_utf8(section.data().to_vec()).map(Some).map_err(|_| PackageError::Cases);
        }
    }
    Ok(None)
}

/// A component's own sections, not those of what is nested in it, each with all of its bytes.
fn sections(component: &[u8]) -> impl Iterator<Item = Result<(Payload<'_>, Range<usize>), PackageError>> {
    let (mut depth, mut end) = (0_u32, PREAMBLE_BYTES);
    Parser::new(0).parse_all(component).filter_map(move |payload| {
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => return Some(Err(PackageError::NotWasm(error.to_string()))),
        };
        let own = depth == 0;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        let (_, content) = payload.as_section().filter(|_| own)?;
        let whole = std::mem::replace(&mut end, content.end)..content.end;
        Some(Ok((payload, whole)))
    })
}

/// Refuses what is not a component.
pub fn expect_component(bytes: &[u8]) -> Result<(), PackageError> {
    match encoding(bytes)? {
        Encoding::Component => Ok(()),
        Encoding::Module => Err(PackageError::CoreModule),
    }
}

fn encoding(bytes: &[u8]) -> Result<Encoding, PackageError> {
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        // The parser shows the bytes that it found on lines of their own.
        Some(Err(_)) => {
            Err(PackageError::NotWasm("it does not begin as a module or component does".to_owned()))
        }
        _ => Err(PackageError::NotWasm("it is empty".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::signature::{SecretKey, sign};
    use super::*;

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn what_is_no_wasm_says_so() {
        assert!(matches!(expect_component(b""), Err(PackageError::NotWasm(_))));
        assert!(matches!(expect_component(b"#!/bin/sh\n"), Err(PackageError::NotWasm(_))));
        assert!(matches!(expect_component(EMPTY_MODULE), Err(PackageError::CoreModule)));
    }

    #[test]
    fn a_component_carries_its_cases() {
        let component =
            component_of(EMPTY_MODULE, Some("[[case]]\n")).expect("an empty module is a component");
        expect_component(&component).expect("a component");
        assert_eq!(cases_of(&component).expect("readable").as_deref(), Some("[[case]]\n"));
        let bare = component_of(EMPTY_MODULE, None).expect("an empty module is a component");
        assert_eq!(cases_of(&bare).expect("readable"), None);
        assert!(matches!(component_of(&component, None), Err(PackageError::AlreadyComponent)));
    }

    #[test]
    fn a_finished_component_takes_cases_in_the_place_of_its_own_and_nothing_else_changes() {
        let bare = component_of(EMPTY_MODULE, None).expect("an empty module is a component");
        let first = component_of(&bare, Some("[[case]]\n")).expect("it takes them");
        assert_eq!(first, component_of(EMPTY_MODULE, Some("[[case]]\n")).expect("the same at once"));
        let second = component_of(&first, Some("# none\n")).expect("it takes others");
        assert_eq!(cases_of(&second).expect("readable").as_deref(), Some("# none\n"));
        assert_eq!(without_cases(&second).expect("readable"), bare);
        assert!(component_of(&first[..first.len() - 1], Some("")).is_err(), "it is cut off");
        let key = SecretKey::generate().expect("the system has randomness");
        let signed = sign(&first, &key).expect("it can be signed");
        assert!(matches!(component_of(&signed, Some("")), Err(PackageError::Signed)));
    }

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.short(), "ba7816bf8f01");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        let text = digest.to_string();
        for other in ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &text.replace('b', "g")] {
            assert_eq!(Digest::parse(other), None, "{other:?}");
        }
    }
}
