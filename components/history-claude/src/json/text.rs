//! A string as JSON writes it: where it ends and what it says. Looks at sixteen bytes in one step.

use std::borrow::Cow;

use wide::u8x16;

use super::NotJson;

/// Bytes looked at in one step.
const STEP: usize = 16;

/// A string as JSON writes it, without its quotation marks; its escapes are well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    has_escapes: bool,
}

impl<'a> Text<'a> {
    /// The string whose opening quotation mark is at `at`, and where what comes after it is.
    #[inline]
    pub(super) fn at(json: &'a [u8], at: usize) -> Result<(Self, usize), NotJson> {
        if json.get(at) != Some(&b'"') {
            return Err(NotJson);
        }
        let start = at + 1;
        let mut at = start;
        let mut has_escapes = false;
        loop {
            at = special(json, at);
            match json.get(at) {
                Some(b'"') => return Ok((Self { raw: &json[start..at], has_escapes }, at + 1)),
                Some(b'\\') => {
                    has_escapes = true;
                    at += match json.get(at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                        Some(b'u') if unit(&json[at..]).is_some() => 6,
                        _ => return Err(NotJson),
                    };
                }
                _ => return Err(NotJson), // a control character, or no end
            }
        }
    }

    /// Whether it says `plain`, in whatever spelling.
    pub(crate) fn is(&self, plain: &str) -> bool {
        &*self.bytes() == plain.as_bytes()
    }

    /// The bytes of what it says, which need be no UTF-8: to be matched against names.
    pub(crate) fn bytes(&self) -> Cow<'a, [u8]> {
        if self.has_escapes { unescape(self.raw).into() } else { self.raw.into() }
    }

    /// What it says.
    pub(crate) fn decode(&self) -> String {
        text_of(self.bytes().into_owned())
    }
}

/// `bytes` as text, what is no UTF-8 as U+FFFD.
pub(crate) fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The first byte from `at` on that ends a string or means something within it: a quotation mark, a
/// backslash, a control character.
#[inline]
fn special(json: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(block) = json.get(at..).and_then(<[u8]>::first_chunk::<STEP>) {
        let bytes = u8x16::from(*block);
        let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
        let hits = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control;
        let hits = hits.to_bitmask();
        if hits != 0 {
            return at + hits.trailing_zeros() as usize;
        }
        at += STEP;
    }
    let rest = json.get(at..).unwrap_or_default();
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    at + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// `raw`, whose escapes are well-formed, without them: copied in steps, of which an escape cuts one
/// short.
fn unescape(raw: &[u8]) -> Vec<u8> {
    // What an escape stands for is never longer than the escape; a step may write beyond what it keeps.
    let mut plain = vec![0; raw.len() + STEP];
    let (mut from, mut to) = (0, 0);
    while from < raw.len() {
        if let Some(block) = raw[from..].first_chunk::<STEP>() {
            plain[to..to + STEP].copy_from_slice(block);
            let escapes = u8x16::from(*block).simd_eq(u8x16::splat(b'\\')).to_bitmask();
            let kept = (escapes | 1 << STEP).trailing_zeros() as usize;
            from += kept;
            to += kept;
            if kept == STEP {
                continue;
            }
        } else if raw[from] != b'\\' {
            plain[to] = raw[from];
            from += 1;
            to += 1;
            continue;
        }
        if let Some(byte) = raw.get(from + 1).copied().and_then(short_escape) {
            plain[to] = byte;
            from += 2;
            to += 1;
        } else {
            let (char, length) = escaped_unit(&raw[from..]);
            to += char.encode_utf8(&mut plain[to..]).len();
            from += length;
        }
    }
    plain.truncate(to);
    plain
}

/// What a backslash and `letter` stand for, unless that is an escape by number.
fn short_escape(letter: u8) -> Option<u8> {
    match letter {
        b'n' => Some(b'\n'),
        b't' => Some(b'\t'),
        b'r' => Some(b'\r'),
        b'b' => Some(8),
        b'f' => Some(12),
        b'u' => None,
        itself => Some(itself),
    }
}

/// What the escapes by number at the beginning of `raw` stand for, and how long they are.
fn escaped_unit(raw: &[u8]) -> (char, usize) {
    let pair = [unit(raw), raw.get(6..).and_then(unit)].map(Option::unwrap_or_default);
    let mut chars = char::decode_utf16(pair);
    match chars.next() {
        Some(Ok(char)) => (char, 6 * char.len_utf16()),
        // Half a pair: the client cut text in two.
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The UTF-16 unit of an escape of the form `\u0000` at the beginning of `raw`.
fn unit(raw: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = raw.first_chunk::<6>()? else { return None };
    digits.iter().try_fold(0, |unit: u16, digit| {
        let digit = u16::try_from(char::from(*digit).to_digit(16)?).ok()?;
        Some(unit << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{STEP, Text};

    fn text(json: &str) -> Option<String> {
        let (text, end) = Text::at(json.as_bytes(), 0).ok()?;
        assert_eq!(end, json.len());
        Some(text.decode())
    }

    #[test]
    fn decodes_every_escape() {
        assert_eq!(text(r#""\"\\\/\b\f\n\r\t\u00e9\u0000""#).unwrap(), "\"\\/\u{8}\u{c}\n\r\té\0");
        assert_eq!(text(r#""\ud83e\udd80 \uD83E\uDD80""#).unwrap(), "\u{1f980} \u{1f980}");
    }

    #[test]
    fn halves_of_pairs_become_replacements() {
        for (json, plain) in [
            (r#""a\ud800b""#, "a\u{fffd}b"),
            (r#""\udd80\ud83e""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83e\ud83e\udd80""#, "\u{fffd}\u{1f980}"),
            (r#""\ud83e\n\udd80""#, "\u{fffd}\n\u{fffd}"),
            (r#""\\ud800 \ud800""#, "\\ud800 \u{fffd}"),
            (r#""\\\ud800\"""#, "\\\u{fffd}\""),
            (r#""\ud800\u0041""#, "\u{fffd}A"),
        ] {
            assert_eq!(text(json).as_deref(), Some(plain), "{json}");
        }
    }

    #[test]
    fn what_is_no_utf8_is_replaced() {
        for json in [&b"\"a\xffb\xe2\x82\""[..], b"\"\\u0061\xffb\xe2\x82\""] {
            let (text, _) = Text::at(json, 0).unwrap();
            assert_eq!(text.decode(), "a\u{fffd}b\u{fffd}");
        }
    }

    #[test]
    fn a_string_ends_where_it_ends_wherever_that_is() {
        for before in 0..3 * STEP {
            for after in 0..2 * STEP {
                for (escape, plain) in [("", ""), ("\\n", "\n"), ("\\u00e9", "é"), ("日", "日")] {
                    let (a, b) = ("a".repeat(before), "b".repeat(after));
                    let json = format!("\"{a}{escape}{b}\"");
                    assert_eq!(text(&json), Some(format!("{a}{plain}{b}")));
                    assert_eq!(text(json.trim_end_matches('"')), None);
                    assert_eq!(text(&json.replacen('b', "\u{1f}", 1)).is_none(), after > 0);
                }
            }
        }
    }

    #[test]
    fn compares_in_any_spelling() {
        let of = |raw: &'static str| Text { raw: raw.as_bytes(), has_escapes: raw.contains('\\') };
        assert!(of("type").is("type") && of(r"t\u0079pe").is("type"));
        assert!(!of("types").is("type") && !of(r"t\u0079p").is("type"));
    }
}
