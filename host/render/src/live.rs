//! A text that grows, or is replaced, shown as it does: which blocks stay and what takes the place of
//! the others. Knows neither who sends the text nor who sees it.

use std::hash::{BuildHasher as _, RandomState};

use crate::blocks::{self, Block};
use crate::source;

/// Up to this many bytes, what is not yet certain is rendered at every step: an eye sees no delay,
/// and it takes a fraction of a millisecond.
pub(crate) const EAGER_MAX: usize = 8 << 10;

/// Beyond that, only when this part of it is new. A block that grows in many small steps is then
/// rendered so often that the total is in proportion to its length, and not to its square.
pub(crate) const NEW_PART: usize = 16;

/// What to show now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// How many of the blocks that are shown stay as they are.
    pub keep: usize,
    /// What takes the place of all after them: blocks, each one element.
    pub html: String,
}

/// A text that is being shown.
///
/// Blocks that further text cannot change are not looked at again: a block's beginning is certain when
/// two whole lines of it are there, and what is before the last certain beginning is done. Where a
/// text defines links by name, nothing is certain before its end, since such a name counts in all of
/// the text: it is then rendered from its beginning.
#[derive(Debug, Default)]
pub struct Live {
    /// The text that is shown.
    text: String,
    is_cut: bool,
    /// All blocks that are shown.
    blocks: Vec<Seen>,
    /// How many of them are certain.
    certain: usize,
    hasher: RandomState,
}

/// A block that is shown.
#[derive(Debug, Clone, Copy)]
struct Seen {
    start: usize,
    /// Of its element: what it was is at the reader's, and need not be kept here.
    hash: u64,
}

impl Live {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the text as it is now; none if nothing is to be changed, or not yet: the last block may
    /// be held back while it is long and little of it is new.
    pub fn show(&mut self, text: &str) -> Option<Shown> {
        let (shown, is_cut) = source::shown(text);
        let grows = is_cut == self.is_cut && shown.starts_with(&self.text);
        let new = shown.len().saturating_sub(self.text.len());
        let uncertain = shown.len().saturating_sub(self.from());
        if grows && uncertain > EAGER_MAX && new < uncertain / NEW_PART {
            return None;
        }
        self.render(shown, is_cut)
    }

    /// Shows the text and holds back nothing: when it has ended, or pauses. What is shown then is
    /// [`crate::blocks`] of the text.
    pub fn finish(&mut self, text: &str) -> Option<Shown> {
        let (shown, is_cut) = source::shown(text);
        self.render(shown, is_cut)
    }

    /// Where what is not certain begins.
    fn from(&self) -> usize {
        // The first block's beginning does not count: what is before it may become one.
        if self.certain == 0 { 0 } else { self.blocks[self.certain].start }
    }

    fn render(&mut self, text: &str, is_cut: bool) -> Option<Shown> {
        if text == self.text && is_cut == self.is_cut {
            return None;
        }
        self.go_back(common(&self.text, text));
        let mut from = self.from();
        let mut parsed = blocks::parse(&text[from..]);
        if from > 0 && (parsed.defines || parsed.blocks.is_empty()) {
            (self.certain, from) = (0, 0);
            parsed = blocks::parse(text);
        }
        let mut new = parsed.blocks;
        let certain = if parsed.defines { 0 } else { certain_of(&new, &text[from..]) };
        if is_cut {
            new.push(Block { start: text.len() - from, html: crate::cut_note() });
        }
        let seen: Vec<_> = new
            .iter()
            .map(|block| Seen { start: from + block.start, hash: self.hasher.hash_one(&block.html) })
            .collect();
        let before = &self.blocks[self.certain..];
        let same = before.iter().zip(&seen).take_while(|(old, new)| old.hash == new.hash).count();
        let changes = same < before.len() || same < new.len();
        let keep = self.certain + same;
        self.blocks.truncate(self.certain);
        self.blocks.extend(seen);
        self.certain += certain;
        text.clone_into(&mut self.text);
        self.is_cut = is_cut;
        changes.then(|| Shown { keep, html: new[same..].iter().map(|block| block.html.cleaned()).collect() })
    }

    /// Forgets what was certain of a text of which only so many bytes are still the same.
    fn go_back(&mut self, common: usize) {
        if common == self.text.len() {
            return;
        }
        let beginnings = last_two_lines(&self.text.as_bytes()[..common])
            .map_or(0, |last| self.blocks.partition_point(|block| block.start <= last));
        self.certain = self.certain.min(beginnings.saturating_sub(1));
    }
}

/// How many blocks lie before the last one whose beginning is certain.
fn certain_of(blocks: &[Block], text: &str) -> usize {
    let Some(last) = last_two_lines(text.as_bytes()) else { return 0 };
    blocks.partition_point(|block| block.start <= last).saturating_sub(1)
}

/// The last place from which on two lines have ended.
fn last_two_lines(text: &[u8]) -> Option<usize> {
    let end = text.iter().rposition(|byte| *byte == b'\n')?;
    text[..end].iter().rposition(|byte| *byte == b'\n')
}

/// How many bytes are the same at the beginning of both.
fn common(a: &str, b: &str) -> usize {
    if b.starts_with(a) {
        return a.len();
    }
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}
