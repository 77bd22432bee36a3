//! The comparison for history: a session's file read as one would in native Rust, line by line with
//! `serde_json`, borrowing what can be borrowed, the same messages written as the same JSON.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How much is read at a time; the host's component reads as much.
const BUFFER: usize = 1 << 20;

/// A line of the file, as far as it matters to a chat. (Serde borrows a `Cow` only where it stands by
/// itself, not within an `Option`.)
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Cow<'a, str>,
    #[serde(default)]
    is_meta: bool,
    #[serde(default)]
    is_sidechain: bool,
    /// Parsed only where the type says that it is a message.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'a str,
    text: &'a str,
    timestamp: &'a str,
}

/// How many messages there are and how many bytes they make as JSON. The JSON is written and thrown
/// away, line by line.
pub(crate) fn read(file: &Path) -> anyhow::Result<(u64, u64)> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(file)?);
    let (mut line, mut json) = (Vec::new(), Vec::new());
    let (mut messages, mut bytes) = (0, 0);
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok((messages, bytes));
        }
        json.clear();
        if write_message(&line, &mut json)? {
            messages += 1;
            bytes += json.len() as u64;
        }
    }
}

fn write_message(line: &[u8], json: &mut Vec<u8>) -> anyhow::Result<bool> {
    let record: Record<'_> = serde_json::from_slice(line)?;
    let (Some(message), "user" | "assistant", false) =
        (record.message, record.kind.as_ref(), record.is_meta || record.is_sidechain)
    else {
        return Ok(false);
    };
    let message: Message<'_> = serde_json::from_str(message.get())?;
    let Some(content) = message.content.map(RawValue::get) else { return Ok(false) };
    let text = if content.starts_with('"') {
        serde_json::from_str::<Text<'_>>(content)?.0
    } else {
        let blocks: Vec<Block<'_>> = serde_json::from_str(content)?;
        blocks
            .into_iter()
            .filter(|block| block.kind == "text")
            .fold(Cow::default(), |all, block| all + block.text)
    };
    let said = Said { role: &record.kind, text: &text, timestamp: &record.timestamp };
    serde_json::to_writer(json, &said)?;
    Ok(!text.is_empty())
}
