//! JSON values taken as they come: a value of an unexpected type counts as nothing instead of
//! making the whole record unreadable. Knows JSON, and nothing of sessions.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// Visitor methods that take the values of some types and make nothing of them.
macro_rules! nothing_for {
    ($($kind:ident)*) => { $($crate::loose::nothing_for!(@ $kind);)* };
    (@ scalars) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ strings) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ lists) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (@ objects) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}
pub(crate) use nothing_for;

/// A string, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

/// Whether the value is `true`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl Text<'_> {
    /// Whether it is the string `other`.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.as_deref() == Some(other)
    }

    /// The string, or an empty one.
    pub(crate) fn or_empty(self) -> String {
        self.0.map(Cow::into_owned).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;
        impl<'de> Visitor<'de> for OfText {
            type Value = Text<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            nothing_for!(scalars lists objects);
        }
        deserializer.deserialize_any(OfText)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfFlag;
        impl<'de> Visitor<'de> for OfFlag {
            type Value = Flag;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Flag(value))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Flag(false))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Flag(false))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Flag(false))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Flag(false))
            }
            nothing_for!(strings lists objects);
        }
        deserializer.deserialize_any(OfFlag)
    }
}

/// What `read` makes of `line` as JSON: bytes that are no UTF-8 become U+FFFD, and so do halves of
/// surrogate pairs, which may be why `read` failed and is called a second time.
pub(crate) fn with_json<T>(line: &[u8], read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let json = String::from_utf8_lossy(line);
    read(&json).or_else(|| read(&with_whole_pairs(&json)?))
}

/// `json` with every escape that is half a surrogate pair replaced by that of U+FFFD, which is as
/// long; none where there is no such escape. The client writes these where it cut text in two.
fn with_whole_pairs(json: &str) -> Option<String> {
    let mut halves = Vec::new();
    let mut escapes = memchr::memchr_iter(b'\\', json.as_bytes()).peekable();
    while let Some(at) = escapes.next() {
        if json.as_bytes().get(at + 1) == Some(&b'\\') {
            escapes.next(); // the second of two is no escape
            continue;
        }
        match unit(json, at) {
            Some(0xd800..=0xdbff) if matches!(unit(json, at + 6), Some(0xdc00..=0xdfff)) => {
                escapes.next();
            }
            Some(0xd800..=0xdfff) => halves.push(at),
            _ => {}
        }
    }
    let first = *halves.first()?;
    let mut whole = String::with_capacity(json.len());
    whole.push_str(&json[..first]);
    for (index, at) in halves.iter().enumerate() {
        whole.push_str("\\ufffd");
        whole.push_str(&json[at + 6..halves.get(index + 1).copied().unwrap_or(json.len())]);
    }
    Some(whole)
}

/// The UTF-16 unit that the escape at `at` stands for, if it is of that kind.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Flag, Text, with_json, with_whole_pairs};

    fn flag(json: &str) -> Option<Flag> {
        with_json(json.as_bytes(), |json| serde_json::from_str(json).ok())
    }

    #[test]
    fn takes_every_type_as_it_comes() {
        for json in ["null", "true", "-1", "1", "1.5", "[1,[2]]", r#"{"a":{"b":1}}"#] {
            let text: Text<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(text.0, None, "{json}");
        }
        for json in ["null", "false", "-1", "1", "1.5", r#""true""#, "[true]", r#"{"a":true}"#] {
            assert_eq!(flag(json), Some(Flag(false)), "{json}");
        }
        assert_eq!(flag("true"), Some(Flag(true)));
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for json in ["", "tru", "{", "[1", "\"", "{\"a\":1}}", "nul\0", "\"a\0\""] {
            assert_eq!(flag(json), None, "{json:?}");
        }
    }

    fn read(line: &[u8]) -> Option<String> {
        with_json(line, |json| Some(serde_json::from_str::<Text<'_>>(json).ok()?.or_empty()))
    }

    #[test]
    fn what_is_no_utf8_is_replaced() {
        assert_eq!(read(b"\"a\xffb\xe2\x82\""), Some("a\u{fffd}b\u{fffd}".into()));
    }

    #[test]
    fn halves_of_pairs_are_replaced_and_whole_pairs_kept() {
        assert_eq!(read(br#""a\ud800b""#), Some("a\u{fffd}b".into()));
        assert_eq!(read(br#""\ud83e\udd80 \uDD80\ud83e""#), Some("\u{1f980} \u{fffd}\u{fffd}".into()));
        assert_eq!(read(br#""\ud83e\ud83e\udd80""#), Some("\u{fffd}\u{1f980}".into()));
        assert_eq!(read(br#""\\ud800 \ud800""#), Some("\\ud800 \u{fffd}".into()));
        assert_eq!(read(br#""\\\ud800\"""#), Some("\\\u{fffd}\"".into()));
        assert_eq!(with_whole_pairs(r#""\\ud800 \ud83e\udd80 \u0041""#), None);
        assert_eq!(with_whole_pairs(r"\ud800"), Some("\\ufffd".into()));
        assert_eq!(with_whole_pairs(r"\ud80"), None);
        assert_eq!(with_whole_pairs("\\ud80é"), None);
    }
}
