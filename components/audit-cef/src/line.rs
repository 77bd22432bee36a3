//! One event, one line: which key of the format takes which of the event's fields, and how much of a
//! text is kept.

use std::fmt::Write as _;

use crate::event::{Event, LineError, Value, kept_max, once_each};
use crate::{escape, meaning};

/// What stands before the event: the format's version, who made the program, the program and its
/// version.
const HEAD: &str = concat!("CEF:0|Overlord|overlord|", env!("CARGO_PKG_VERSION"), "|");

/// The longest signature that the format allows, in characters.
const SIGNATURE_MAX: usize = 1023;

/// The longest name that the format allows.
const NAME_MAX: usize = 512;

/// The longest value of a key that the format does not have, as of its own custom texts.
const OWN_MAX: usize = 4000;

/// The longest key of our own: as long as the longest label.
const KEY_MAX: usize = 1023;

/// What a line takes besides its texts. Only a guess for the first allocation.
const FRAME: usize = 512;

/// A key that the format has.
struct Known {
    key: &'static str,
    /// What a custom key means, which the format writes down beside it.
    label: Option<&'static str>,
    /// The longest text, in characters: the lesser one of what the format allows and what the plain
    /// audit line keeps. Of numbers, nothing.
    most: usize,
}

/// The key of a field, where its value is of the key's type.
fn known(name: &str, value: &Value) -> Option<Known> {
    let is = |key, most| Some(Known { key, label: None, most });
    let custom = |key, label, most| Some(Known { key, label: Some(label), most });
    match (name, value) {
        ("user", Value::Text(_)) => is("suser", 1023),
        ("message", Value::Text(_)) => is("msg", kept_max(name).unwrap_or(1023)),
        ("error" | "why", Value::Text(_)) => is("reason", kept_max(name).unwrap_or(1023)),
        ("from", Value::Text(_)) => is("oldFileHash", 255),
        ("to", Value::Text(_)) => is("fileHash", 255),
        ("session_id", Value::Text(_)) => custom("cs1", "session", OWN_MAX),
        ("request_id", Value::Text(_)) => custom("cs2", "request", OWN_MAX),
        ("result_preview", Value::Text(_)) => custom("cs3", "answer", kept_max(name).unwrap_or(OWN_MAX)),
        ("slot", Value::Text(_)) => custom("cs4", "slot", OWN_MAX),
        ("entry", Value::Text(_)) => custom("cs5", "entry", OWN_MAX),
        ("elapsed_ms", Value::Number(_)) => custom("cn1", "elapsedMs", 0),
        ("retry_after_s", Value::Number(_)) => custom("cn2", "retryAfterS", 0),
        ("generation", Value::Number(_)) => custom("cn3", "generation", 0),
        _ => None,
    }
}

/// The line, without its end.
pub fn line(event: &Event) -> Result<String, LineError> {
    once_each(event, &[])?;
    let meaning = meaning::of(event);
    let mut line = String::with_capacity(FRAME);
    line.push_str(HEAD);
    escape::header(&mut line, &event.name, SIGNATURE_MAX);
    line.push('|');
    match meaning.name {
        Some(name) => line.push_str(name),
        None => escape::header(&mut line, &event.name.replace('_', " "), NAME_MAX),
    }
    let severity = meaning.severity;
    write!(line, "|{severity}|rt={}", event.at).expect("text can always be written to");
    if let Some(outcome) = meaning.outcome {
        line.push_str(" outcome=");
        line.push_str(outcome);
    }
    let mut taken = Vec::new();
    for (name, value) in &event.fields {
        if *value == Value::Absent {
            continue; // the format writes what is not known by leaving it out
        }
        // Of two fields for one key, such as an error and its reason, the later has a key of our own.
        let known = known(name, value).filter(|known| !taken.iter().any(|key| key == known.key));
        if let Some(Known { key, label, most }) = known {
            if let Some(label) = label {
                write!(line, " {key}Label={label}").expect("text can always be written to");
            }
            pair(&mut line, key, value, most);
            taken.push(key.to_owned());
        } else {
            let key = free(escape::key(name, KEY_MAX), &taken);
            pair(&mut line, &key, value, OWN_MAX);
            taken.push(key);
        }
    }
    Ok(line)
}

/// A key that is not taken yet: names that differ in nothing but signs make the same one. The number
/// begins with how many are taken, so that it is most often the first that is tried.
fn free(key: String, taken: &[String]) -> String {
    if !taken.contains(&key) {
        return key;
    }
    let mut numbered = (taken.len()..).map(|number| format!("{key}N{number}"));
    numbered.find(|key| !taken.contains(key)).expect("there are more numbers than fields")
}

fn pair(line: &mut String, key: &str, value: &Value, most: usize) {
    line.push(' ');
    line.push_str(key);
    line.push('=');
    match value {
        Value::Text(text) => escape::value(line, text, most),
        Value::Number(number) => write!(line, "{number}").expect("text can always be written to"),
        Value::Real(number) => write!(line, "{number:?}").expect("text can always be written to"),
        Value::Flag(flag) => write!(line, "{flag}").expect("text can always be written to"),
        Value::Absent => {}
    }
}

#[cfg(test)]
mod tests;
