//! How is it written down? Every outcome passes here; a broken format breaks no answer unless the
//! configuration says that it should.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::capability::audit_file::{AuditFile, RECENT_MAX, Written};
use crate::domain::{Event, Value};
use crate::generation::{About, Generation, Witness};
use crate::sandbox::SlotName;

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
    /// The files of those entries that have one of their own.
    pub own: Arc<HashMap<PathBuf, AuditFile>>,
    /// What happens when the format is broken.
    pub fail: FailMode,
    /// Where decisions are handed over.
    pub remember: Remember,
}

/// An event could not be formatted, and the configuration asks that nothing happen unrecorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecorded;

impl Recorder {
    /// Writes an event down in the form of each entry, in their order; returns when the lines are in
    /// their files. Where a format is broken the host's own plain line stands in for its line, and the
    /// others are written all the same.
    pub async fn record(&self, generation: &Generation, event: &Event) -> Result<(), Unrecorded> {
        let mut outcome = Ok(());
        for entry in &generation.audit {
            let file = self.file_of(entry.file.as_deref());
            if !file.enabled() {
                continue;
            }
            let begun = Instant::now();
            let formatted = entry.policy.format(event).await;
            self.remember.audit(&entry.name, &entry.policy, event, begun, &formatted);
            if let Ok(line) = formatted {
                if let Some(shadow) = &*generation.shadow() {
                    shadow.offer(SlotName::Audit, &entry.name, || About::Audit {
                        event: event.clone(),
                        said: line.clone(),
                    });
                }
                file.write(line).await;
                continue;
            }
            file.write(plain(event)).await;
            if self.fail == FailMode::Closed {
                outcome = Err(Unrecorded);
            }
        }
        outcome
    }

    /// The last lines of all files, newest first.
    pub fn recent(&self) -> Vec<Written> {
        let mut lines: Vec<_> =
            std::iter::once(&self.file).chain(self.own.values()).flat_map(AuditFile::recent).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.at));
        lines.truncate(RECENT_MAX);
        lines
    }

    /// A file that was not there when the host started is not known, and what would go there goes to the
    /// audit log: a line too many is better than one too few.
    fn file_of(&self, own: Option<&Path>) -> &AuditFile {
        own.and_then(|path| self.own.get(path)).unwrap_or(&self.file)
    }
}

impl Witness for Recorder {
    /// A change of the rules is an event like any other; it is made whether or not a format is broken.
    fn note<'a>(
        &'a self,
        generation: &'a Arc<Generation>,
        event: &'a Event,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {
            let _ = self.record(generation, event).await;
        })
    }
}

/// The host's own line: everything but texts that users or agents wrote, which only a format may cut.
fn plain(event: &Event) -> String {
    let mut line = serde_json::Map::new();
    line.insert("event".into(), event.name.as_ref().into());
    for (name, value) in &event.fields {
        let value = match value {
            Value::Text(text) if matches!(*name, "user" | "session_id" | "request_id") => json!(text),
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
