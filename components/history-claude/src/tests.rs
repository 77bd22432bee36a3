//! What the unit tests share: files in memory, recordings, chance that repeats itself, and a plain
//! second opinion on what a file shows.
#![expect(clippy::disallowed_methods, reason = "recordings are files")]

use std::path::PathBuf;

use serde_json::Value;

use crate::record::{Kind, Message, Role};
use crate::source::{READ_MAX, Source, SourceError};

mod lists;
mod messages;
mod pages;
#[path = "../../../tests/src/session_files.rs"]
#[allow(dead_code, unreachable_pub)] // it is a module of another crate, where the rest is used
pub(crate) mod session_files;

/// A file in memory that counts what is read of it.
pub(crate) struct Memory<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) read: u64,
    pub(crate) largest: usize,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, read: 0, largest: 0 }
    }
}

impl Source for Memory<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, SourceError> {
        assert!(length as usize <= READ_MAX, "more was asked for than the contract allows");
        let from = usize::try_from(offset).unwrap().min(self.bytes.len());
        let to = (from + length as usize).min(self.bytes.len());
        self.read += (to - from) as u64;
        self.largest = self.largest.max(to - from);
        Ok(self.bytes[from..to].to_vec())
    }
}

/// Chance that is the same in every run (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// The recorded session files by name.
pub(crate) fn recordings() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sessions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 10, "recordings are missing");
    files
}

/// One recording.
pub(crate) fn recording(name: &str) -> Vec<u8> {
    recordings().into_iter().find(|(other, _)| other == name).unwrap().1
}

/// What a file shows in the plain form according to the simplest program that could say so: every
/// line parsed as a whole, nothing filtered, nothing in pieces.
pub(crate) fn shown(file: &[u8]) -> Vec<Message> {
    let mut offset = 0;
    let mut messages = Vec::new();
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        messages.extend(shown_of(line, offset));
        offset += line.len() as u64;
    }
    messages
}

fn shown_of(line: &[u8], offset: u64) -> Option<Message> {
    let record: Value = serde_json::from_str(&String::from_utf8_lossy(line)).ok()?;
    let message = &record["message"];
    let role = match record["type"].as_str()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    };
    let text = match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| block["type"] == "text");
            texts.filter_map(|block| block["text"].as_str()).collect()
        }
        _ => return None,
    };
    let is_true = |key: &str| record[key] == true;
    let is_error = role == Role::Assistant && is_true("isApiErrorMessage");
    let made_up = role == Role::Assistant && message["model"] == "<synthetic>" && !is_error;
    let not_said = role == Role::User
        && (text.starts_with("<command-")
            || text.starts_with("<local-command-")
            || text.starts_with("<task-notification>"));
    let noted = is_true("isMeta") || is_true("isCompactSummary") || is_true("isSidechain");
    if text.is_empty() || made_up || not_said || noted {
        return None;
    }
    let interrupted =
        role == Role::User && text.starts_with("[Request interrupted by user") && text.ends_with(']');
    let kind = match (is_error, interrupted) {
        (true, _) => Kind::Error,
        (_, true) => Kind::Marker,
        _ => Kind::Text,
    };
    let timestamp = record["timestamp"].as_str().map(ToOwned::to_owned);
    Some(Message { role, kind, text, timestamp, offset, asides: Vec::new() })
}
