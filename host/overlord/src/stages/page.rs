//! What was said, a part of it: the last messages, those before an offset or those after it, with all
//! that a page needs to show them. Bounded in messages, in text and in what is read of the file.

use std::collections::VecDeque;

use serde::Serialize;

use super::recall::{PAGE_MESSAGES, Recollection, Said, Unreadable, role};
use super::render::rendering;
use crate::sandbox::hooks::{Aside, Kind, Message, Window};

/// How many messages are told where nobody says.
pub const PART_MESSAGES: u32 = 50;

/// The most that may be asked for: more than any screen, and a second's work.
pub const PART_MESSAGES_MAX: u32 = 1000;

/// After so much text a page ends early: it stands in memory as a whole, for each who asks.
const PART_TEXT_BYTES: usize = 8 << 20;

/// After so much of the file a page ends early, for it may be long and say nothing.
const PART_FILE_BYTES: u64 = 64 << 20;

/// After so much HTML the messages before come without: hostile text becomes many times as long.
const PART_HTML_BYTES: usize = 16 << 20;

/// A part of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which side of which offset.
    pub side: Side,
    /// At most so many messages.
    pub messages: u32,
    /// With tool calls, results and errors.
    pub detailed: bool,
    /// With HTML beside the text.
    pub html: bool,
}

/// Which side of an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end of the file.
    End,
    /// Before it.
    Before(u64),
    /// From it on.
    After(u64),
}

#[derive(Serialize)]
struct Answer<'a> {
    messages: Vec<Shown<'a>>,
    before: Option<u64>,
    after: Option<u64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Plain(Said<'a>),
    Detailed(Detailed<'a>),
}

#[derive(Serialize)]
struct Detailed<'a> {
    role: &'static str,
    kind: &'static str,
    text: &'a str,
    timestamp: Option<&'a str>,
    offset: u64,
    asides: Vec<Beside<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

#[derive(Serialize)]
struct Beside<'a> {
    kind: &'a str,
    id: &'a str,
    name: &'a str,
    text: &'a str,
    failed: bool,
}

/// What was gathered, and where to go on.
#[derive(Default)]
struct Gathered {
    messages: VecDeque<Message>,
    text_bytes: usize,
    before: Option<u64>,
    after: u64,
}

/// A part as JSON. `size`: the file's, when it was looked at.
pub async fn page(from: &Recollection, part: Part, size: u64) -> Result<Vec<u8>, Unreadable> {
    let reading = from.reading().await;
    let gathered = match part.side {
        Side::After(offset) => after(from, part, offset).await?,
        Side::Before(offset) => before(from, part, Some(offset.min(size))).await?,
        Side::End => before(from, part, None).await?,
    };
    if !part.html {
        return Ok(json(&gathered, part));
    }
    // The right to read goes with the work, which goes on where the reader has left.
    let work = move || {
        let json = json(&gathered, part);
        drop(reading);
        json
    };
    rendering(work).await.ok_or(Unreadable)
}

async fn after(from: &Recollection, part: Part, offset: u64) -> Result<Gathered, Unreadable> {
    let mut gathered =
        Gathered { before: (offset > 0).then_some(offset), after: offset, ..Gathered::default() };
    loop {
        let window = Window::Since(gathered.after);
        let Some(page) = from.read(window, gathered.wanted(part), part.detailed).await? else { break };
        for message in page.messages {
            gathered.text_bytes += weight(&message);
            gathered.messages.push_back(message);
        }
        gathered.after = page.next;
        if !page.more || gathered.is_full(part) || page.next - offset >= PART_FILE_BYTES {
            break;
        }
    }
    Ok(gathered)
}

async fn before(from: &Recollection, part: Part, offset: Option<u64>) -> Result<Gathered, Unreadable> {
    let mut gathered = Gathered::default();
    let mut window = offset.map_or(Window::Tail, Window::Before);
    let (mut end, mut reached) = (offset, 0);
    while let Some(page) = from.read(window, gathered.wanted(part), part.detailed).await? {
        for message in page.messages.into_iter().rev() {
            gathered.text_bytes += weight(&message);
            gathered.messages.push_front(message);
        }
        reached = page.next;
        gathered.before = page.more.then_some(page.next);
        let looked = *end.get_or_insert(page.next) - page.next;
        if !page.more || gathered.is_full(part) || looked >= PART_FILE_BYTES {
            break;
        }
        window = Window::Before(page.next);
    }
    // At the end of the file the last line may be half-written, so what comes next is whatever begins
    // behind the last message.
    let last = gathered.messages.back().map_or(reached, |message| message.offset + 1);
    gathered.after = offset.unwrap_or(last);
    Ok(gathered)
}

impl Gathered {
    fn wanted(&self, part: Part) -> u32 {
        let have = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        part.messages.saturating_sub(have).min(PAGE_MESSAGES)
    }

    fn is_full(&self, part: Part) -> bool {
        self.wanted(part) == 0 || self.text_bytes >= PART_TEXT_BYTES
    }
}

fn weight(message: &Message) -> usize {
    message.text.len() + message.asides.iter().map(|aside| aside.text.len()).sum::<usize>()
}

fn json(gathered: &Gathered, part: Part) -> Vec<u8> {
    let mut room = if part.html { PART_HTML_BYTES } else { 0 };
    // The last ones first: they are what is looked at.
    let shown = gathered.messages.iter().rev().map(|message| {
        if !part.detailed {
            return Shown::Plain(Said::of(message));
        }
        let shown = detailed(message, room > 0);
        room = room.saturating_sub(shown.html.as_ref().map_or(0, String::len));
        Shown::Detailed(shown)
    });
    let mut messages: Vec<_> = shown.collect();
    messages.reverse();
    let answer = Answer { messages, before: gathered.before, after: Some(gathered.after) };
    serde_json::to_vec(&answer).expect("text can be written to memory")
}

fn detailed(message: &Message, html: bool) -> Detailed<'_> {
    Detailed {
        role: role(message),
        kind: match message.kind {
            Kind::Text => "text",
            Kind::Marker => "marker",
            Kind::Error => "error",
        },
        text: &message.text,
        timestamp: message.timestamp.as_deref(),
        offset: message.offset,
        asides: message.asides.iter().map(beside).collect(),
        html: html.then(|| overlord_render::document(&message.text)),
    }
}

fn beside(aside: &Aside) -> Beside<'_> {
    let Aside { kind, id, name, text, failed } = aside;
    Beside { kind, id, name, text, failed: *failed }
}
