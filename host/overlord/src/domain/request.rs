//! A request's id: by what the log, the audit log, the program and the client's proxy know it. Owns its
//! form; knows nothing of headers.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The longest that is taken over from a proxy, in characters: a UUID has 36, a trace's id 32.
const CHARACTERS_MAX: usize = 64;

/// The variable in which a program finds the id of the request that it was started for.
pub const REQUEST_ID_VARIABLE: &str = "OVERLORD_REQUEST_ID";

/// The id of a request: 1 to 64 characters of letters, digits, `.`, `_` and `-`, whoever made it, so that
/// it needs no escaping anywhere. Cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A fresh one: a UUID of version 4.
    pub fn fresh() -> Self {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        Self(Arc::from(&*Uuid::new_v4().hyphenated().encode_lower(&mut text)))
    }

    /// One that somebody else made, where it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(sound);
        fits.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_to_64_harmless_characters() {
        for text in ["a", "A-b_c.9", &"x".repeat(CHARACTERS_MAX)] {
            assert_eq!(RequestId::parse(text).as_ref().map(RequestId::as_str), Some(text));
        }
        let too_long = "x".repeat(CHARACTERS_MAX + 1);
        for text in ["", &too_long, "a b", "a\n", "a/b", "a=b", "a\"", "\u{e9}", "a\u{7f}", "a,b"] {
            assert_eq!(RequestId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_fresh_one_is_a_uuid_of_its_own() {
        let (one, other) = (RequestId::fresh(), RequestId::fresh());
        assert_ne!(one, other);
        assert_eq!(RequestId::parse(one.as_str()), Some(one.clone()));
        assert_eq!(Uuid::parse_str(one.as_str()).map(|id| id.get_version_num()), Ok(4));
    }
}
