//! How is it written down? Every outcome passes here; a broken format breaks no answer unless the
//! configuration says that it should.

use std::time::Instant;

use serde_json::json;

use crate::capability::audit_file::AuditFile;
use crate::domain::{Event, Value};
use crate::generation::Generation;

use super::remember::Remember;

/// What a broken policy of a slot that may choose does to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailMode {
    /// The answer is given all the same.
    #[default]
    Open,
    /// No answer without the policy.
    Closed,
}

/// What the stage works with.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// Where lines go.
    pub file: AuditFile,
    /// What happens when the format is broken.
    pub fail: FailMode,
    /// Where decisions are handed over.
    pub remember: Remember,
}

/// An event could not be formatted, and the configuration asks that nothing happen unrecorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecorded;

impl Recorder {
    /// Writes an event down; returns when its line is in the file. Where the format is broken the
    /// host's own plain line stands in.
    pub async fn record(&self, generation: &Generation, event: &Event) -> Result<(), Unrecorded> {
        if !self.file.enabled() {
            return Ok(());
        }
        let (audit, begun) = (&generation.audit, Instant::now());
        let outcome = audit.format(event).await;
        self.remember.audit(audit.name(), audit, event, begun, &outcome);
        if let Ok(line) = outcome {
            self.file.write(line).await;
            return Ok(());
        }
        self.file.write(plain(event)).await;
        match self.fail {
            FailMode::Open => Ok(()),
            FailMode::Closed => Err(Unrecorded),
        }
    }
}

/// The host's own line: everything but texts that users or agents wrote, which only a format may cut.
fn plain(event: &Event) -> String {
    let mut line = serde_json::Map::new();
    line.insert("event".into(), event.name.as_ref().into());
    for (name, value) in &event.fields {
        let value = match value {
            Value::Text(text) if matches!(*name, "user" | "session_id") => json!(text),
            Value::Text(text) => json!({ "chars": text.chars().count() }),
            Value::Number(number) => json!(number),
            Value::Flag(flag) => json!(flag),
            Value::Absent => serde_json::Value::Null,
        };
        line.insert((*name).into(), value);
    }
    line.insert("timestamp_ms".into(), event.at.0.into());
    line.insert("note".into(), "written by the host: the audit component failed".into());
    serde_json::Value::Object(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain;

    #[test]
    fn the_hosts_own_line_is_one_line_and_tells_no_texts() {
        let event = Event {
            name: "ask_start".into(),
            at: domain::Instant(7),
            fields: vec![
                ("user", "a\nb".into()),
                ("message", "s\u{e9}cret".into()),
                ("message_len", 6_u32.into()),
            ],
        };
        assert_eq!(
            plain(&event),
            r#"{"event":"ask_start","user":"a\nb","message":{"chars":6},"message_len":6,"timestamp_ms":7,"note":"written by the host: the audit component failed"}"#
        );
    }
}
