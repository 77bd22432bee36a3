//! What goes to standard output, in the format that was asked for. An output that nobody reads any
//! more stops nothing: the client works on without a reader, and so does this.

use crate::arguments::Format;
use serde_json::{Value, json};
use std::io::{self, Write};
use uuid::Uuid;

/// Standard output.
pub(crate) struct Output {
    format: Format,
    verbose: bool,
    partial: bool,
    session: String,
    /// With `--output-format json` and `--verbose` all events are printed at the end.
    kept: Vec<Value>,
}

impl Output {
    pub(crate) fn new(format: Format, verbose: bool, partial: bool, session: &str) -> Self {
        Self { format, verbose, partial, session: session.into(), kept: Vec::new() }
    }

    /// An event; it gets the session and an id of its own.
    pub(crate) fn event(&mut self, mut event: Value) {
        event["session_id"] = json!(self.session);
        event["uuid"] = json!(Uuid::new_v4().to_string());
        match self.format {
            Format::StreamJson => line(&event.to_string()),
            Format::Json if self.verbose => self.kept.push(event),
            Format::Json | Format::Text => {}
        }
    }

    /// One of the API's own events, shown only where partial messages are wanted.
    pub(crate) fn api(&mut self, event: Value) {
        if self.partial && self.format == Format::StreamJson {
            let mut whole = json!({"type": "stream_event", "event": null, "parent_tool_use_id": null});
            whole["event"] = event;
            self.event(whole);
        }
    }

    /// The last event. `session` is the one that it names.
    pub(crate) fn result(&mut self, mut result: Value, session: &str) {
        self.session = session.into();
        match self.format {
            Format::Text => line(result["result"].as_str().unwrap_or("Execution error")),
            Format::Json if !self.verbose => {
                result["session_id"] = json!(session);
                result["uuid"] = json!(Uuid::new_v4().to_string());
                line(&result.to_string());
            }
            Format::Json => {
                self.event(result);
                line(&Value::Array(std::mem::take(&mut self.kept)).to_string());
            }
            Format::StreamJson => self.event(result),
        }
    }
}

/// A whole line in one write.
pub(crate) fn line(text: &str) {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    let mut stdout = io::stdout().lock();
    // See the head of this file.
    let _ = stdout.write_all(&bytes).and_then(|()| stdout.flush());
}
