//! An agent that says what a test gives it, when the test gives it: word by word, in events like the
//! client's. Owns one answer; knows nothing of sessions' files, and of pages even less.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::host::Setup;
use crate::stand_in;

/// Prints the pieces in their order, each once it is there, and then the result.
const SPEAKING: &str = r#"
cat >"$HOME/question"
number=1
while :; do
    if [ -e "$HOME/say-$number" ]; then cat "$HOME/say-$number"; number=$((number + 1))
    elif [ -e "$HOME/go" ]; then break
    else sleep 0.02; fi
done
answer "$(cat "$HOME/said")"
"#;

/// The other end of the agent's mouth.
#[derive(Debug)]
pub struct Speaker {
    home: PathBuf,
    pieces: Cell<u32>,
    said: RefCell<String>,
}

impl Speaker {
    /// Makes it the agent of this setup.
    pub fn new(setup: Setup) -> (Setup, Self) {
        let setup = stand_in::instead(setup, SPEAKING);
        let speaker = Self { home: setup.home(), pieces: Cell::new(0), said: RefCell::default() };
        speaker.print(&[
            event(&json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
                "role": "assistant", "model": "made", "content": []}})),
            event(&json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "text", "text": ""}})),
        ]);
        (setup, speaker)
    }

    /// Says more.
    pub fn say(&self, text: &str) {
        self.said.borrow_mut().push_str(text);
        self.print(&[event(&json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": text}}))]);
    }

    /// Uses a tool, which ends at once.
    pub fn use_tool(&self, name: &str, input: &Value, output: &str) {
        let id = format!("toolu_{}", self.pieces.get());
        let call = json!([{"type": "tool_use", "id": id, "name": name, "input": input}]);
        let result =
            json!([{"type": "tool_result", "tool_use_id": id, "content": output, "is_error": false}]);
        self.print(&[
            json!({"type": "assistant", "message": {"id": "msg_1", "type": "message", "role": "assistant",
                "model": "made", "content": call}, "parent_tool_use_id": null}),
            json!({"type": "user", "message": {"role": "user", "content": result},
                "parent_tool_use_id": null}),
        ]);
    }

    /// Prints these lines.
    pub fn print(&self, lines: &[Value]) {
        let number = self.pieces.get() + 1;
        self.pieces.set(number);
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        // Whole or not at all: the agent looks all the time.
        let beside = self.home.join("saying");
        fs::write(&beside, lines).expect("writing what is to be said");
        fs::rename(&beside, self.home.join(format!("say-{number}"))).expect("handing it over");
    }

    /// Ends the answer: the result is all that was said.
    pub fn finish(&self) {
        let said = Value::from(self.said.borrow().as_str()).to_string();
        // The script puts it between quotation marks of its own.
        fs::write(self.home.join("said"), &said[1..said.len() - 1]).expect("writing the result");
        fs::write(self.home.join("go"), "").expect("telling the agent to end");
    }
}

fn event(event: &Value) -> Value {
    json!({"type": "stream_event", "event": event, "parent_tool_use_id": null})
}
