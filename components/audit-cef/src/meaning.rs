//! What an event means to whoever watches: its name in words, how grave it is, and whether what was
//! tried succeeded.

use crate::event::Event;

/// The format's words for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The header's name; none where the event's own name must do.
    pub name: Option<&'static str>,
    /// 0 to 10.
    pub severity: u8,
    /// `outcome`; none where it is not known yet.
    pub outcome: Option<&'static str>,
}

const SUCCESS: Option<&str> = Some("success");
const FAILURE: Option<&str> = Some("failure");

/// The meaning of an event, whether it is one of the host's or of a limiter that it does not know.
///
/// The format calls 0 to 3 low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high. Everyday events are
/// low, refusals and failures medium; high is what changes who may do what, against somebody's wish.
pub fn of(event: &Event) -> Meaning {
    let is = |name, severity, outcome| Meaning { name: Some(name), severity, outcome };
    let unknown = |severity, outcome| Meaning { name: None, severity, outcome };
    match event.name.as_str() {
        "ask_start" => is("Question asked", 1, None),
        "ask_queued" => is("Question waits", 1, None),
        "ask_ok" if event.flag("is_error") => is("Question answered with an error", 5, FAILURE),
        "ask_ok" => is("Question answered", 1, SUCCESS),
        "ask_error" => is("Question not answered", 6, FAILURE),
        "ask_withdrawn" => is("Question withdrawn", 2, FAILURE),
        "rate_limited" => is("Rate limit exceeded", 4, FAILURE),
        "concurrency_blocked" => is("Too many questions at once", 4, FAILURE),
        "quota_exceeded" => is("Quota used up", 4, FAILURE),
        "queue_timed_out" => is("Question waited for too long", 5, FAILURE),
        "host_full" => is("Host full", 6, FAILURE),
        "session_not_found" => is("Session not found", 4, FAILURE),
        "session_renamed" => is("Session renamed", 2, SUCCESS),
        "session_deleted" => is("Session deleted", 3, SUCCESS),
        "session_restored" => is("Session restored", 2, SUCCESS),
        "signed_in" => is("Signed in", 2, SUCCESS),
        "signed_out" => is("Signed out", 2, SUCCESS),
        "rules_rolled_back" => is("Rules rolled back", 7, SUCCESS),
        "rules_quarantined" => is("Component quarantined", 8, SUCCESS),
        name if name.starts_with("rules_") => unknown(5, SUCCESS),
        // A limiter names its refusals as it likes.
        _ if event.has("retry_after_s") => unknown(4, FAILURE),
        _ if event.has("error") => unknown(6, FAILURE),
        _ => unknown(3, None),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::event::{Event, Value};

    fn severity(name: &str, fields: &[(&str, Value)]) -> u8 {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        of(&Event { name: name.to_owned(), at: 0, fields }).severity
    }

    #[test]
    fn an_answer_that_the_agent_calls_an_error_is_graver() {
        assert_eq!(severity("ask_ok", &[("is_error", Value::Flag(false))]), 1);
        assert_eq!(severity("ask_ok", &[("is_error", Value::Flag(true))]), 5);
    }

    #[test]
    fn what_is_not_known_is_told_by_its_fields() {
        assert_eq!(severity("closed", &[]), 3);
        assert_eq!(severity("closed", &[("retry_after_s", Value::Number(1))]), 4);
        assert_eq!(severity("odd", &[("error", Value::Absent)]), 6);
        assert_eq!(severity("rules_whatever", &[]), 5);
    }
}
