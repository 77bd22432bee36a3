//! Finds the lines that may be messages, at the speed of memory. Knows the two type names of
//! messages and how JSON can spell them; parses nothing.
//!
//! Most bytes of a session file are records that no reader wants, tens of kilobytes each. A line
//! is worth parsing only if its `type` can be `user` or `assistant`, and JSON has few ways to write
//! that: literally as `"type":"user"` with white space around the colon, or with an escape such as
//! `\u0074` for one of the letters, which begins with `\u006` or `\u007`. A line that contains
//! neither is no message wherever its keys stand and however often. A line that does contain one
//! may still be anything: whoever parses it decides. So the filter can cost time, and never
//! changes a result.

use memchr::{memchr, memrchr};
use wide::u8x16;

/// Bytes looked at in one step.
const STEP: usize = 16;

/// How far a step looks beyond its own bytes: to the closing quotation mark of `"assistant"`.
const AHEAD: usize = 10;

/// The last bytes of a piece of text that a look at the next piece must begin with, so that nothing
/// across the border is missed.
pub const OVERLAP: usize = AHEAD;

/// The lines of `text`, which begins with one and ends with a line end, that may be messages.
#[derive(Debug)]
pub struct Candidates<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Candidates<'a> {
    /// Nothing is looked at before the first call of `next`.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Candidates<'_> {
    /// Where the line begins, and where the next one does.
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let mut from = self.at;
        let hit = loop {
            let hit = find(self.text, from)?;
            if is_type_value(self.text, hit) {
                break hit;
            }
            from = hit + 1;
        };
        let start = memrchr(b'\n', &self.text[self.at..hit]).map_or(self.at, |end| self.at + end + 1);
        let end = memchr(b'\n', &self.text[hit..]).map_or(self.text.len(), |end| hit + end + 1);
        self.at = end;
        Some((start, end))
    }
}

/// Whether `piece`, some part of a line, gives reason to look at the whole line. Pieces of a line
/// must overlap by [`OVERLAP`] bytes.
pub fn is_suspicious(piece: &[u8]) -> bool {
    find(piece, 0).is_some()
}

/// Where, from `from` on, the next string `"user"` or `"assistant"` begins, or an escape that could
/// stand for one of their letters or for one of `type`.
fn find(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<{ STEP + AHEAD }>) {
        let mut hits = hits(block);
        while hits != 0 {
            let hit = at + hits.trailing_zeros() as usize;
            if is_hit(&text[hit..]) {
                return Some(hit);
            }
            hits &= hits - 1;
        }
        at += STEP;
    }
    (at.min(text.len())..text.len()).find(|at| is_hit(&text[*at..]))
}

/// One bit for each of the first [`STEP`] bytes of `block` where [`is_hit`] may be true: it looks at
/// the quotation marks and the `s` of `"user"` and `"assistant"`, and at the backslash, the first
/// `0` and the digit of an escape.
#[inline]
fn hits(block: &[u8; STEP + AHEAD]) -> u32 {
    let from = |offset: usize| {
        let mut bytes = [0; STEP];
        bytes.copy_from_slice(&block[offset..offset + STEP]);
        u8x16::from(bytes)
    };
    let is = |bytes: u8x16, byte: u8| bytes.simd_eq(u8x16::splat(byte));
    let (first, third) = (from(0), from(2));
    let closed = is(from(5), b'"') | is(from(10), b'"');
    let names = is(first, b'"') & is(third, b's') & closed;
    let digits = is(from(4) | u8x16::splat(1), b'7'); // 6 or 7
    let escapes = is(first, b'\\') & is(third, b'0') & digits;
    (names | escapes).to_bitmask()
}

fn is_hit(text: &[u8]) -> bool {
    text.starts_with(br#""user""#)
        || text.starts_with(br#""assistant""#)
        || text.starts_with(br"\u006")
        || text.starts_with(br"\u007")
}

/// Whether the hit at `hit` is the value of a key `type`, or an escape.
fn is_type_value(text: &[u8], hit: usize) -> bool {
    let before = without_space(&text[..hit]);
    text[hit] == b'\\'
        || before.strip_suffix(b":").is_some_and(|before| without_space(before).ends_with(br#""type""#))
}

/// `text` without JSON's white space at its end, on this line.
fn without_space(text: &[u8]) -> &[u8] {
    let spaces = text.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    &text[..text.len() - spaces]
}

#[cfg(test)]
mod tests {
    use super::{AHEAD, Candidates, OVERLAP, STEP, find, is_hit, is_suspicious};

    fn lines(text: &str) -> Vec<&str> {
        Candidates::new(text.as_bytes()).map(|(start, end)| &text[start..end]).collect()
    }

    #[test]
    fn finds_messages_and_nothing_else() {
        let file = concat!(
            "{\"type\":\"queue-operation\"}\n",
            "{\"a\":1,\"type\":\"user\"}\n",
            "\n",
            "{\"type\":\"attachment\",\"role\":\"user\",\"uuid\":\"assistant\"}\n",
            "{\"type\":\"assistant\",\"type\":\"user\"}\n",
            "{\"text\":\"\\\"type\\\":\\\"user\\\"\"}\n",
            "{\"type\" \t: \r\"assistant\"}",
        );
        let found = lines(file);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("{\"a\"") && found[0].ends_with('\n'));
        assert!(found[1].starts_with("{\"type\":\"assistant\",\"type\""));
        assert!(found[2].ends_with('}'));
    }

    #[test]
    fn finds_every_spelling() {
        for line in [
            r#"{"ty\u0070e":"user"}"#,
            r#"{"type":"us\u0065r"}"#,
            r#"{"\u0074ype":"\u0061ssistant"}"#,
            r#"{"type":"\u0075\u0073\u0065\u0072"}"#,
        ] {
            assert_eq!(lines(line), [line]);
        }
        assert_eq!(lines(r#"{"type":"system","color":"\u001b[1m \u00e9"}"#), Vec::<&str>::new());
    }

    #[test]
    fn finds_a_hit_wherever_it_stands() {
        for word in [r#""user""#, r#""assistant""#, r"\u0061", r"\u007a"] {
            for before in 0..3 * (STEP + AHEAD) {
                for after in 0..=STEP + AHEAD {
                    let text = format!("{}{word}{}", "\"".repeat(before), "s".repeat(after));
                    assert_eq!(find(text.as_bytes(), 0), Some(before), "{text}");
                    assert_eq!(find(text.as_bytes(), before + 1), None, "{text}");
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_plain_definition() {
        let mut random = crate::tests::Random::new(1);
        for _ in 0..20_000 {
            let text: Vec<u8> =
                (0..random.below(80)).map(|_| b"\"\\user0067assistant"[random.below(18)]).collect();
            let plain = (0..text.len()).find(|at| is_hit(&text[*at..]));
            assert_eq!(find(&text, 0), plain, "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn the_overlap_is_enough_and_not_one_less() {
        let text = br#"{"type":"assistant"}"#;
        let hit = 8;
        for border in 0..text.len() {
            let (one, two) = (&text[..border], &text[border.saturating_sub(OVERLAP)..]);
            assert!(is_suspicious(one) || is_suspicious(two), "{border}");
        }
        let border = hit + r#""assistant""#.len() - 1;
        assert!(!is_suspicious(&text[..border]));
        assert!(!is_suspicious(&text[border + 1 - OVERLAP..]));
    }
}
