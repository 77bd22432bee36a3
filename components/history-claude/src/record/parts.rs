//! The parts of a record that matter, as JSON gives them. Of a key that comes more than once the
//! last one counts, as in every JSON parser of a browser or of Python; a value of an unexpected type
//! counts as none. Decides nothing.

use crate::json::{Cursor, NotJson, Text};

/// Elements other than text that are kept of one message. The client writes a line for each one;
/// without a limit a line of ten megabytes of `{"type":"x"}` would take many times as much memory.
pub(crate) const OTHERS_MAX: usize = 1024;

/// One line.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // the client's, one for each reason to hide a record
pub(super) struct Record<'a> {
    /// `type`.
    pub(super) kind: Option<Text<'a>>,
    /// `message`.
    pub(super) message: Body<'a>,
    /// `timestamp`.
    pub(super) timestamp: Option<Text<'a>>,
    /// `isMeta`: a note to the model.
    pub(super) is_meta: bool,
    /// `isCompactSummary`: what a compacted conversation was replaced by.
    pub(super) is_compact_summary: bool,
    /// `isSidechain`: said by or to a subagent.
    pub(super) is_sidechain: bool,
    /// `isApiErrorMessage`: the client says what went wrong.
    pub(super) is_api_error: bool,
    /// `toolDenialKind`: why a tool was not permitted.
    pub(super) denial: Option<Text<'a>>,
}

/// `message` of a record.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub(super) model: Option<Text<'a>>,
    pub(super) content: Content<'a>,
}

/// `content` of a message or of a tool's result.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    /// The string that it is, or those of its elements of type `text`.
    pub(super) texts: Vec<Text<'a>>,
    /// Its elements of another type, the first [`OTHERS_MAX`] of them.
    pub(super) others: Vec<Block<'a>>,
}

/// One element of a content that is a list.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    /// `type`.
    pub(super) kind: Option<Text<'a>>,
    pub(super) text: Option<Text<'a>>,
    pub(super) thinking: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    /// As it is written.
    pub(super) input: &'a [u8],
    pub(super) tool_use_id: Option<Text<'a>>,
    /// As it is written.
    pub(super) content: &'a [u8],
    pub(super) is_error: bool,
}

impl<'a> Record<'a> {
    /// The record that `line` is.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, NotJson> {
        let mut record = Self::default();
        let mut cursor = Cursor::new(line);
        cursor.object(|value, key| {
            match &*key.bytes() {
                b"type" => record.kind = value.text()?,
                b"message" => record.message = Body::read(value)?,
                b"timestamp" => record.timestamp = value.text()?,
                b"isMeta" => record.is_meta = value.flag()?,
                b"isCompactSummary" => record.is_compact_summary = value.flag()?,
                b"isSidechain" => record.is_sidechain = value.flag()?,
                b"isApiErrorMessage" => record.is_api_error = value.flag()?,
                b"toolDenialKind" => record.denial = value.text()?,
                _ => drop(value.skip()?),
            }
            Ok(())
        })?;
        cursor.end()?;
        Ok(record)
    }
}

impl<'a> Body<'a> {
    fn read(value: &mut Cursor<'a>) -> Result<Self, NotJson> {
        let mut body = Self::default();
        value.object(|value, key| {
            match &*key.bytes() {
                b"model" => body.model = value.text()?,
                b"content" => body.content = Content::read(value)?,
                _ => drop(value.skip()?),
            }
            Ok(())
        })?;
        Ok(body)
    }
}

impl<'a> Content<'a> {
    /// The content that comes next.
    pub(super) fn read(value: &mut Cursor<'a>) -> Result<Self, NotJson> {
        let mut content = Self::default();
        if value.peek() == Some(b'"') {
            content.texts.extend(value.text()?);
            return Ok(content);
        }
        value.list(|value| {
            let block = Block::read(value)?;
            match block.kind {
                Some(kind) if kind.is("text") => content.texts.extend(block.text),
                Some(_) if content.others.len() < OTHERS_MAX => content.others.push(block),
                _ => {}
            }
            Ok(())
        })?;
        Ok(content)
    }

    /// What it says.
    pub(super) fn text(&self) -> String {
        match self.texts.as_slice() {
            [text] => text.decode(),
            texts => texts.iter().map(Text::decode).collect(),
        }
    }
}

impl<'a> Block<'a> {
    fn read(value: &mut Cursor<'a>) -> Result<Self, NotJson> {
        let mut block = Self::default();
        value.object(|value, key| {
            match &*key.bytes() {
                b"type" => block.kind = value.text()?,
                b"text" => block.text = value.text()?,
                b"thinking" => block.thinking = value.text()?,
                b"id" => block.id = value.text()?,
                b"name" => block.name = value.text()?,
                b"input" => block.input = value.skip()?,
                b"tool_use_id" => block.tool_use_id = value.text()?,
                b"content" => block.content = value.skip()?,
                b"is_error" => block.is_error = value.flag()?,
                _ => drop(value.skip()?),
            }
            Ok(())
        })?;
        Ok(block)
    }
}
