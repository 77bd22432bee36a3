//! The body of a question, from bytes to a session id and a message, and that of a new title; or the list
//! of what is wrong with them and with a query, worded as the original service's framework words it.
//!
//! Knows nothing of HTTP beyond the value of one header, and nothing of who asks: the server has
//! admitted the caller and limited the body's size before it comes here.
//!
//! What differs from the recordings under `tests/fixtures/fastapi`, and why:
//! - What is no JSON gets the framework's item in the JSON parser's own words. That includes what
//!   only Python takes for JSON (`NaN`, lone surrogates, UTF-16, a byte order mark) and nesting
//!   beyond the parser's 128 levels.
//! - A session id is the 36-character form of a UUID, and comes out in lower case.
//! - A message with a NUL is refused: no program can be handed one as the contract promises, and the
//!   original broke with a 500.
//! - An integer beyond 64 bits is echoed as the nearest floating-point number, and so is `-0`.

use std::io;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::ser::Formatter;

use crate::domain::{NotATitle, Question, SessionId, TITLE_CHARACTERS_MAX, Title};

/// The most characters a message may have: the original's, so that its pages need not change.
pub const MESSAGE_CHARACTERS_MAX: usize = 10_000;

/// One item of a 422 answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invalid {
    /// What kind of error, for programs.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where: `body`, then a field's name, or the place in the text where it stopped being JSON.
    loc: Vec<Place>,
    /// What kind of error, for people.
    msg: String,
    /// What was found there. Shared, since two missing fields both echo the whole body.
    #[serde(serialize_with = "shared")]
    input: Arc<Value>,
    /// The numbers or words that go with the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Context>,
}

/// One step of the way to the error.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Place {
    Name(&'static str),
    /// In characters from the start of the body.
    Offset(usize),
}

/// What goes with a kind of error.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Context {
    Error(String),
    /// What the framework makes of an exception that a validator raised: an object with nothing in it.
    #[serde(rename = "error")]
    Exception {},
    MinLength(usize),
    MaxLength(usize),
}

/// Reads a question. What is wrong comes back in the order of the fields, at most one item each.
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Question, Vec<Invalid>> {
    let fields = fields(content_type, body)?;
    let session_id = fields.get("session_id").map(check_session_id);
    let message = fields.get("message").map(check_message);
    match (session_id, message) {
        (Some(Ok(session)), Some(Ok(message))) => Ok(Question { session, message }),
        (session_id, message) => {
            let body = Arc::new(Value::Object(fields));
            let absent = |name| missing(Some(name), Arc::clone(&body));
            let session_id = session_id.unwrap_or_else(|| Err(absent("session_id")));
            let message = message.unwrap_or_else(|| Err(absent("message")));
            Err([session_id.err(), message.err()].into_iter().flatten().collect())
        }
    }
}

/// Reads a new title; none where it is empty.
pub fn parse_title(content_type: Option<&str>, body: &[u8]) -> Result<Option<Title>, Vec<Invalid>> {
    let fields = fields(content_type, body)?;
    match fields.get("title") {
        Some(title) => check_title(title).map_err(|invalid| vec![invalid]),
        None => Err(vec![missing(Some("title"), Arc::new(Value::Object(fields)))]),
    }
}

/// An item about a value of a query: what it should be.
pub fn in_query(name: &'static str, value: &str, expected: &str) -> Invalid {
    Invalid {
        kind: "value_error",
        loc: vec![Place::Name("query"), Place::Name(name)],
        msg: format!("Input should be {expected}"),
        input: Arc::new(Value::String(value.to_owned())),
        ctx: None,
    }
}

/// The fields of an object that is said to be JSON.
fn fields(content_type: Option<&str>, body: &[u8]) -> Result<serde_json::Map<String, Value>, Vec<Invalid>> {
    if body.is_empty() {
        return Err(vec![missing(None, Arc::new(Value::Null))]);
    }
    if !content_type.is_some_and(is_json) {
        let text = String::from_utf8_lossy(body).into_owned();
        return Err(vec![no_object(Value::String(text))]);
    }
    match read(body)? {
        Value::Object(fields) => Ok(fields),
        other => Err(vec![no_object(other)]),
    }
}

/// The body of the 422 answer, in JSON as Python writes it.
pub fn answer(invalid: &[Invalid]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Answer<'a> {
        detail: &'a [Invalid],
    }
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, PythonNumbers);
    Answer { detail: invalid }
        .serialize(&mut serializer)
        .expect("memory takes every write, and no key is anything but text");
    json
}

/// Floating-point numbers as Python writes them: the digits and the limits between the two notations
/// are Rust's too, but an exponent has a sign and two digits at least.
struct PythonNumbers;

impl Formatter for PythonNumbers {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let text = format!("{value:?}");
        let Some((digits, exponent)) = text.split_once('e') else {
            return writer.write_all(text.as_bytes());
        };
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(writer, "{digits}e{sign}{exponent:0>2}")
    }
}

/// Whether a content type promises JSON: `application/json` or `application/…+json`, whatever its
/// parameters. A form or a plain text, which a foreign page may post unasked, does not.
pub(super) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|kind| !kind.contains('/') && (kind == "json" || kind.ends_with("+json")))
}

fn read(body: &[u8]) -> Result<Value, Vec<Invalid>> {
    let no_json = |offset: usize, reason: String| {
        vec![Invalid {
            kind: "json_invalid",
            loc: vec![Place::Name("body"), Place::Offset(offset)],
            msg: "JSON decode error".to_owned(),
            input: Arc::new(Value::Object(serde_json::Map::new())),
            ctx: Some(Context::Error(reason)),
        }]
    };
    let text = std::str::from_utf8(body).map_err(|error| {
        let sound = String::from_utf8_lossy(&body[..error.valid_up_to()]).chars().count();
        no_json(sound, "the body is not UTF-8".to_owned())
    })?;
    serde_json::from_str(text).map_err(|error| no_json(offset(text, &error), error.to_string()))
}

/// The place of an error in characters. The parser tells a line and the bytes read of it, the
/// offending one included.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let read = line + error.column();
    text.char_indices().take_while(|(start, c)| start + c.len_utf8() < read).count()
}

fn check_session_id(value: &Value) -> Result<SessionId, Invalid> {
    let text = check_text("session_id", value)?;
    SessionId::parse(text).ok_or_else(|| {
        let reason = "expected the 36-character form, such as 123e4567-e89b-42d3-a456-426614174000";
        Invalid {
            kind: "uuid_parsing",
            msg: format!("Input should be a valid UUID, {reason}"),
            ctx: Some(Context::Error(reason.to_owned())),
            ..about("session_id", value)
        }
    })
}

fn check_message(value: &Value) -> Result<String, Invalid> {
    let text = check_text("message", value)?;
    if text.is_empty() {
        return Err(Invalid {
            kind: "string_too_short",
            msg: "String should have at least 1 character".to_owned(),
            ctx: Some(Context::MinLength(1)),
            ..about("message", value)
        });
    }
    if text.chars().nth(MESSAGE_CHARACTERS_MAX).is_some() {
        return Err(Invalid {
            kind: "string_too_long",
            msg: format!("String should have at most {MESSAGE_CHARACTERS_MAX} characters"),
            ctx: Some(Context::MaxLength(MESSAGE_CHARACTERS_MAX)),
            ..about("message", value)
        });
    }
    if text.contains('\0') {
        return Err(Invalid {
            kind: "value_error",
            msg: "Value error, a message must not contain NUL characters".to_owned(),
            ctx: Some(Context::Exception {}),
            ..about("message", value)
        });
    }
    Ok(text.to_owned())
}

fn check_title(value: &Value) -> Result<Option<Title>, Invalid> {
    Title::given(check_text("title", value)?).map_err(|why| match why {
        NotATitle::Long => Invalid {
            kind: "string_too_long",
            msg: format!("String should have at most {TITLE_CHARACTERS_MAX} characters"),
            ctx: Some(Context::MaxLength(TITLE_CHARACTERS_MAX)),
            ..about("title", value)
        },
        NotATitle::Unseen => Invalid {
            kind: "value_error",
            msg: "Value error, a title is one line without control characters".to_owned(),
            ctx: Some(Context::Exception {}),
            ..about("title", value)
        },
    })
}

fn check_text<'a>(field: &'static str, value: &'a Value) -> Result<&'a str, Invalid> {
    value.as_str().ok_or_else(|| about(field, value))
}

/// An item about a field's value: that it is no text, unless more is said.
fn about(field: &'static str, value: &Value) -> Invalid {
    Invalid {
        kind: "string_type",
        loc: vec![Place::Name("body"), Place::Name(field)],
        msg: "Input should be a valid string".to_owned(),
        input: Arc::new(value.clone()),
        ctx: None,
    }
}

fn missing(field: Option<&'static str>, input: Arc<Value>) -> Invalid {
    let loc = [Some("body"), field].into_iter().flatten().map(Place::Name).collect();
    Invalid { kind: "missing", loc, msg: "Field required".to_owned(), input, ctx: None }
}

fn no_object(input: Value) -> Invalid {
    Invalid {
        kind: "model_attributes_type",
        loc: vec![Place::Name("body")],
        msg: "Input should be a valid dictionary or object to extract fields from".to_owned(),
        input: Arc::new(input),
        ctx: None,
    }
}

fn shared<S: Serializer>(value: &Arc<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
