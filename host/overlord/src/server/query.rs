//! The part of an address behind the `?`: names and values, decoded, and the list of what is wrong with
//! them. A name that is not known is passed over, as the original does.

use axum::http::StatusCode;
use axum::response::Response;

use super::body::{self, Invalid};
use super::reply;

/// A query, and what was found wrong with it so far.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    wrong: Vec<Invalid>,
}

impl Query {
    pub(super) fn read(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self { pairs: pairs.into_owned().collect(), wrong: Vec::new() }
    }

    /// A value; the last one counts.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A value that `parse` makes something of; none where it is not there, or is wrong.
    pub(super) fn value<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?.to_owned();
        let value = parse(&text);
        if value.is_none() {
            self.refuse(name, &text, expected);
        }
        value
    }

    /// A whole number between two others.
    pub(super) fn number(&mut self, name: &'static str, min: u64, max: u64) -> Option<u64> {
        self.value(name, &format!("a whole number from {min} to {max}"), |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && (min..=max).contains(number))
        })
    }

    /// Yes or no; no where nothing is said.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        let flag = self.value(name, "true or false", |text| match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        });
        flag.unwrap_or_default()
    }

    /// Notes that a value cannot be.
    pub(super) fn refuse(&mut self, name: &'static str, value: &str, expected: &str) {
        self.wrong.push(body::in_query(name, value, expected));
    }

    /// The answer that says what is wrong; none where nothing is.
    pub(super) fn objection(&self) -> Option<Response> {
        let answer = || reply::bytes(StatusCode::UNPROCESSABLE_ENTITY, body::answer(&self.wrong));
        (!self.wrong.is_empty()).then(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_and_the_last_counts() {
        let query = Query::read(Some("q=a+b%2B%C3%BC&x&q=%26&=&limit=3"));
        assert_eq!((query.text("q"), query.text("x"), query.text("y")), (Some("&"), Some(""), None));
        assert_eq!(Query::read(Some("q=a+b%2B%C3%BC%ff")).text("q"), Some("a b+ü\u{fffd}"));
        assert_eq!(Query::read(None).text(""), None);
    }

    #[test]
    fn a_number_is_looked_at_from_both_sides() {
        for (text, number) in [("1", Some(1)), ("200", Some(200)), ("0", None), ("201", None)] {
            let mut query = Query::read(Some(&format!("limit={text}")));
            assert_eq!(query.number("limit", 1, 200), number, "{text}");
            assert_eq!(query.objection().is_none(), number.is_some(), "{text}");
        }
        for text in ["", "+1", "-1", "1.0", "1e1", "x", "99999999999999999999"] {
            let mut query = Query::read(Some(&format!("limit={}", text.replace('+', "%2B"))));
            assert_eq!(query.number("limit", 0, u64::MAX), None, "{text}");
            assert!(query.objection().is_some());
        }
        assert!(!Query::read(Some("detailed=no")).flag("detailed"));
    }
}
