//! What stands for a text that is not stored: a hash that nobody can try texts against without the key.
//! Owns the hash; where the key lies the host knows.

use std::fmt::Write as _;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::domain::decision::StandIn;

/// The key's length in bytes.
const KEY_BYTES: usize = 16;

/// Hashes with a key of the data folder's own. SipHash-2-4 with 128 bits: a pseudo-random function, so
/// that without the key nothing follows from a hash but which texts are the same.
#[derive(Clone)]
pub struct KeyedHash {
    key: [u8; KEY_BYTES],
}

impl std::fmt::Debug for KeyedHash {
    /// Not the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash")
    }
}

impl KeyedHash {
    /// From the first 32 of a text's hexadecimal digits; none where there are fewer.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.trim().get(..2 * KEY_BYTES)?;
        Some(Self { key: u128::from_str_radix(digits, 16).ok()?.to_be_bytes() })
    }

    /// What stands for a text.
    pub fn stand_in(&self, text: &str) -> StandIn {
        StandIn { hash: self.hash(b"text", [text.as_bytes()]), chars: text.chars().count() as u64 }
    }

    /// What stands for a header's or cookie's value.
    pub fn credential(&self, value: &[u8]) -> String {
        self.hash(b"credential", [value])
    }

    /// What stands for a slot's settings.
    pub fn settings(&self, settings: &[(String, String)]) -> String {
        self.hash(b"settings", settings.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]))
    }

    /// Of the parts and their lengths, under a label: a text and a cookie that are the same do not show it.
    fn hash<'a>(&self, label: &'a [u8], parts: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        for part in std::iter::once(label).chain(parts) {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        let mut hex = String::with_capacity(2 * KEY_BYTES);
        let _ = write!(hex, "{:032x}", hasher.finish128().as_u128());
        hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(digit: &str) -> KeyedHash {
        KeyedHash::from_hex(&digit.repeat(64)).expect("a key")
    }

    #[test]
    fn a_stand_in_is_the_same_for_the_same_text_and_key_only() {
        let one = keyed("1");
        assert_eq!(one.stand_in("größer"), one.stand_in("größer"));
        assert_eq!(one.stand_in("größer").chars, 6);
        assert_eq!(one.stand_in("").hash.len(), 32);
        assert_ne!(one.stand_in("a").hash, one.stand_in("b").hash);
        assert_ne!(one.stand_in("a").hash, keyed("2").stand_in("a").hash);
        assert_ne!(one.stand_in("a").hash, one.credential(b"a"));
    }

    #[test]
    fn settings_differ_by_where_a_name_ends() {
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let one = keyed("1");
        assert_ne!(one.settings(&pair("ab", "c")), one.settings(&pair("a", "bc")));
        assert_ne!(one.settings(&[]), one.settings(&pair("", "")));
    }

    #[test]
    fn a_key_that_is_too_short_is_none() {
        assert!(KeyedHash::from_hex(&"a".repeat(31)).is_none());
        assert!(KeyedHash::from_hex(&"a".repeat(32)).is_some());
        assert!(KeyedHash::from_hex(&"x".repeat(32)).is_none());
        assert!(!format!("{:?}", keyed("a")).contains("aa"));
    }
}
