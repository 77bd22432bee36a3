//! Reads JSON where it lies, a value at a time: what nobody asks for is checked and passed over,
//! and text is decoded only when it is wanted. Knows nothing of sessions.
//!
//! A parser of our own beside `serde_json`, which the tests hold it against: that one looks for the
//! end of a string word by word, and a word of wasm32 is four bytes. This one looks at sixteen, and
//! takes what was cut or damaged in a string (halves of surrogate pairs, bytes that are no UTF-8) as
//! U+FFFD instead of giving the line up. Its depth is bounded by memory alone, a byte a level.

pub(crate) use text::{Text, text_of};

mod text;

/// The text is no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

/// Where a reader is.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    json: &'a [u8],
    at: usize,
    /// For each list or object around what is passed over: how it ends. Kept for the next one.
    open: Vec<u8>,
}

impl<'a> Cursor<'a> {
    /// At the beginning.
    pub(crate) fn new(json: &'a [u8]) -> Self {
        Self { json, at: 0, open: Vec::new() }
    }

    /// The first byte of what comes next, after white space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.json.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Nothing may come any more.
    pub(crate) fn end(&mut self) -> Result<(), NotJson> {
        if self.peek().is_none() { Ok(()) } else { Err(NotJson) }
    }

    /// Hands every key of an object to `entry`, which must read the value; passes any other value
    /// over.
    pub(crate) fn object(
        &mut self,
        mut entry: impl FnMut(&mut Self, Text<'a>) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        if self.peek() != Some(b'{') {
            return self.skip().map(drop);
        }
        self.at += 1;
        if self.taken(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            entry(self, key)?;
            if self.taken(b'}') {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    /// Calls `item`, which must read the value, for every one of a list; passes any other value
    /// over.
    pub(crate) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        if self.peek() != Some(b'[') {
            return self.skip().map(drop);
        }
        self.at += 1;
        if self.taken(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.taken(b']') {
                return Ok(());
            }
            self.take(b',')?;
        }
    }

    /// A string; none where the value is another.
    pub(crate) fn text(&mut self) -> Result<Option<Text<'a>>, NotJson> {
        if self.peek() == Some(b'"') { self.string().map(Some) } else { self.skip().map(|_| None) }
    }

    /// Whether the value is `true`.
    pub(crate) fn flag(&mut self) -> Result<bool, NotJson> {
        Ok(self.skip()? == b"true")
    }

    /// The next value as it is written, checked to its end.
    pub(crate) fn skip(&mut self) -> Result<&'a [u8], NotJson> {
        let first = self.peek().ok_or(NotJson)?;
        let start = self.at;
        self.open.clear();
        let mut next = first;
        loop {
            match next {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    self.at += 1;
                    let close = next + 2; // in ASCII, `}` and `]` come two after what they close
                    if !self.taken(close) {
                        if next == b'{' {
                            self.key()?;
                        }
                        self.open.push(close);
                        next = self.peek().ok_or(NotJson)?;
                        continue;
                    }
                }
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => self.number()?,
            }
            while let Some(close) = self.open.last().copied() {
                if !self.taken(close) {
                    break;
                }
                self.open.pop();
            }
            let Some(close) = self.open.last().copied() else { return Ok(&self.json[start..self.at]) };
            self.take(b',')?;
            if close == b'}' {
                self.key()?;
            }
            next = self.peek().ok_or(NotJson)?;
        }
    }

    fn taken(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn take(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.taken(byte) { Ok(()) } else { Err(NotJson) }
    }

    fn key(&mut self) -> Result<Text<'a>, NotJson> {
        self.peek();
        let key = self.string()?;
        self.take(b':')?;
        Ok(key)
    }

    fn string(&mut self) -> Result<Text<'a>, NotJson> {
        let (text, end) = Text::at(self.json, self.at)?;
        self.at = end;
        Ok(text)
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), NotJson> {
        if !self.json[self.at..].starts_with(literal) {
            return Err(NotJson);
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.at += usize::from(self.json.get(self.at) == Some(&b'-'));
        if self.json.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.json.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.json.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.json.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let count = self.json[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(NotJson) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Cursor, NotJson};
    use crate::tests::Random;

    fn whole(json: &[u8]) -> Result<(), NotJson> {
        let mut cursor = Cursor::new(json);
        cursor.skip()?;
        cursor.end()
    }

    #[test]
    fn takes_what_is_json_and_nothing_else() {
        for json in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "10",
            "1.5",
            "-1.5e+3",
            "1E9",
            "1e999",
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[1,[2,{}],\"]\"]",
            " {\"a\" : {\"b\":[1 , 2]} }\r\n",
            "\"\\u00e9\\\"\\/\"",
            "\"\u{7f}\"",
        ] {
            assert_eq!(whole(json.as_bytes()), Ok(()), "{json}");
        }
        for json in [
            "",
            " ",
            "nul",
            "nulll",
            "truefalse",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e+",
            "[",
            "]",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\":1]",
            "[1}",
            "{}}",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u123\"",
            "\"\\u+123\"",
            "\"a\nb\"",
            "\"\0\"",
            "'a'",
            "NaN",
            "\0",
        ] {
            assert_eq!(whole(json.as_bytes()), Err(NotJson), "{json:?}");
        }
    }

    #[test]
    fn agrees_with_serde_on_what_is_json() {
        let mut random = Random::new(5);
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u00", "1", "0", "-", ".", "e", "true", "null",
            "\"a\"", "\"a\":", " ", "\n", "\u{1}", "é", "{}", "[]",
        ];
        let mut good = 0;
        for _ in 0..200_000 {
            let json: String = (0..=random.below(9)).map(|_| *random.of(&pieces)).collect();
            let expected = serde_json::from_str::<Value>(&json).is_ok();
            good += usize::from(expected);
            assert_eq!(whole(json.as_bytes()).is_ok(), expected, "{json:?}");
        }
        assert!(good > 2_000, "too few of them are JSON: {good}");
    }
}
