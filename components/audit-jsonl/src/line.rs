//! One event, one line: the order of the keys, the separators, and how much of a text is kept.

use jiff::Timestamp;

use crate::event::{Event, LineError, Value, kept, once_each};
use crate::python;

/// The first key.
const EVENT: &str = "event";

/// The last key.
const TIMESTAMP: &str = "timestamp";

/// What a line takes besides its texts: keys, separators, numbers. Only a guess for the first
/// allocation.
const FRAME: usize = 256;

/// The line, without its end.
pub fn line(event: &Event) -> Result<String, LineError> {
    once_each(event, &[EVENT, TIMESTAMP])?;
    let mut line = Vec::with_capacity(FRAME + texts(event));
    line.push(b'{');
    python::text(&mut line, EVENT);
    line.extend_from_slice(b": ");
    python::text(&mut line, &event.name);
    for (name, value) in &event.fields {
        key(&mut line, name);
        match value {
            Value::Text(text) => python::text(&mut line, kept(name, text)),
            Value::Number(number) => line.extend_from_slice(number.to_string().as_bytes()),
            Value::Real(number) => python::real(&mut line, *number),
            Value::Flag(true) => line.extend_from_slice(b"true"),
            Value::Flag(false) => line.extend_from_slice(b"false"),
            Value::Absent => line.extend_from_slice(b"null"),
        }
    }
    key(&mut line, TIMESTAMP);
    python::text(&mut line, &timestamp(event)?);
    line.push(b'}');
    Ok(String::from_utf8(line).expect("keys, texts and punctuation are UTF-8"))
}

/// Writes what stands before a value that is not the first.
fn key(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b", ");
    python::text(line, name);
    line.extend_from_slice(b": ");
}

/// How many bytes of text the line has before escaping.
fn texts(event: &Event) -> usize {
    let size = |(name, value): &(String, Value)| match value {
        Value::Text(text) => kept(name, text).len(),
        _ => 0,
    };
    event.fields.iter().map(size).sum()
}

/// `YYYY-MM-DDTHH:MM:SSZ`, the second that has begun.
fn timestamp(event: &Event) -> Result<String, LineError> {
    let second = i64::try_from(event.at / 1000).unwrap_or(i64::MAX);
    match Timestamp::from_second(second) {
        Ok(timestamp) => Ok(timestamp.to_string()),
        Err(_) => Err(LineError::Time { event: event.name.clone(), at: event.at }),
    }
}

#[cfg(test)]
mod recorded;

#[cfg(test)]
mod tests {
    use super::line;
    use crate::event::{Event, LineError, Value, check};

    fn event(fields: &[(&str, Value)]) -> Event {
        Event {
            name: "e".to_owned(),
            at: 0,
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    fn text(text: String) -> Value {
        Value::Text(text)
    }

    #[test]
    fn an_event_alone_has_its_name_and_its_time() {
        let event = Event { name: "e".to_owned(), at: 1_700_000_000_999, fields: Vec::new() };
        assert_eq!(line(&event).as_deref(), Ok(r#"{"event": "e", "timestamp": "2023-11-14T22:13:20Z"}"#));
    }

    #[test]
    fn the_three_long_texts_are_cut_by_characters_and_others_are_not() {
        for (name, most) in [("message", 500), ("error", 500), ("result_preview", 300)] {
            for (given, kept) in [(most - 1, most - 1), (most, most), (most + 1, most)] {
                let written = line(&event(&[(name, text("🦀".repeat(given)))])).expect("a line");
                assert_eq!(written.matches('🦀').count(), kept, "{name}");
            }
        }
        let written = line(&event(&[("user", text("🦀".repeat(501)))])).expect("a line");
        assert_eq!(written.matches('🦀').count(), 501);
    }

    #[test]
    fn what_is_cut_off_is_not_escaped_into() {
        let written = line(&event(&[("message", text("\n".repeat(1000)))])).expect("a line");
        assert_eq!(written.matches("\\n").count(), 500);
    }

    #[test]
    fn a_field_that_comes_twice_is_refused() {
        let twice = [("a", Value::Flag(true)), ("b", Value::Absent), ("a", Value::Flag(true))];
        let repeated =
            |field: &str| Err(LineError::Repeated { event: "e".to_owned(), field: field.to_owned() });
        assert_eq!(line(&event(&twice)), repeated("a"));
        assert_eq!(line(&event(&[("event", Value::Absent)])), repeated("event"));
        assert_eq!(line(&event(&[("timestamp", Value::Absent)])), repeated("timestamp"));
    }

    #[test]
    fn the_last_second_of_the_calendar_can_be_written_and_none_after_it() {
        // jiff's last second leaves room for the time zones west of UTC.
        let mut late = event(&[]);
        late.at = 253_402_207_200_999;
        assert_eq!(line(&late).as_deref(), Ok(r#"{"event": "e", "timestamp": "9999-12-30T22:00:00Z"}"#));
        for at in [253_402_300_800_000, u64::MAX] {
            late.at = at;
            assert_eq!(line(&late), Err(LineError::Time { event: "e".to_owned(), at }));
        }
    }

    #[test]
    fn there_are_no_settings() {
        assert_eq!(check(&[]), Ok(()));
        let error = check(&[("indent".to_owned(), "2".to_owned())]).expect_err("no such key");
        assert_eq!(
            error.to_string(),
            "reading the audit's settings: there is no 'indent'; this policy has no settings"
        );
    }
}
