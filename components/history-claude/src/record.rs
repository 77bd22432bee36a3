//! One line of a session file: what it shows in a chat, if anything. Knows the client's records,
//! and not where lines come from.
//!
//! Shown is what people and the model said to each other. Hidden are all other records, and of
//! these two kinds what the client itself hides: notes to the model, summaries of what was
//! compacted, the talk of subagents, commands and what they printed, and answers that the client
//! made up.

use std::borrow::Cow;

use crate::loose;
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
    // Hidden records are well-formed too: the outer option says whether it is JSON.
    loose::with_json(line, |json| {
        let record: Record<'_> = serde_json::from_str(json).ok()?;
        Some(message(record, offset, detailed))
    })?
}

fn message(record: Record<'_>, offset: u64, detailed: bool) -> Option<Message> {
    let role = match record.kind.0.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => return None,
    };
    let is_error = role == Role::Assistant && record.is_api_error.0;
    if record.is_meta.0 || record.is_compact_summary.0 || record.is_sidechain.0 {
        return None;
    }
    if role == Role::Assistant && record.message.model.is(NO_MODEL) && !is_error {
        return None;
    }
    let denied = record.denial.0.is_some();
    let (text, asides) = match record.message.content {
        Content::Nothing => return None,
        Content::Text(text) => (text.into_owned(), Vec::new()),
        Content::Blocks(blocks) => {
            let others = blocks.others.into_iter().filter(|_| detailed);
            let asides = others.filter_map(|block| aside(block, denied)).collect();
            (blocks.text.into_owned(), asides)
        }
    };
    let kind = match role {
        Role::User if NOT_THE_USERS.iter().any(|start| text.starts_with(start)) => return None,
        Role::User if text.starts_with(INTERRUPTED) && text.ends_with(']') => Kind::Marker,
        Role::Assistant if is_error => Kind::Error,
        _ => Kind::Text,
    };
    if text.is_empty() && asides.is_empty() {
        return None;
    }
    let timestamp = record.timestamp.0.map(Cow::into_owned);
    Some(Message { role, kind, text, timestamp, offset, asides })
}

fn aside(block: Block<'_>, denied: bool) -> Option<Aside> {
    match block.kind.0.as_deref()? {
        "tool_use" => Some(Aside {
            kind: "tool-call",
            id: block.id.or_empty(),
            name: block.name.or_empty(),
            text: block.input.map_or_else(String::new, |input| input.get().to_owned()),
            failed: false,
        }),
        "tool_result" => Some(Aside {
            kind: if denied { "denied" } else { "tool-result" },
            id: block.tool_use_id.or_empty(),
            name: String::new(),
            text: block.content.map_or_else(String::new, |content| text_of(content.get())),
            failed: block.is_error.0,
        }),
        "thinking" => Some(Aside {
            kind: "thinking",
            id: String::new(),
            name: String::new(),
            text: block.thinking.map_or_else(String::new, |thought| text_of(thought.get())),
            failed: false,
        })
        .filter(|thought| !thought.text.is_empty()),
        _ => None,
    }
}

/// The text that `json` holds: a string, or its blocks of type `text`.
fn text_of(json: &str) -> String {
    let text = loose::with_json(json.as_bytes(), |json| {
        Some(match serde_json::from_str(json).ok()? {
            Content::Nothing => String::new(),
            Content::Text(text) => text.into_owned(),
            Content::Blocks(blocks) => blocks.text.into_owned(),
        })
    });
    text.unwrap_or_default()
}
