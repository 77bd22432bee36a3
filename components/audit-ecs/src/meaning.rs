//! What an event means in the schema's own words: `event.category`, `event.type`, `event.outcome`.
//! Only words that the schema allows, and of the types only those that it expects of the category.

use crate::event::Event;

/// The schema's words for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// `event.category`.
    pub category: &'static str,
    /// `event.type`.
    pub kind: &'static str,
    /// `event.outcome`: of what was tried, not of its being written down.
    pub outcome: &'static str,
}

const SUCCESS: &str = "success";
const FAILURE: &str = "failure";
const UNKNOWN: &str = "unknown";

/// The meaning of an event, whether it is one of the host's or of a limiter that it does not know.
pub fn of(event: &Event) -> Meaning {
    let is = |category, kind, outcome| Meaning { category, kind, outcome };
    match event.name.as_str() {
        "ask_start" => is("api", "start", UNKNOWN),
        "ask_ok" if event.flag("is_error") => is("api", "end", FAILURE),
        "ask_ok" => is("api", "end", SUCCESS),
        "ask_error" | "ask_withdrawn" => is("api", "end", FAILURE),
        "ask_queued" => is("api", "info", UNKNOWN),
        "rate_limited"
        | "concurrency_blocked"
        | "quota_exceeded"
        | "queue_timed_out"
        | "host_full"
        | "session_not_found" => is("api", "denied", FAILURE),
        "session_deleted" => is("api", "deletion", SUCCESS),
        "session_restored" => is("api", "creation", SUCCESS),
        "session_renamed" => is("api", "change", SUCCESS),
        "signed_in" => is("authentication", "start", SUCCESS),
        "signed_out" => is("authentication", "end", SUCCESS),
        name if name.starts_with("rules_") => is("configuration", "change", SUCCESS),
        // A limiter names its refusals as it likes.
        _ if event.has("retry_after_s") => is("api", "denied", FAILURE),
        _ if event.has("error") => is("api", "info", FAILURE),
        _ => is("api", "info", UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::event::{Event, Value};

    fn words(name: &str, fields: &[(&str, Value)]) -> [&'static str; 3] {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let meaning = of(&Event { name: name.to_owned(), at: 0, fields });
        [meaning.category, meaning.kind, meaning.outcome]
    }

    #[test]
    fn an_answer_that_the_agent_calls_an_error_is_a_failure() {
        assert_eq!(words("ask_ok", &[("is_error", Value::Flag(false))]), ["api", "end", "success"]);
        assert_eq!(words("ask_ok", &[("is_error", Value::Flag(true))]), ["api", "end", "failure"]);
    }

    #[test]
    fn what_is_not_known_is_told_by_its_fields() {
        assert_eq!(words("closed", &[]), ["api", "info", "unknown"]);
        assert_eq!(words("closed", &[("retry_after_s", Value::Number(1))]), ["api", "denied", "failure"]);
        assert_eq!(words("odd", &[("error", Value::Absent)]), ["api", "info", "failure"]);
        assert_eq!(words("rules_whatever", &[]), ["configuration", "change", "success"]);
    }
}
