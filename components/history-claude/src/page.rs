//! One page of a session: which messages, and where to go on. Knows the order of lines in the file
//! and nothing of what makes one of them a message.
//!
//! A page begins and ends between lines, so that paging in either direction meets each message
//! once, whatever the sizes of pages and pieces are. There are two exceptions. The last line may
//! lack its end: it is shown if it is a message already, and else left for later, when its
//! writer has finished it. A line that is too long to be shown may be passed over in several pages,
//! so `next` may lie within it.

use memchr::{memchr, memrchr};

use crate::lines::{LineEnd, LineStart, PIECES, Pieces, Walk};
use crate::record::{self, Message};
use crate::scan::Candidates;
use crate::source::{Source, SourceError};

/// Which part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Messages whose line begins at this offset or after it, first ones first. An offset beyond the
    /// end of the file is an error: the file was cut after it had been read up to there.
    Since(u64),
    /// The last messages whose line begins before this offset.
    Before(u64),
    /// The last messages of the file.
    Tail,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Which part.
    pub window: Window,
    /// At most so many messages. None at all is an answer too: an empty page, and no use in going
    /// on.
    pub messages_max: u32,
    /// Reading stops soon after so many bytes: with the piece or the line that it is at. Each page
    /// gets ahead all the same.
    pub bytes_max: u64,
    /// With asides, and with messages that have nothing else.
    pub detailed: bool,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Where to go on in the window's direction.
    pub next: u64,
    /// Whether there is any use in going on: another message is known to come, or not all could be
    /// looked at.
    pub more: bool,
}

/// Reads one page.
pub fn read<S: Source>(source: &mut S, query: &Query) -> Result<Page, SourceError> {
    read_in(source, query, PIECES)
}

/// As [`read`], with other sizes of what is read at a time.
pub(crate) fn read_in<S: Source>(source: &mut S, query: &Query, pieces: Pieces) -> Result<Page, SourceError> {
    let mut walk = Walk::new(source, query.bytes_max, pieces);
    let gathered = Gathered {
        messages: Vec::new(),
        max: usize::try_from(query.messages_max).unwrap_or(usize::MAX),
        detailed: query.detailed,
    };
    match query.window {
        Window::Since(from) => since(&mut walk, gathered, from),
        Window::Before(to) => {
            let to = to.min(walk.size());
            let mut page = before(&mut walk, gathered, to)?;
            page.messages.reverse();
            Ok(page)
        }
        Window::Tail => {
            let to = walk.size();
            let mut page = before(&mut walk, gathered, to)?;
            page.messages.reverse();
            Ok(page)
        }
    }
}

/// The messages of a page in the order in which they are met.
struct Gathered {
    messages: Vec<Message>,
    max: usize,
    detailed: bool,
}

/// The page was full already when another message came.
struct Full;

impl Gathered {
    fn take(&mut self, line: &[u8], offset: u64) -> Result<(), Full> {
        let Some(message) = record::read(line, offset, self.detailed) else { return Ok(()) };
        if self.messages.len() == self.max {
            return Err(Full);
        }
        self.messages.push(message);
        Ok(())
    }

    fn page(self, next: u64, more: bool) -> Page {
        Page { messages: self.messages, next, more }
    }
}

fn since<S: Source>(walk: &mut Walk<'_, S>, mut gathered: Gathered, from: u64) -> Result<Page, SourceError> {
    let mut at = from;
    if at > walk.size() {
        // Nobody was told to go on from here: the file was longer when they were.
        return Err(SourceError::Shrunk);
    }
    if at == walk.size() || gathered.max == 0 {
        return Ok(gathered.page(at, false));
    }
    if !walk.is_start(at)? {
        match walk.line_end(at, at + 1)? {
            LineEnd::At(end) => at = end,
            LineEnd::Open(end) => return Ok(gathered.page(end, false)),
            LineEnd::Beyond(end) => return Ok(gathered.page(end, true)),
        }
    }
    while at < walk.size() {
        if walk.is_spent() && at > from {
            return Ok(gathered.page(at, true));
        }
        let piece = walk.after(at)?;
        if let Some(last) = memrchr(b'\n', &piece) {
            for (start, end) in Candidates::new(&piece[..=last]) {
                let offset = at + start as u64;
                if gathered.take(&piece[start..end], offset).is_err() {
                    return Ok(gathered.page(offset, true));
                }
            }
            at += last as u64 + 1;
            continue;
        }
        let looked = at + piece.len() as u64;
        drop(piece); // it may have to be read again, as a part of its line
        let end = match walk.line_end(looked, at.saturating_add(walk.line_max()))? {
            LineEnd::At(end) | LineEnd::Open(end) => end,
            LineEnd::Beyond(end) => return Ok(gathered.page(end, true)),
        };
        let met = gathered.messages.len();
        if let Some(line) = walk.load(at..end)?
            && gathered.take(&line, at).is_err()
        {
            return Ok(gathered.page(at, true));
        }
        let is_open = end == walk.size() && !walk.is_start(end)?;
        let is_done = gathered.messages.len() > met || end - at > walk.line_max();
        if is_open && !is_done {
            break;
        }
        at = end;
    }
    Ok(gathered.page(at, false))
}

/// The messages come last ones first.
fn before<S: Source>(walk: &mut Walk<'_, S>, mut gathered: Gathered, to: u64) -> Result<Page, SourceError> {
    let mut end = to; // of what is still to be looked at
    if gathered.max == 0 {
        return Ok(gathered.page(end, false));
    }
    if !walk.is_start(end)? {
        // The last line goes on beyond `to`, or has no end at all.
        let limit = end.saturating_add(walk.line_max());
        let (LineEnd::At(line_end) | LineEnd::Open(line_end) | LineEnd::Beyond(line_end)) =
            walk.line_end(end, limit)?;
        match one_before(walk, &mut gathered, end, line_end)? {
            Step::To(start) => end = start,
            Step::Stop(next) => return Ok(gathered.page(next, true)),
        }
    }
    while end > 0 {
        if walk.is_spent() && end < to {
            return Ok(gathered.page(end, true));
        }
        let (from, piece) = walk.before(end)?;
        let first = match memchr(b'\n', &piece[..piece.len() - 1]) {
            _ if from == 0 => 0,
            Some(end) => end + 1,
            None => {
                drop(piece);
                match one_before(walk, &mut gathered, end - 1, end)? {
                    Step::To(start) => end = start,
                    Step::Stop(next) => return Ok(gathered.page(next, true)),
                }
                continue;
            }
        };
        let places: Vec<_> = Candidates::new(&piece[first..]).collect();
        for (start, stop) in places.into_iter().rev() {
            let (start, stop) = (first + start, first + stop);
            if gathered.take(&piece[start..stop], from + start as u64).is_err() {
                return Ok(gathered.page(from + stop as u64, true));
            }
        }
        end = from + first as u64;
    }
    Ok(gathered.page(0, false))
}

/// How far a page got.
enum Step {
    /// Everything from here on is done.
    To(u64),
    /// The page ends, and is to be gone on from here.
    Stop(u64),
}

/// Takes the line that ends at `line_end`, has no end within it from `to` on, and begins before.
fn one_before<S: Source>(
    walk: &mut Walk<'_, S>,
    gathered: &mut Gathered,
    to: u64,
    line_end: u64,
) -> Result<Step, SourceError> {
    let limit = line_end.saturating_sub(walk.line_max());
    let start = match walk.line_start(to, limit)? {
        LineStart::At(start) => start,
        LineStart::Beyond(at) => return Ok(Step::Stop(at)),
    };
    match walk.load(start..line_end)? {
        Some(line) if gathered.take(&line, start).is_err() => Ok(Step::Stop(line_end)),
        _ => Ok(Step::To(start)),
    }
}
