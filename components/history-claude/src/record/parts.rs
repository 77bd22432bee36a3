//! The parts of a record that matter, as JSON gives them. Of a key that comes more than once the
//! last one counts, as in every JSON parser of a browser or of Python. Decides nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::loose::{Flag, Text, nothing_for};

/// One line.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    /// `type`.
    pub(super) kind: Text<'a>,
    /// `message`.
    pub(super) message: Body<'a>,
    /// `timestamp`.
    pub(super) timestamp: Text<'a>,
    /// `isMeta`: a note to the model.
    pub(super) is_meta: Flag,
    /// `isCompactSummary`: what a compacted conversation was replaced by.
    pub(super) is_compact_summary: Flag,
    /// `isSidechain`: said by or to a subagent.
    pub(super) is_sidechain: Flag,
    /// `isApiErrorMessage`: the client says what went wrong.
    pub(super) is_api_error: Flag,
    /// `toolDenialKind`: why a tool was not permitted.
    pub(super) denial: Text<'a>,
}

/// `message` of a record.
#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub(super) model: Text<'a>,
    pub(super) content: Content<'a>,
}

/// `content` of a message or of a tool's result.
#[derive(Debug, Default)]
pub(super) enum Content<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Blocks(Blocks<'a>),
}

/// The elements of a content that is a list.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a> {
    /// The texts of those of type `text`, joined.
    pub(super) text: Cow<'a, str>,
    /// Those of another type, the first [`OTHERS_MAX`] of them.
    pub(super) others: Vec<Block<'a>>,
}

/// Elements other than text that are kept of one message. The client writes a line for each one;
/// without a limit a line of ten megabytes of `{"type":"x"}` would take twenty times as much memory.
pub(crate) const OTHERS_MAX: usize = 1024;

/// One element of a content that is a list. What only the detailed form wants stays undecoded.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    /// `type`.
    pub(super) kind: Text<'a>,
    pub(super) text: Text<'a>,
    pub(super) thinking: Option<&'a RawValue>,
    pub(super) id: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) input: Option<&'a RawValue>,
    pub(super) tool_use_id: Text<'a>,
    pub(super) content: Option<&'a RawValue>,
    pub(super) is_error: Flag,
}

impl<'a> Blocks<'a> {
    fn add(&mut self, block: Block<'a>) {
        if !block.kind.is("text") {
            if block.kind.0.is_some() && self.others.len() < OTHERS_MAX {
                self.others.push(block);
            }
        } else if let Some(text) = block.text.0 {
            // The only text, most of the time: what was decoded is handed on without a copy.
            if self.text.is_empty() {
                self.text = text;
            } else {
                self.text.to_mut().push_str(&text);
            }
        }
    }
}

/// Reads an object key by key into the fields named; everything else counts as nothing.
macro_rules! from_object {
    ($object:ident { $($key:literal => $field:ident,)* }) => {
        impl<'de> Deserialize<'de> for $object<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct OfObject;
                impl<'de> Visitor<'de> for OfObject {
                    type Value = $object<'de>;
                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str("any value")
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = $object::default();
                        while let Some(key) = map.next_key::<Text<'de>>()? {
                            match key.0.as_deref() {
                                $(Some($key) => object.$field = map.next_value()?,)*
                                _ => { map.next_value::<IgnoredAny>()?; }
                            }
                        }
                        Ok(object)
                    }
                    nothing_for!(scalars strings lists);
                }
                deserializer.deserialize_any(OfObject)
            }
        }
    };
}

from_object!(Record {
    "type" => kind,
    "message" => message,
    "timestamp" => timestamp,
    "isMeta" => is_meta,
    "isCompactSummary" => is_compact_summary,
    "isSidechain" => is_sidechain,
    "isApiErrorMessage" => is_api_error,
    "toolDenialKind" => denial,
});

from_object!(Body {
    "model" => model,
    "content" => content,
});

from_object!(Block {
    "type" => kind,
    "text" => text,
    "thinking" => thinking,
    "id" => id,
    "name" => name,
    "input" => input,
    "tool_use_id" => tool_use_id,
    "content" => content,
    "is_error" => is_error,
});

impl<'de> Deserialize<'de> for Content<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfContent;
        impl<'de> Visitor<'de> for OfContent {
            type Value = Content<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Blocks::default();
                while let Some(block) = list.next_element()? {
                    blocks.add(block);
                }
                Ok(Content::Blocks(blocks))
            }
            nothing_for!(scalars objects);
        }
        deserializer.deserialize_any(OfContent)
    }
}
