//! One event, one line: which field of the schema takes which of the event's, and how much of a text
//! is kept.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::event::{self, Event, LineError, Value, once_each};
use crate::meaning;

/// The version of the schema that the line keeps to.
const ECS: &str = "8.17.0";

/// What a line takes besides its texts. Only a guess for the first allocation.
const FRAME: usize = 512;

/// The line, without its end.
pub fn line(event: &Event) -> Result<String, LineError> {
    once_each(event, &[])?;
    let second = i64::try_from(event.at / 1000).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(second)
        .map_err(|_| LineError::Time { event: event.name.clone(), at: event.at })?;
    // Always three digits: a time without them would be another format to a strict reader.
    let (second, ms) = (time.to_string(), event.at % 1000);
    let timestamp = format!("{}.{ms:03}Z", second.trim_end_matches('Z'));
    let texts: usize = event.fields.iter().filter_map(|(name, value)| kept(name, value)).map(str::len).sum();
    let mut line = Vec::with_capacity(FRAME + texts);
    serde_json::to_writer(&mut line, &Line { event, timestamp: &timestamp })
        .expect("memory can always be written to, and its keys are texts");
    Ok(shown(String::from_utf8(line).expect("serde_json writes UTF-8")))
}

/// The beginning of a text that the line keeps; none where the value is no text.
fn kept<'a>(name: &str, value: &'a Value) -> Option<&'a str> {
    let Value::Text(text) = value else { return None };
    Some(event::kept(name, text))
}

/// The same JSON with those characters escaped that some readers take for the end of a line, and some
/// terminals and editors for an order: DEL and the C1 controls, the two separators, and what turns the
/// direction of writing around. All of them can only stand in texts.
fn shown(line: String) -> String {
    if !line.chars().any(hidden) {
        return line;
    }
    let mut escaped = String::with_capacity(line.len() + 64);
    for character in line.chars() {
        if hidden(character) {
            write!(escaped, "\\u{:04x}", u32::from(character)).expect("text can always be written to");
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn hidden(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where a field of an event goes in the schema.
enum Place {
    Message,
    Error,
    User,
    Reason,
    Duration,
    Request,
    /// Under `overlord`, by its own name.
    Own,
}

/// A field goes to the schema's own place only where its value is of the schema's type.
fn place(name: &str, value: &Value) -> Place {
    match (name, value) {
        ("message", Value::Text(_)) => Place::Message,
        ("error", Value::Text(_)) => Place::Error,
        ("user", Value::Text(_)) => Place::User,
        ("why", Value::Text(_)) => Place::Reason,
        ("request_id", Value::Text(_)) => Place::Request,
        ("elapsed_ms", Value::Number(0..)) => Place::Duration,
        _ => Place::Own,
    }
}

/// The whole line.
struct Line<'a> {
    event: &'a Event,
    timestamp: &'a str,
}

impl Line<'_> {
    /// The text that goes to a place.
    fn text(&self, wanted: fn(&Place) -> bool) -> Option<&str> {
        let (name, value) = self.event.fields.iter().find(|(name, value)| wanted(&place(name, value)))?;
        kept(name, value)
    }

    /// What a reader shows as the line's text: what was asked, or the event's name as words.
    fn message(&self) -> Cow<'_, str> {
        match self.text(|place| matches!(place, Place::Message)) {
            Some(message) => message.into(),
            None => self.event.name.replace('_', " ").into(),
        }
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("@timestamp", self.timestamp)?;
        map.serialize_entry("message", &self.message())?;
        map.serialize_entry("ecs", &Named("version", ECS))?;
        map.serialize_entry("event", &EventPart(self))?;
        if let Some(user) = self.text(|place| matches!(place, Place::User)) {
            map.serialize_entry("user", &Named("name", user))?;
        }
        if let Some(error) = self.text(|place| matches!(place, Place::Error)) {
            map.serialize_entry("error", &Named("message", error))?;
        }
        if let Some(request) = self.text(|place| matches!(place, Place::Request)) {
            map.serialize_entry("http", &Named("request", Named("id", request)))?;
        }
        if self.event.fields.iter().any(|(name, value)| matches!(place(name, value), Place::Own)) {
            map.serialize_entry("overlord", &Own(self.event))?;
        }
        map.end()
    }
}

/// An object of one key.
struct Named<T>(&'static str, T);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &self.1)?;
        map.end()
    }
}

/// `event`.
struct EventPart<'a>(&'a Line<'a>);

impl Serialize for EventPart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0.event;
        let meaning = meaning::of(event);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", "event")?;
        map.serialize_entry("category", &[meaning.category])?;
        map.serialize_entry("type", &[meaning.kind])?;
        map.serialize_entry("action", &event.name)?;
        map.serialize_entry("outcome", meaning.outcome)?;
        map.serialize_entry("dataset", "overlord.audit")?;
        map.serialize_entry("module", "overlord")?;
        if let Some(reason) = self.0.text(|place| matches!(place, Place::Reason)) {
            map.serialize_entry("reason", reason)?;
        }
        for (name, value) in &event.fields {
            if let (Place::Duration, Value::Number(ms)) = (place(name, value), value) {
                map.serialize_entry("duration", &ms.saturating_mul(1_000_000))?;
            }
        }
        map.end()
    }
}

/// `overlord`: what the schema has no place for, in the event's order.
struct Own<'a>(&'a Event);

impl Serialize for Own<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.0.fields {
            if !matches!(place(name, value), Place::Own) {
                continue;
            }
            match value {
                Value::Text(_) => map.serialize_entry(name, &kept(name, value))?,
                Value::Number(number) => map.serialize_entry(name, number)?,
                // What is no number in JSON becomes null.
                Value::Real(number) => map.serialize_entry(name, number)?,
                Value::Flag(flag) => map.serialize_entry(name, flag)?,
                Value::Absent => map.serialize_entry(name, &())?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
