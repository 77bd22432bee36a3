//! A script in the client's place that says what it was given: events on its output, records in the
//! session's file. Owns their shape, as the client has it; what is said is `said`'s.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::said::{Part, Said};

/// What the host is told to run, and shows as the name of the agent.
pub const NAME: &str = "claude";

/// It says the lines of the file `events`, some a moment, and keeps those of `records`. The text
/// `SESSION` in them is the session's id, which is one of the arguments. With a file `hold` it does
/// not end before there is a file `go`.
const SCRIPT: &str = r#"#!/bin/sh
for argument; do
    case $argument in --session-id=* | --resume=*) session=${argument#*=} ;; esac
done
cat >"$HOME/question"
folder="$HOME/.claude/projects/$(pwd | sed 's/[^A-Za-z0-9]/-/g')"
mkdir -p "$folder"
sed "s/SESSION/$session/" "$HOME/records" >>"$folder/$session.jsonl"
sed "s/SESSION/$session/" "$HOME/events" | while IFS= read -r line; do
    case $line in *'"result"'*) [ ! -e "$HOME/hold" ] || while [ ! -e "$HOME/go" ]; do sleep 0.05; done ;; esac
    printf '%s\n' "$line"
    [ -e "$HOME/hurry" ] || sleep 0.01
done
"#;

/// Where the script is and what it reads.
#[derive(Debug)]
pub struct Agent {
    home: PathBuf,
}

impl Agent {
    /// Writes it into `folder`, to be found on a `PATH`, and lets it read in `home`.
    pub fn write(folder: &Path, home: PathBuf) -> Self {
        fs::create_dir(folder).expect("making a folder for the agent");
        let program = folder.join(NAME);
        fs::write(&program, SCRIPT).expect("writing the agent");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("making it a program");
        Self { home }
    }

    /// What it says to the next question.
    pub fn is_to_say(&self, said: &Said) {
        let lines = |lines: Vec<Value>| {
            lines.iter().fold(String::new(), |mut text, line| {
                writeln!(text, "{line}").expect("a string takes all");
                text
            })
        };
        fs::write(self.home.join("events"), lines(events(said))).expect("telling the agent what to say");
        fs::write(self.home.join("records"), lines(records(said))).expect("telling the agent what to keep");
    }

    /// Whether it takes no time over it.
    pub fn hurries(&self, hurries: bool) {
        self.says("hurry", hurries);
    }

    /// Whether it stops short of the end, once it has said everything.
    pub fn holds(&self, holds: bool) {
        self.says("hold", holds);
    }

    /// Lets it end.
    pub fn lets_go(&self) {
        self.says("go", true);
    }

    fn says(&self, name: &str, is_so: bool) {
        let file = self.home.join(name);
        if is_so {
            fs::write(file, "").expect("telling the agent");
        } else if file.exists() {
            fs::remove_file(file).expect("telling the agent");
        }
    }
}

/// The lines that the client prints.
fn events(said: &Said) -> Vec<Value> {
    let mut lines = vec![json!({"type": "system", "subtype": "init", "session_id": "SESSION"})];
    for (place, part) in said.parts.iter().enumerate() {
        lines.push(api(json!({"type": "message_start", "message": message(&json!([]))})));
        if let Part::Text(text) = part {
            let block = json!({"type": "text", "text": ""});
            lines.push(api(json!({"type": "content_block_start", "index": 0, "content_block": block})));
            lines.extend(text.split_inclusive(' ').map(|word| {
                let delta = json!({"type": "text_delta", "text": word});
                api(json!({"type": "content_block_delta", "index": 0, "delta": delta}))
            }));
        }
        let whole = message(&json!([block(place, part)]));
        lines.push(json!({"type": "assistant", "message": whole, "session_id": "SESSION"}));
        lines.push(api(json!({"type": "content_block_stop", "index": 0})));
        lines.push(api(json!({"type": "message_stop"})));
        if let Part::Tool { output, failed, .. } = part {
            let message = json!({"role": "user", "content": [result(place, output, *failed)]});
            lines.push(json!({"type": "user", "message": message, "session_id": "SESSION"}));
        }
    }
    lines
        .push(json!({"type": "result", "subtype": "success", "is_error": false, "duration_ms": said.took_ms,
        "num_turns": said.parts.len(), "result": said.last_text(), "session_id": "SESSION"}));
    lines
}

/// The lines that the client keeps.
fn records(said: &Said) -> Vec<Value> {
    let mut contents = vec![("user", json!(said.question))];
    for (place, part) in said.parts.iter().enumerate() {
        contents.push(("assistant", json!([block(place, part)])));
        if let Part::Tool { output, failed, .. } = part {
            contents.push(("user", json!([result(place, output, *failed)])));
        }
    }
    let record = |(role, content): (&str, Value)| {
        let message =
            if role == "user" { json!({"role": role, "content": content}) } else { message(&content) };
        json!({"isSidechain": false, "type": role, "message": message, "uuid": "", "sessionId": "SESSION"})
    };
    let mut lines: Vec<_> = contents.into_iter().map(record).collect();
    lines.push(json!({"type": "ai-title", "aiTitle": said.title, "sessionId": "SESSION"}));
    lines
}

fn block(place: usize, part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Tool { name, input, .. } => {
            json!({"type": "tool_use", "id": id(place), "name": name, "input": {input.0: input.1}})
        }
    }
}

fn result(place: usize, output: &str, failed: bool) -> Value {
    json!({"type": "tool_result", "tool_use_id": id(place), "content": output, "is_error": failed})
}

fn message(content: &Value) -> Value {
    json!({"id": "msg", "type": "message", "role": "assistant", "content": content})
}

fn api(event: Value) -> Value {
    let mut line = json!({"type": "stream_event", "session_id": "SESSION"});
    line["event"] = event;
    line
}

fn id(place: usize) -> String {
    format!("toolu_{place}")
}
