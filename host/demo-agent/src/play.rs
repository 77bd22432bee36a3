//! Says things as the client does: as events on standard output and as records in the session's
//! file, word by word, until it is interrupted.

use crate::clock::Signals;
use crate::output::Output;
use crate::script::Pace;
use crate::session::Session;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// What the client's `model` says.
pub(crate) const MODEL: &str = "overlord-demo";

/// SIGINT has come.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// A turn under way.
pub(crate) struct Play {
    pub(crate) output: Output,
    pub(crate) session: Session,
    pub(crate) signals: Signals,
    pub(crate) pace: Pace,
    /// How many messages there were.
    pub(crate) messages: u64,
    /// Tools that were not permitted, as the result lists them.
    pub(crate) denials: Vec<Value>,
    /// The message that is being said: its id, and the words so far.
    open: Option<(String, String)>,
}

/// A tool that is pretended to be used.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) input: Value,
    pub(crate) output: &'static str,
    pub(crate) denied: bool,
}

/// A text comes in no more pieces than this, however long it is.
const PIECES_MAX: usize = 200;

/// Between two words, when one may watch.
const WORD: Duration = Duration::from_millis(25);

/// A text takes no longer than this, when one may watch.
const TEXT: Duration = Duration::from_secs(3);

/// A tool takes this long, when one may watch.
const TOOL: Duration = Duration::from_millis(400);

impl Play {
    pub(crate) fn new(output: Output, session: Session, signals: Signals, pace: Pace) -> Self {
        Self { output, session, signals, pace, messages: 0, denials: Vec::new(), open: None }
    }

    /// A whole message.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Interrupted> {
        self.begin(text)?;
        self.block(0, &json!({"type": "text", "text": text}), "end_turn");
        self.finish("end_turn");
        Ok(())
    }

    /// The words of a message that goes on, or breaks off.
    pub(crate) fn begin(&mut self, text: &str) -> Result<(), Interrupted> {
        let id = format!("msg_demo_{}", Uuid::new_v4().simple());
        self.output.api(
            json!({"type": "message_start", "message": {"id": id, "type": "message", "role": "assistant",
            "model": MODEL, "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage()}}),
        );
        self.output.api(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        );
        self.open = Some((id, String::new()));
        let pieces = pieces(text);
        let pause = match self.pace {
            Pace::Fast => Duration::ZERO,
            Pace::Pleasant => WORD.min(TEXT / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX)),
            Pace::Slow(seconds) => {
                Duration::from_secs(seconds) / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX)
            }
        };
        for piece in pieces {
            if !self.signals.wait(pause) {
                return Err(Interrupted);
            }
            self.output.api(json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": piece}}));
            if let Some((_, said)) = &mut self.open {
                said.push_str(piece);
            }
        }
        Ok(())
    }

    /// A message with a tool call, and what came of the call.
    pub(crate) fn use_tool(&mut self, text: &str, tool: &Tool) -> Result<(), Interrupted> {
        let id = format!("toolu_demo_{}", Uuid::new_v4().simple());
        self.begin(text)?;
        self.block(0, &json!({"type": "text", "text": text}), "tool_use");
        self.output.api(json!({"type": "content_block_start", "index": 1,
            "content_block": {"type": "tool_use", "id": id, "name": tool.name, "input": {}}}));
        self.output.api(json!({"type": "content_block_delta", "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": tool.input.to_string()}}));
        self.block(
            1,
            &json!({"type": "tool_use", "id": id, "name": tool.name, "input": tool.input}),
            "tool_use",
        );
        self.finish("tool_use");
        if !self.rest(TOOL) {
            return Err(Interrupted);
        }
        if tool.denied {
            self.output
                .event(json!({"type": "system", "subtype": "permission_denied", "tool_name": tool.name,
                "tool_use_id": id, "message": tool.output}));
            self.denials.push(json!({"tool_name": tool.name, "tool_use_id": id, "tool_input": tool.input}));
        }
        let content = json!([{"tool_use_id": id, "type": "tool_result", "content": tool.output, "is_error": tool.denied}]);
        self.output.event(json!({"type": "user", "message": {"role": "user", "content": content},
            "parent_tool_use_id": null}));
        if tool.denied {
            self.session.denied(&content);
        } else {
            self.session.user(&content);
        }
        Ok(())
    }

    /// A pause, where one may watch; false where SIGINT has come.
    #[must_use]
    pub(crate) fn rest(&self, time: Duration) -> bool {
        self.signals.wait(if self.pace == Pace::Fast { Duration::ZERO } else { time })
    }

    /// Leaves off in the middle, as the client does after SIGINT. False where nothing was said in
    /// this turn, so that no result is due.
    pub(crate) fn leave_off(&mut self) -> bool {
        let anything = self.messages > 0 || self.open.as_ref().is_some_and(|(_, said)| !said.is_empty());
        if let Some((id, said)) = self.open.take().filter(|(_, said)| !said.is_empty()) {
            let message = message(&id, &json!({"type": "text", "text": said}), &Value::Null);
            self.output.event(json!({"type": "assistant", "message": message, "parent_tool_use_id": null}));
            self.session.assistant(&message, &json!({"isAbortedMidStream": true}));
        }
        let marker = json!([{"type": "text", "text": "[Request interrupted by user]"}]);
        self.output.event(json!({"type": "user", "message": {"role": "user", "content": marker},
            "parent_tool_use_id": null}));
        self.session.user(&marker);
        anything
    }

    /// A complete block: the event comes before the API's own says so.
    fn block(&mut self, index: u64, block: &Value, stop: &str) {
        if let Some((id, _)) = &self.open {
            let event = json!({"type": "assistant", "message": message(id, block, &Value::Null),
                "parent_tool_use_id": null});
            self.session.assistant(&message(id, block, &json!(stop)), &Value::Null);
            self.output.event(event);
        }
        self.output.api(json!({"type": "content_block_stop", "index": index}));
    }

    fn finish(&mut self, stop: &str) {
        self.open = None;
        self.messages += 1;
        self.output
            .api(json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
            "usage": {"output_tokens": 0}}));
        self.output.api(json!({"type": "message_stop"}));
    }
}

pub(crate) fn usage() -> Value {
    json!({"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0,
        "service_tier": "standard"})
}

fn message(id: &str, block: &Value, stop: &Value) -> Value {
    json!({"id": id, "type": "message", "role": "assistant", "model": MODEL, "content": [block], "stop_reason": stop,
        "stop_sequence": null, "usage": usage()})
}

/// The text in words with the space that follows, several in a piece where there are many.
fn pieces(text: &str) -> Vec<&str> {
    let words = text.split_inclusive(char::is_whitespace).count();
    let in_a_piece = words.div_ceil(PIECES_MAX).max(1);
    let mut pieces = Vec::new();
    let (mut from, mut to, mut count) = (0, 0, 0);
    for word in text.split_inclusive(char::is_whitespace) {
        to += word.len();
        count += 1;
        if count == in_a_piece {
            pieces.push(&text[from..to]);
            (from, count) = (to, 0);
        }
    }
    if from < to {
        pieces.push(&text[from..to]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_words_and_never_too_many() {
        assert_eq!(pieces("one two\nthree"), ["one ", "two\n", "three"]);
        assert!(pieces("").is_empty());
        for words in [PIECES_MAX, PIECES_MAX + 1, 100_000] {
            let text = "wört ".repeat(words);
            let pieces = pieces(&text);
            assert!(pieces.len() <= PIECES_MAX && pieces.len() > PIECES_MAX / 2, "{words}");
            assert_eq!(pieces.concat(), text);
        }
    }
}
