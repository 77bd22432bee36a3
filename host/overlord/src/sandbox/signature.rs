//! Who vouches for a component: ed25519 signatures in a custom section at the end of its file, and the
//! keys with which they are made. Knows no slot and no configuration: what must be signed is `trust`'s.
//!
//! What is signed is the SHA-256 of everything before the section, its cases and whatever lies nested
//! in it included. There is one way to write a section: whoever changes a byte of it has broken it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_compact::{KeyPair, Seed};
use sha2::{Digest as _, Sha256};
use wasm_encoder::{ComponentSection as _, CustomSection, Encode as _};
use wasmparser::BinaryReader;

use super::package::{self, PackageError};

/// The custom section that holds a component's signatures, as the last of its file.
pub const SIGNATURE_SECTION: &str = "overlord:signature";

/// The most signatures in one file: a developer's, a build's, a reviewer's and their successors'. Each
/// costs a tenth of a millisecond before anything is known of the file.
pub const SIGNATURES_MAX: usize = 8;

/// The form of the section: what its first byte says.
const FORM: u8 = 1;

/// What stands before the hash in a signed message, so that a key which signs other things too signs
/// no component by that.
const CONTEXT: &[u8] = b"overlord component signature 1\n";

/// A public key and the signature behind it.
const ENTRY_BYTES: usize = KEY_BYTES + ed25519_compact::Signature::BYTES;

const KEY_BYTES: usize = ed25519_compact::PublicKey::BYTES;

/// What a component begins with: the magic number and the version.
const PREAMBLE_BYTES: usize = 8;

/// The longest name of a key: it stands in messages.
const NAME_CHARS_MAX: usize = 64;

/// The longest file that is read as a secret key: one has 119 bytes, with remarks around it.
const PEM_BYTES_MAX: usize = 16 << 10;

/// A key that signatures are checked with, and what it is called.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: [u8; KEY_BYTES],
}

/// A key that signs. It is never shown.
pub struct SecretKey(KeyPair);

/// Who signed a component, each signature checked: raw public keys in the order of the section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers(Vec<[u8; KEY_BYTES]>);

/// Why signatures cannot be believed, or not be made.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// No component.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The section is not as it is written.
    #[error("its section `{SIGNATURE_SECTION}` is damaged: {0}")]
    Damaged(&'static str),
    /// There is something behind the section.
    #[error(
        "its section `{SIGNATURE_SECTION}` is not the last of the file, so nobody signed what stands behind it"
    )]
    NotLast,
    /// More than are looked at.
    #[error("it has {0} signatures, and a component may have {SIGNATURES_MAX}")]
    TooMany(usize),
    /// A signature of something else.
    #[error(
        "its signature by the key {0} is not one of these bytes: the file was changed after it was signed, or the signature was taken from another"
    )]
    False(String),
    /// No public key.
    #[error("it is no public key: {0}; `overlord component keygen` prints one")]
    PublicKey(&'static str),
    /// No secret key.
    #[error("it is no ed25519 secret key in PEM (PKCS#8); `overlord component keygen` makes one")]
    SecretKey,
}

impl PublicKey {
    /// Reads `NAME:BASE64`, or `BASE64` alone, whose name then are its first digits.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let (name, digits) = text.rsplit_once(':').unwrap_or(("", text));
        let bytes = BASE64_STANDARD
            .decode(digits.trim())
            .map_err(|_| SignatureError::PublicKey("what it says is not base64"))?;
        let key: [u8; KEY_BYTES] =
            bytes.try_into().map_err(|_| SignatureError::PublicKey("it does not have 32 bytes"))?;
        // A key of small order verifies the same signature for many messages.
        ed25519_compact::PublicKey::new(key)
            .validate()
            .map_err(|_| SignatureError::PublicKey("no secret key belongs to these bytes"))?;
        let name = if name.is_empty() { digits.chars().take(8).collect() } else { name.to_owned() };
        let plain = |c: char| c.is_alphanumeric() || "-_.@/+".contains(c);
        if name.chars().count() > NAME_CHARS_MAX || !name.chars().all(plain) {
            return Err(SignatureError::PublicKey("its name is not 1 to 64 letters, digits or -_.@"));
        }
        Ok(Self { name, key })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same key under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, BASE64_STANDARD.encode(self.key))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl SecretKey {
    /// A new one. Fails where the system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = [0; Seed::BYTES];
        getrandom::fill(&mut seed)?;
        Ok(Self(KeyPair::from_seed(Seed::new(seed))))
    }

    /// Reads one as `openssl genpkey -algorithm ed25519` writes it too.
    pub fn from_pem(text: &str) -> Result<Self, SignatureError> {
        if text.len() > PEM_BYTES_MAX {
            return Err(SignatureError::SecretKey);
        }
        KeyPair::from_pem(text).map(Self).map_err(|_| SignatureError::SecretKey)
    }

    /// As it is kept in a file.
    pub fn to_pem(&self) -> String {
        self.0.sk.to_pem()
    }

    /// Its other half.
    pub fn public(&self, name: &str) -> PublicKey {
        PublicKey { name: name.to_owned(), key: *self.0.pk }
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

impl Signers {
    /// Which of these keys is among them; the first, as they are listed.
    pub fn known<'a>(&self, keys: &'a [PublicKey]) -> Option<&'a PublicKey> {
        keys.iter().find(|key| self.0.contains(&key.key))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them in base64, those that are listed with their names.
    pub fn shown(&self, keys: &[PublicKey]) -> Vec<String> {
        let name = |key: &[u8; KEY_BYTES]| keys.iter().find(|listed| listed.key == *key);
        let text = |key: &[u8; KEY_BYTES]| {
            name(key).map_or_else(|| BASE64_STANDARD.encode(key), PublicKey::to_string)
        };
        self.0.iter().map(text).collect()
    }
}

/// The component with a signature by `key`, besides those that it has. One by the same key is made
/// anew. Fails where it carries a signature that is false: who signs it again should see that first.
pub fn sign(component: &[u8], key: &SecretKey) -> Result<Vec<u8>, SignatureError> {
    package::expect_component(component)?;
    let Parts { signed, mut entries } = parts(component)?;
    check(signed, &entries)?;
    let signature = key.0.sk.sign(message(signed), None);
    entries.retain(|entry| entry.key != *key.0.pk);
    entries.push(Entry { key: *key.0.pk, signature: *signature });
    if entries.len() > SIGNATURES_MAX {
        return Err(SignatureError::TooMany(entries.len()));
    }
    entries.sort_by_key(|entry| entry.key);
    Ok([signed, &section(&entries)].concat())
}

/// Who signed a component; nobody, where it has no signature.
pub fn signers(component: &[u8]) -> Result<Signers, SignatureError> {
    package::expect_component(component)?;
    let Parts { signed, entries } = parts(component)?;
    check(signed, &entries)?;
    Ok(Signers(entries.into_iter().map(|entry| entry.key).collect()))
}

/// A file taken apart.
struct Parts<'a> {
    /// Everything before the section.
    signed: &'a [u8],
    entries: Vec<Entry>,
}

struct Entry {
    key: [u8; KEY_BYTES],
    signature: [u8; ed25519_compact::Signature::BYTES],
}

/// Goes from section to section of the outermost component; what is nested has no say.
fn parts(component: &[u8]) -> Result<Parts<'_>, SignatureError> {
    let cut_off = |_| PackageError::NotWasm("a section is cut off".to_owned());
    let mut reader = BinaryReader::new(component, 0);
    reader.read_bytes(PREAMBLE_BYTES).map_err(cut_off)?;
    while !reader.eof() {
        let start = reader.original_position();
        let kind = reader.read_u8().map_err(cut_off)?;
        let size = reader.read_var_u32().map_err(cut_off)?;
        let body = reader.read_bytes(size as usize).map_err(cut_off)?;
        let mut content = BinaryReader::new(body, 0);
        // A name that is none is the compiler's to refuse.
        if kind != 0 || content.read_string().ok() != Some(SIGNATURE_SECTION) {
            continue;
        }
        if !reader.eof() {
            return Err(SignatureError::NotLast);
        }
        let entries = entries(&body[content.original_position()..])?;
        if component[start..] != section(&entries) {
            return Err(SignatureError::Damaged("it is not written as it should be"));
        }
        return Ok(Parts { signed: &component[..start], entries });
    }
    Ok(Parts { signed: component, entries: Vec::new() })
}

fn entries(content: &[u8]) -> Result<Vec<Entry>, SignatureError> {
    let Some((&FORM, rest)) = content.split_first() else {
        return Err(SignatureError::Damaged("it does not begin as this host writes it"));
    };
    let (all, rest) = rest.as_chunks::<ENTRY_BYTES>();
    if all.is_empty() || !rest.is_empty() {
        return Err(SignatureError::Damaged("it does not hold whole signatures"));
    }
    if all.len() > SIGNATURES_MAX {
        return Err(SignatureError::TooMany(all.len()));
    }
    let entries: Vec<Entry> = all
        .iter()
        .map(|entry| {
            let (key, signature) = entry.split_at(KEY_BYTES);
            Entry {
                key: key.try_into().expect("an entry begins with a key"),
                signature: signature.try_into().expect("the rest of an entry is a signature"),
            }
        })
        .collect();
    if !entries.is_sorted_by(|one, next| one.key < next.key) {
        return Err(SignatureError::Damaged("its keys are not in order, each once"));
    }
    Ok(entries)
}

fn section(entries: &[Entry]) -> Vec<u8> {
    let mut data = vec![FORM];
    for entry in entries {
        data.extend(entry.key);
        data.extend(entry.signature);
    }
    let section = CustomSection { name: Cow::Borrowed(SIGNATURE_SECTION), data: Cow::Owned(data) };
    let mut bytes = vec![section.id()];
    section.encode(&mut bytes);
    bytes
}

/// Every signature must hold, whoever made it: a false one says that somebody has been at the file.
fn check(signed: &[u8], entries: &[Entry]) -> Result<(), SignatureError> {
    if entries.is_empty() {
        return Ok(());
    }
    let message = message(signed);
    for entry in entries {
        // Keys and points of small order and numbers that are not reduced are refused by this.
        ed25519_compact::PublicKey::new(entry.key)
            .verify(&message, &ed25519_compact::Signature::new(entry.signature))
            .map_err(|_| SignatureError::False(BASE64_STANDARD.encode(entry.key)))?;
    }
    Ok(())
}

fn message(signed: &[u8]) -> Vec<u8> {
    [CONTEXT, Sha256::digest(signed).as_slice()].concat()
}

#[cfg(test)]
mod tests;
