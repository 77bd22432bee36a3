//! One line of a session file: what it shows in a chat, if anything. Knows the client's records,
//! and not where lines come from.
//!
//! Shown is what people and the model said to each other. Hidden are all other records, and of
//! these two kinds what the client itself hides: notes to the model, summaries of what was
//! compacted, the talk of subagents, commands and what they printed, and answers that the client
//! made up.

use crate::json::{self, Cursor, Text};
use crate::record::parts::{Block, Content, Record};

mod parts;

#[cfg(test)]
pub(crate) use parts::OTHERS_MAX;

/// What a text of the user's begins with that the client wrote in the user's name.
const NOT_THE_USERS: [&str; 3] = ["<command-", "<local-command-", "<task-notification>"];

/// What the client writes in the user's name where the user stopped an answer, up to the part that
/// differs; it ends with `]`.
const INTERRUPTED: &str = "[Request interrupted by user";

/// The model's name in records that no model wrote.
const NO_MODEL: &str = "<synthetic>";

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person.
    User,
    /// The model.
    Assistant,
}

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As what was said.
    Text,
    /// As a note: an answer was interrupted.
    Marker,
    /// As an error of the service behind the client.
    Error,
}

/// What else there is to a message in the detailed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// `tool-call`, `tool-result`, `denied` (a result that says that the call was not permitted)
    /// or `thinking`.
    pub kind: &'static str,
    /// Joins a call and its result or denial.
    pub id: String,
    /// The tool's name, of a call.
    pub name: String,
    /// A call's input as the file has it, a result's text, a thought.
    pub text: String,
    /// Whether a result is an error.
    pub failed: bool,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// How to show it.
    pub kind: Kind,
    /// What was said; empty only where there are asides.
    pub text: String,
    /// As the file has it.
    pub timestamp: Option<String>,
    /// Where the line begins in the file.
    pub offset: u64,
    /// Empty in the plain form.
    pub asides: Vec<Aside>,
}

/// The message that `line` is, with or without its line end; none where it is hidden or no record
/// at all. `offset` is where the line begins in the file.
pub fn read(line: &[u8], offset: u64, detailed: bool) -> Option<Message> {
    let record = Record::read(line).ok()?;
    let role = match record.kind? {
        kind if kind.is("user") => Role::User,
        kind if kind.is("assistant") => Role::Assistant,
        _ => return None,
    };
    if record.is_meta || record.is_compact_summary || record.is_sidechain {
        return None;
    }
    let is_error = role == Role::Assistant && record.is_api_error;
    let is_made_up = record.message.model.is_some_and(|model| model.is(NO_MODEL));
    if role == Role::Assistant && is_made_up && !is_error {
        return None;
    }
    let content = record.message.content;
    let text = content.text();
    let kind = match role {
        Role::User if NOT_THE_USERS.iter().any(|start| text.starts_with(start)) => return None,
        Role::User if text.starts_with(INTERRUPTED) && text.ends_with(']') => Kind::Marker,
        Role::Assistant if is_error => Kind::Error,
        _ => Kind::Text,
    };
    let is_denied = record.denial.is_some();
    let others = content.others.iter().filter(|_| detailed);
    let asides: Vec<_> = others.filter_map(|block| aside(block, is_denied)).collect();
    if text.is_empty() && asides.is_empty() {
        return None;
    }
    let timestamp = record.timestamp.map(|timestamp| timestamp.decode());
    Some(Message { role, kind, text, timestamp, offset, asides })
}

fn aside(block: &Block<'_>, is_denied: bool) -> Option<Aside> {
    let kind = block.kind?;
    let plain = |text: Option<Text<'_>>| text.map(|text| text.decode()).unwrap_or_default();
    if kind.is("tool_use") {
        Some(Aside {
            kind: "tool-call",
            id: plain(block.id),
            name: plain(block.name),
            text: json::text_of(block.input.to_vec()),
            failed: false,
        })
    } else if kind.is("tool_result") {
        let content = Content::read(&mut Cursor::new(block.content)).unwrap_or_default();
        Some(Aside {
            kind: if is_denied { "denied" } else { "tool-result" },
            id: plain(block.tool_use_id),
            name: String::new(),
            text: content.text(),
            failed: block.is_error,
        })
    } else if kind.is("thinking") {
        let text = plain(block.thinking);
        let thought = Aside { kind: "thinking", id: String::new(), name: String::new(), text, failed: false };
        Some(thought).filter(|thought| !thought.text.is_empty())
    } else {
        None
    }
}
