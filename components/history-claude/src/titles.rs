//! The list of sessions: which files are sessions, their order, and what to call them. Reads a
//! bounded part of each file.

use std::cmp::Reverse;

use crate::json::Cursor;
use crate::place::Session;
use crate::record::{self, Kind, Role};
use crate::source::{Source, SourceError, exactly};
use memchr::memmem;

/// Bytes of a file's beginning that are looked at: the first question, 10,000 characters of it and
/// the copy of it that the client queues before, and titles that were given at the start.
pub const HEAD_MAX: usize = 64 << 10;

/// Bytes of a file's end that are looked at: the client repeats the titles after each turn, and
/// what follows them there is short.
pub const TAIL_MAX: usize = 64 << 10;

/// Characters of the longest title; a longer one is cut, for it may be a whole question.
pub const TITLE_MAX: usize = 200;

/// The keys of titles, as in [`Names`].
const NAMES: [&str; 3] = ["customTitle", "aiTitle", "lastPrompt"];

/// One session of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub session: Session,
    /// When its file was last written to, in milliseconds since the Unix epoch.
    pub modified: u64,
    /// Its file's size in bytes.
    pub size: u64,
}

/// What the lines of a file say about its title, each as the last line that says it does.
#[derive(Debug, Default)]
struct Names {
    custom: Option<String>,
    ai: Option<String>,
    last_prompt: Option<String>,
    summary: Option<String>,
    /// The first of the file's beginning.
    first_prompt: Option<String>,
}

/// The `max` last written to, that one first; of two written at once the one with the lower id.
pub fn newest(mut sessions: Vec<Listed>, max: usize) -> Vec<Listed> {
    sessions.sort_unstable_by(|one, two| {
        (Reverse(one.modified), &one.session).cmp(&(Reverse(two.modified), &two.session))
    });
    sessions.truncate(max);
    sessions
}

/// What to call the session in this file; none where the parts that are looked at do not tell.
pub fn title<S: Source>(source: &mut S) -> Result<Option<String>, SourceError> {
    let size = source.size();
    let head = part(source, 0, size.min(HEAD_MAX as u64))?;
    let mut names = Names::default();
    let begun = size > head.len() as u64;
    let whole_lines = head.len() - if begun { after_last_line(&head) } else { 0 };
    names.read(&head[..whole_lines], true);
    if begun {
        let from = size.saturating_sub(TAIL_MAX as u64).max(whole_lines as u64);
        let tail = part(source, from, size - from)?;
        // Where the tail does not begin with a line, its first line is read in vain: it is no JSON.
        names.read(&tail, false);
    }
    Ok(names.best())
}

impl Names {
    fn read(&mut self, lines: &[u8], is_head: bool) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if self.first_prompt.is_none()
                && is_head
                && let Some(message) = record::read(line, 0, false)
                && (message.role, message.kind) == (Role::User, Kind::Text)
            {
                self.first_prompt = shown(&message.text);
            }
            if may_name(line) {
                self.read_names(line);
            }
        }
    }

    fn read_names(&mut self, line: &[u8]) {
        let mut is_summary = false;
        let mut summary = None;
        let mut names = [None, None, None];
        let read = Cursor::new(line).object(|value, key| {
            if key.is("type") {
                is_summary = value.text()?.is_some_and(|kind| kind.is("summary"));
            } else if key.is("summary") {
                summary = value.text()?;
            } else if let Some(index) = NAMES.iter().position(|name| key.is(name)) {
                names[index] = value.text()?;
            } else {
                value.skip()?;
            }
            Ok(())
        });
        if read.is_err() {
            return;
        }
        let [custom, ai, last_prompt] = names;
        let summary = summary.filter(|_| is_summary);
        for (name, found) in [
            (&mut self.custom, custom),
            (&mut self.ai, ai),
            (&mut self.last_prompt, last_prompt),
            (&mut self.summary, summary),
        ] {
            if let Some(found) = found.and_then(|found| shown(&found.decode())) {
                *name = Some(found);
            }
        }
    }

    fn best(self) -> Option<String> {
        self.custom.or(self.ai).or(self.last_prompt).or(self.summary).or(self.first_prompt)
    }
}

/// Whether it is worth parsing: the client writes these keys without escapes.
fn may_name(line: &[u8]) -> bool {
    [&b"\"customTitle\""[..], b"\"aiTitle\"", b"\"lastPrompt\"", b"\"summary\""]
        .iter()
        .any(|key| memmem::find(line, key).is_some())
}

/// `text` on one line and not too long; none where nothing of it can be seen.
fn shown(text: &str) -> Option<String> {
    let text = text
        .split(|char: char| char.is_whitespace() || char.is_control())
        .filter(|word| !word.is_empty())
        .take(TITLE_MAX)
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        return None;
    }
    if text.chars().nth(TITLE_MAX).is_none() {
        return Some(text);
    }
    let cut: String = text.chars().take(TITLE_MAX - 1).collect();
    Some(format!("{}…", cut.trim_end()))
}

fn part<S: Source>(source: &mut S, from: u64, length: u64) -> Result<Vec<u8>, SourceError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 { Ok(Vec::new()) } else { exactly(source, from, length) }
}

/// Bytes of the line that `head` breaks off in.
fn after_last_line(head: &[u8]) -> usize {
    head.len() - memchr::memrchr(b'\n', head).map_or(0, |end| end + 1)
}
