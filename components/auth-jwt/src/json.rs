//! JSON as a token may have it: no name twice in one object, however it is escaped, and no more depth
//! than anybody needs. Two readers that disagree about a token are how tokens are forged.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Nobody's claims go deeper; what does costs stack.
pub const MAX_DEPTH: usize = 16;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// Nothing.
    Null,
    /// True or false.
    Flag(bool),
    /// Any number.
    Number(f64),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Json>),
    /// Named values, each name once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text; none where it is not JSON, or not of this kind.
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let value = Depth(MAX_DEPTH).deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        Some(value)
    }

    /// What an object has under a name; none where it is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// How much deeper it may go.
struct Depth(usize);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Depth {
    fn within<E: Error>(&self) -> Result<usize, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are times; beyond 2^53 seconds none is meant")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are times; beyond 2^53 seconds none is meant")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let depth = self.within()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Depth(depth))? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let depth = self.within()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = items.next_key::<String>()? {
            members.push((name, items.next_value_seed(Depth(depth))?));
        }
        // Sorted, so that a thousand names cost no million comparisons.
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom("a name twice"));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_once() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"x":[{"a":1,"a":2}]}"#] {
            assert_eq!(Json::read(text.as_bytes()), None, "{text}");
        }
        assert!(Json::read(br#"{"a":{"a":1},"b":{"a":1}}"#).is_some());
    }

    #[test]
    fn it_goes_so_deep_and_no_deeper() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::read(deep(MAX_DEPTH).as_bytes()).is_some());
        assert_eq!(Json::read(deep(MAX_DEPTH + 1).as_bytes()), None);
        assert_eq!(Json::read(deep(10_000).as_bytes()), None);
        let objects = format!("{}1{}", r#"{"a":"#.repeat(MAX_DEPTH + 1), "}".repeat(MAX_DEPTH + 1));
        assert_eq!(Json::read(objects.as_bytes()), None);
    }

    #[test]
    fn all_of_it_is_json_and_nothing_else() {
        for text in [
            &b""[..],
            b"{",
            b"{}x",
            b"{}{}",
            b"NaN",
            b"{'a':1}",
            b"{\"a\":1,}",
            b"\xff",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"1e999",
            b"\xef\xbb\xbf{}",
        ] {
            assert_eq!(Json::read(text), None, "{}", String::from_utf8_lossy(text));
        }
        let read = Json::read(br#" {"t":"x","n":-1.5,"f":true,"z":null,"l":[1]} "#).expect("JSON");
        assert_eq!(read.get("t").and_then(Json::text), Some("x"));
        assert_eq!(read.get("n"), Some(&Json::Number(-1.5)));
        assert_eq!(read.get("l"), Some(&Json::List(vec![Json::Number(1.0)])));
        assert_eq!((read.get("f"), read.get("z")), (Some(&Json::Flag(true)), Some(&Json::Null)));
    }
}
