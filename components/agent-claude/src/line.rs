//! One line of the client's output, taken apart field by field. Everything is optional and nothing
//! is trusted: a field of the wrong type is as good as missing, and what is not asked for is
//! skipped without being built in memory, so a hostile line costs no more than its own length.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Longer lines are skipped unread. The longest that mean something are results (at most a few
/// megabytes: the largest models write 128,000 tokens) and tool results, which the client cuts.
pub const LINE_MAX: usize = 16 << 20;

/// So many elements of one list are looked at: content blocks, denials, errors. More of them in
/// one message have not been seen.
pub const ELEMENTS_MAX: usize = 1024;

/// The text of a JSON value, looked into only on demand.
pub type Json<'a> = &'a RawValue;

/// What any event may have.
#[derive(Debug, Default, Deserialize)]
pub struct Event<'a> {
    /// What kind of event it is.
    #[serde(borrow, rename = "type")]
    pub kind: Option<Json<'a>>,
    /// Which kind of that kind.
    #[serde(borrow)]
    pub subtype: Option<Json<'a>>,
    /// Of `stream_event`: the API's own event.
    #[serde(borrow)]
    pub event: Option<Json<'a>>,
    /// Of `assistant` and `user`: the message.
    #[serde(borrow)]
    pub message: Option<Json<'a>>,
    /// Not null in what a subagent says.
    #[serde(borrow)]
    pub parent_tool_use_id: Option<Json<'a>>,
    /// Of `result`: the answer.
    #[serde(borrow)]
    pub result: Option<Json<'a>>,
    /// Of `result`: whether the client calls it an error.
    #[serde(borrow)]
    pub is_error: Option<Json<'a>>,
    /// Of `result`: sentences where there is no answer.
    #[serde(borrow)]
    pub errors: Option<Json<'a>>,
    /// Of `result`: how many turns.
    #[serde(borrow)]
    pub num_turns: Option<Json<'a>>,
    /// Of `result`: milliseconds.
    #[serde(borrow)]
    pub duration_ms: Option<Json<'a>>,
    /// The session as the client calls it.
    #[serde(borrow)]
    pub session_id: Option<Json<'a>>,
    /// Of `result`: which tools were not permitted.
    #[serde(borrow)]
    pub permission_denials: Option<Json<'a>>,
    /// Of a denial: the tool.
    #[serde(borrow)]
    pub tool_name: Option<Json<'a>>,
    /// Of a denial: the call.
    #[serde(borrow)]
    pub tool_use_id: Option<Json<'a>>,
    /// Of `api_retry`: which retry is about to be made.
    #[serde(borrow)]
    pub attempt: Option<Json<'a>>,
    /// Of `api_retry`: how many there will be at most.
    #[serde(borrow)]
    pub max_retries: Option<Json<'a>>,
    /// Of `api_retry`: milliseconds until it is made.
    #[serde(borrow)]
    pub retry_delay_ms: Option<Json<'a>>,
    /// Of `api_retry`: the HTTP status that the API answered.
    #[serde(borrow)]
    pub error_status: Option<Json<'a>>,
}

/// An event of the API, or a part of one.
#[derive(Debug, Default, Deserialize)]
pub struct Part<'a> {
    /// What kind it is.
    #[serde(borrow, rename = "type")]
    pub kind: Option<Json<'a>>,
    /// Of a delta event.
    #[serde(borrow)]
    pub delta: Option<Json<'a>>,
    /// Of text.
    #[serde(borrow)]
    pub text: Option<Json<'a>>,
    /// Of a message or a tool result.
    #[serde(borrow)]
    pub content: Option<Json<'a>>,
    /// Of a tool call.
    #[serde(borrow)]
    pub id: Option<Json<'a>>,
    /// Of a tool call.
    #[serde(borrow)]
    pub name: Option<Json<'a>>,
    /// Of a tool call.
    #[serde(borrow)]
    pub input: Option<Json<'a>>,
    /// Of a tool result.
    #[serde(borrow)]
    pub tool_use_id: Option<Json<'a>>,
    /// Of a tool result.
    #[serde(borrow)]
    pub is_error: Option<Json<'a>>,
}

/// Hands each event of a line to `event`: one of stream-json, any number of the array that the
/// client prints with `--output-format json` and `--verbose`. What is no JSON is passed over.
pub fn each_event(line: &[u8], mut event: impl FnMut(&Event<'_>)) {
    if line.len() > LINE_MAX {
        return;
    }
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    if line.starts_with('{') {
        if let Ok(read) = serde_json::from_str(line) {
            event(&read);
        }
    } else if line.starts_with('[') {
        // No limit: each is looked at and let go, and the one that counts is the last.
        each_json(line, usize::MAX, |json| {
            if let Some(read) = object(Some(json)) {
                event(&read);
            }
        });
    }
}

/// The value as an object with the fields of `T`.
pub fn object<'a, T: Deserialize<'a>>(json: Option<Json<'a>>) -> Option<T> {
    let text = json?.get();
    // A list would be read as the fields in their order.
    if text.starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

/// Hands the list's first [`ELEMENTS_MAX`] elements to `each`.
pub fn each<'a>(json: Option<Json<'a>>, each: impl FnMut(Json<'a>)) {
    if let Some(json) = json
        && json.get().starts_with('[')
    {
        each_json(json.get(), ELEMENTS_MAX, each);
    }
}

/// The value as text. Half of a surrogate pair, which JSON can hold and text cannot, becomes U+FFFD.
pub fn text(json: Option<Json<'_>>) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_str(json?.get());
    deserializer.deserialize_bytes(Characters).ok()
}

/// Whether the value is this text; for short known words.
pub fn is(json: Option<Json<'_>>, word: &str) -> bool {
    json.is_some_and(|json| {
        json.get().len() <= 6 * word.len() + 2 && text(Some(json)).as_deref() == Some(word)
    })
}

/// Whether there is a value at all.
pub fn is_there(json: Option<Json<'_>>) -> bool {
    json.is_some_and(|json| json.get() != "null")
}

/// Whether the value is `true`.
pub fn is_true(json: Option<Json<'_>>) -> bool {
    json.is_some_and(|json| json.get() == "true")
}

/// The value as a whole number that is not negative; fractions are cut off, what is too large
/// becomes the largest.
pub fn number(json: Option<Json<'_>>) -> Option<u64> {
    let text = json?.get();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = serde_json::from_str(text).ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, as wanted at both ends"
    )]
    (number >= 0.0).then_some(number as u64)
}

struct Characters;

impl Visitor<'_> for Characters {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

fn each_json<'a>(text: &'a str, max: usize, each: impl FnMut(Json<'a>)) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // An error ends the list early; what came before it has been handed over.
    let _ = Elements { max, each }.deserialize(&mut deserializer);
}

struct Elements<F> {
    max: usize,
    each: F,
}

impl<'a, F: FnMut(Json<'a>)> DeserializeSeed<'a> for Elements<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a, F: FnMut(Json<'a>)> Visitor<'a> for Elements<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut elements: A) -> Result<(), A::Error> {
        for _ in 0..self.max {
            match elements.next_element()? {
                Some(json) => (self.each)(json),
                None => return Ok(()),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).expect("JSON")
    }

    fn kinds(line: &[u8]) -> Vec<Option<String>> {
        let mut kinds = Vec::new();
        each_event(line, |event| kinds.push(text(event.kind)));
        kinds
    }

    #[test]
    fn a_line_is_one_event_a_list_of_them_or_nothing() {
        let a = || Some("a".to_owned());
        assert_eq!(kinds(br#"{"x":[1,{"type":"b"}],"type":"a"}"#), [a()]);
        assert_eq!(kinds(b"  {\"type\":\"a\"}\r"), [a()]);
        assert_eq!(kinds(br#"[{"type":"a"},7,null,[{"type":"c"}],{"type":"a"}]"#), [a(), a()]);
        assert_eq!(kinds(br#"{"type":7}"#), [None]);
        for rubbish in
            [&b""[..], b"hello", b"{", b"[{", b"\0\0", b"\xff\xfe", b"\"type\"", b"12", b"{\"type\":\"a\"} x"]
        {
            assert_eq!(kinds(rubbish), [], "{rubbish:?}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        let line = format!(r#"{{"type":"a","other":{deep},"message":{deep}}}"#);
        assert_eq!(kinds(line.as_bytes()), [Some("a".into())]);
        assert_eq!(kinds("[".repeat(1_000_000).as_bytes()), []);
    }

    #[test]
    fn a_line_of_the_limit_is_read_and_a_longer_one_is_not() {
        let with = |length: usize| {
            let frame = r#"{"type":"a","x":""}"#.len();
            format!(r#"{{"type":"a","x":"{}"}}"#, "y".repeat(length - frame))
        };
        assert_eq!(kinds(with(LINE_MAX).as_bytes()), [Some("a".into())]);
        assert_eq!(kinds(with(LINE_MAX + 1).as_bytes()), []);
    }

    #[test]
    fn lists_are_looked_at_up_to_a_limit() {
        let count = |length: usize| {
            let list = json(&format!("[{}]", vec!["0"; length].join(",")));
            let mut count = 0;
            each(Some(&list), |_| count += 1);
            count
        };
        assert_eq!(count(ELEMENTS_MAX), ELEMENTS_MAX);
        assert_eq!(count(ELEMENTS_MAX + 1), ELEMENTS_MAX);
        each(Some(&json("{}")), |_| panic!("not a list"));
    }

    #[test]
    fn text_is_text_even_with_half_a_character() {
        for (raw, expected) in [
            (r#""a\u00e9\ud83e\udd80\n""#, Some("aé🦀\n")),
            (r#""a\ud83ez""#, Some("a\u{fffd}\u{fffd}\u{fffd}z")),
            (r#""\u0000""#, Some("\0")),
            (r#"["a"]"#, None),
            ("[97]", None),
            ("7", None),
            ("null", None),
        ] {
            assert_eq!(text(Some(&json(raw))).as_deref(), expected, "{raw}");
        }
        assert_eq!(text(None), None);
        assert!(is(Some(&json("\"\\u0061\"")), "a") && !is(Some(&json("\"b\"")), "a"));
    }

    #[test]
    fn numbers_are_whole_and_never_negative() {
        for (raw, expected) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("1e300", Some(u64::MAX)),
            ("12.9", Some(12)),
            ("-1", None),
            ("\"5\"", None),
            ("null", None),
            ("[]", None),
        ] {
            assert_eq!(number(Some(&json(raw))), expected, "{raw}");
        }
    }
}
