//! The session's file: where the client keeps it, what its records look like, whole lines only.

use crate::clock::now;
use serde_json::{Value, json};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The version that records carry: the client's whose records these are like.
const VERSION: &str = "2.1.330";

/// A longer name of a directory is cut, and gets a number that tells it from others.
const NAME_MAX: usize = 200;

/// So much of the end of a file is searched for the record that the next one follows. A longer
/// last record only means that the new one follows none.
const TAIL: u64 = 1 << 20;

/// A session that is being written to.
pub(crate) struct Session {
    /// None where the session is to be forgotten.
    file: Option<File>,
    id: String,
    cwd: String,
    permission_mode: String,
    /// The record that the next one follows.
    parent: Option<String>,
    prompt_id: String,
    /// Whether it has no turn yet.
    pub(crate) new: bool,
}

/// Where the sessions of the working directory lie.
pub(crate) fn directory(cwd: &Path) -> Result<PathBuf, String> {
    let config = match std::env::var_os("CLAUDE_CONFIG_DIR").filter(|value| !value.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => match std::env::var_os("HOME").filter(|value| !value.is_empty()) {
            Some(home) => Path::new(&home).join(".claude"),
            None => {
                return Err("Error: neither CLAUDE_CONFIG_DIR nor HOME says where sessions are kept".into());
            }
        },
    };
    Ok(config.join("projects").join(encode(&cwd.to_string_lossy())))
}

impl Session {
    /// Opens the file in `directory` for appending, and makes it if need be; without a directory
    /// all records are dropped.
    pub(crate) fn open(
        directory: Option<&Path>,
        id: &str,
        cwd: &Path,
        permission_mode: &str,
    ) -> Result<Self, String> {
        let mut session = Self {
            file: None,
            id: id.into(),
            cwd: cwd.to_string_lossy().into_owned(),
            permission_mode: permission_mode.into(),
            parent: None,
            prompt_id: Uuid::new_v4().to_string(),
            new: true,
        };
        if let Some(directory) = directory {
            session.open_in(directory).map_err(|error| {
                format!("Error: opening the session file of {id} in {} failed: {error}", directory.display())
            })?;
        }
        Ok(session)
    }

    fn open_in(&mut self, directory: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join(format!("{}.jsonl", self.id));
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        if length > 0 {
            self.new = false;
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut tail = Vec::new();
            (&file).take(TAIL).read_to_end(&mut tail)?;
            self.parent = last_uuid(&tail);
            if tail.last() != Some(&b'\n') {
                // Somebody was killed while writing; what follows must not become part of that.
                file.write_all(b"\n")?;
            }
        }
        self.file = Some(file);
        Ok(())
    }

    /// What the client notes before a question.
    pub(crate) fn question(&mut self, message: &str) {
        let (id, time) = (self.id.clone(), now());
        self.write(
            &json!({"type": "queue-operation", "operation": "enqueue", "timestamp": time, "sessionId": id,
            "content": message}),
        );
        self.write(
            &json!({"type": "queue-operation", "operation": "dequeue", "timestamp": time, "sessionId": id}),
        );
        let mode = self.permission_mode.clone();
        self.record(json!({"promptId": self.prompt_id, "type": "user", "message": {"role": "user", "content": message},
            "permissionMode": mode, "promptSource": "sdk"}));
        if self.new {
            self.record(json!({"type": "attachment", "attachment": {"type": "date", "date": &time[..10]}}));
        }
    }

    /// A message of the user's side that is none of theirs: a tool's result, an interruption.
    pub(crate) fn user(&mut self, content: &Value) {
        self.record(json!({"promptId": self.prompt_id, "type": "user", "message": {"role": "user", "content": content}}));
    }

    /// The result of a tool that was not permitted.
    pub(crate) fn denied(&mut self, content: &Value) {
        self.record(json!({"promptId": self.prompt_id, "type": "user", "message": {"role": "user", "content": content},
            "toolDenialKind": "user-rejected"}));
    }

    /// A message of the agent's, with `more` fields beside it.
    pub(crate) fn assistant(&mut self, message: &Value, more: &Value) {
        let mut record = json!({"message": message, "type": "assistant"});
        if let Some(more) = more.as_object() {
            for (name, value) in more {
                record[name] = value.clone();
            }
        }
        self.record(record);
    }

    /// What the client notes after a turn.
    pub(crate) fn close(&mut self, message: &str, started_ms: u64, duration_ms: u64) {
        let id = self.id.clone();
        let parent = self.parent.clone();
        self.write(
            &json!({"type": "last-prompt", "lastPrompt": message, "leafUuid": parent, "sessionId": id}),
        );
        if self.new {
            self.write(&json!({"type": "ai-title", "aiTitle": title(message), "sessionId": id}));
        }
        self.write(&json!({"type": "mode", "mode": "normal", "sessionId": id}));
        self.write(&json!({"type": "cost-state", "sessionId": id, "totalCostUSD": 0, "totalAPIDuration": 0,
            "totalDuration": duration_ms, "startTime": started_ms, "modelUsage": {}, "hasUnknownModelCost": false}));
    }

    /// A record of the tree.
    fn record(&mut self, fields: Value) {
        let uuid = Uuid::new_v4().to_string();
        let mut record = json!({"parentUuid": self.parent, "isSidechain": false});
        if let Value::Object(fields) = fields {
            for (name, value) in fields {
                record[name] = value;
            }
        }
        for (name, value) in [
            ("uuid", uuid.as_str()),
            ("timestamp", &now()),
            ("userType", "external"),
            ("entrypoint", "sdk-cli"),
            ("cwd", &self.cwd),
            ("sessionId", &self.id),
            ("version", VERSION),
            ("gitBranch", "HEAD"),
        ] {
            record[name] = json!(value);
        }
        self.write(&record);
        self.parent = Some(uuid);
    }

    fn write(&mut self, record: &Value) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(format!("{record}\n").as_bytes())
        {
            // The answer is worth more than its record; the client complains and goes on, too.
            let _ = writeln!(io::stderr(), "writing to the session file of {} failed: {error}", self.id);
            self.file = None;
        }
    }
}

/// What the list of sessions calls it.
fn title(message: &str) -> String {
    const TITLE_MAX: usize = 60;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("Demo: {}", line.chars().take(TITLE_MAX).collect::<String>())
}

fn last_uuid(tail: &[u8]) -> Option<String> {
    tail.split(|byte| *byte == b'\n').rev().find_map(|line| {
        let record: Value = serde_json::from_slice(line).ok()?;
        Some(record.get("uuid")?.as_str()?.to_owned())
    })
}

/// The client's name for a working directory: every UTF-16 unit but letters and digits of ASCII
/// becomes `-`; a long one is cut and gets a number of the whole.
fn encode(cwd: &str) -> String {
    let plain = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii_alphanumeric).map_or('-', char::from);
    let name: String = cwd.encode_utf16().map(plain).collect();
    if name.len() <= NAME_MAX {
        return name;
    }
    let number =
        cwd.encode_utf16().fold(0i32, |sum, unit| sum.wrapping_mul(31).wrapping_add(i32::from(unit)));
    format!("{}-{}", &name[..NAME_MAX], base36(number.unsigned_abs()))
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn directories_are_named_as_the_client_names_them() {
        let pairs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/cwd-encoding.json");
        let pairs: Value = serde_json::from_slice(&fs::read(pairs).expect("the fixture")).expect("JSON");
        let pairs = pairs.as_array().expect("a list");
        assert!(pairs.len() > 5);
        for pair in pairs {
            let (cwd, name) = (pair["cwd"].as_str().expect("text"), pair["dir"].as_str().expect("text"));
            assert_eq!(encode(cwd), name, "{cwd}");
        }
    }

    #[test]
    fn a_truncated_last_line_stays_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("x.jsonl");
        fs::write(&path, "{\"uuid\":\"first\"}\n{\"uuid\":\"sec").expect("written");
        let mut session = Session::open(Some(place.path()), "x", Path::new("/w"), "default").expect("open");
        assert_eq!((session.parent.as_deref(), session.new), (Some("first"), false));
        session.user(&json!("hello"));
        let text = fs::read_to_string(&path).expect("read");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..2], ["{\"uuid\":\"first\"}", "{\"uuid\":\"sec"]);
        let record: Value = serde_json::from_str(lines[2]).expect("JSON");
        assert_eq!((&record["parentUuid"], &record["cwd"]), (&json!("first"), &json!("/w")));
    }
}
