//! What is written down, and what every format of ours does with it alike: which of it is refused, and how
//! much of a text is kept. Knows nothing of how a format writes.

use thiserror::Error;

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text of any length.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Any number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// Known to be unknown.
    Absent,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What, such as `ask_start`.
    pub name: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The rest, in the order in which it is to be written.
    pub fields: Vec<(String, Value)>,
}

impl Event {
    /// Whether it has this field.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// Whether it has this field and that says yes.
    pub fn flag(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, value)| field == name && *value == Value::Flag(true))
    }
}

/// How many characters of a field's text a line keeps, as the original service did. Other texts are names
/// and ids, and stay whole.
const KEPT: [(&str, usize); 3] = [("message", 500), ("error", 500), ("result_preview", 300)];

/// An event or settings that no line can be made of.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// A key of which there is none.
    #[error("reading the audit's settings: there is no '{0}'; this policy has no settings")]
    UnknownKey(String),
    /// Two values under one key.
    #[error(
        "writing the audit event '{event}': it has the field '{field}' twice, and a line can have it once; rename one"
    )]
    Repeated {
        /// The event.
        event: String,
        /// The field.
        field: String,
    },
    /// No calendar goes so far.
    #[error("writing the audit event '{event}': {at} ms is later than the year 9999; set the clock")]
    Time {
        /// The event.
        event: String,
        /// When it is said to have happened.
        at: u64,
    },
}

/// Refuses all settings, since there are none.
pub fn check(settings: &[(String, String)]) -> Result<(), LineError> {
    match settings.first() {
        Some((key, _)) => Err(LineError::UnknownKey(key.clone())),
        None => Ok(()),
    }
}

/// Refuses an event that has a field twice, or one of these names for a field.
pub fn once_each(event: &Event, taken: &[&str]) -> Result<(), LineError> {
    // Few have more than ten fields, so nothing is built to look them up in.
    for (at, (field, _)) in event.fields.iter().enumerate() {
        let earlier = event.fields[..at].iter().any(|(earlier, _)| earlier == field);
        if earlier || taken.contains(&field.as_str()) {
            return Err(LineError::Repeated { event: event.name.clone(), field: field.clone() });
        }
    }
    Ok(())
}

/// How many characters of a field's text a line keeps; none where it keeps all.
pub fn kept_max(field: &str) -> Option<usize> {
    KEPT.iter().find(|(cut, _)| *cut == field).map(|(_, most)| *most)
}

/// The beginning of a field's text that a line keeps.
pub fn kept<'a>(field: &str, text: &'a str) -> &'a str {
    let end = kept_max(field).and_then(|most| text.char_indices().nth(most));
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: &[&str]) -> Event {
        let fields = fields.iter().map(|name| ((*name).to_owned(), Value::Absent)).collect();
        Event { name: "e".to_owned(), at: 0, fields }
    }

    #[test]
    fn a_field_that_comes_twice_or_is_taken_is_refused() {
        let refused = |field: &str| Err(LineError::Repeated { event: "e".into(), field: field.into() });
        assert_eq!(once_each(&event(&["a", "b"]), &["c"]), Ok(()));
        assert_eq!(once_each(&event(&["a", "b", "a"]), &[]), refused("a"));
        assert_eq!(once_each(&event(&["a", "c"]), &["c"]), refused("c"));
    }

    #[test]
    fn three_texts_are_cut_by_characters_and_others_are_not() {
        for (field, most) in KEPT {
            let (longest, longer) = ("🦀".repeat(most), "🦀".repeat(most + 1));
            assert_eq!(kept(field, &longest), longest);
            assert_eq!(kept(field, &longer), longest);
        }
        assert_eq!(kept("user", &"🦀".repeat(501)).chars().count(), 501);
    }
}
