//! The text of a run while it grows: pieces that may be taken back, and blocks that stand. Knows
//! nothing of where they come from.

/// What to show of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This comes after what was shown.
    More(String),
    /// This is the whole text, whatever was shown.
    Whole(String),
}

/// What the agent has said so far in this run, its blocks parted by a blank line.
#[derive(Debug, Default)]
pub struct Transcript {
    text: String,
    /// How much of the text stands: a client whose connection was dropped says the rest again.
    standing: usize,
    /// How many bytes of changes were handed out.
    shown: usize,
}

/// The text stops growing here. The largest models write 128,000 tokens at once, about 600 KB.
pub const TEXT_MAX: usize = 1 << 20;

/// After so many bytes of changes no more come: the whole text is said again at each block, and an
/// agent that works for hours would otherwise make the work grow with the square of its text. The
/// answer is not touched by this.
pub const SHOWN_MAX: usize = 32 << 20;

/// Between two blocks of text.
const BLANK_LINE: &str = "\n\n";

impl Transcript {
    /// A piece of a block that is not complete.
    pub fn piece(&mut self, piece: &str) -> Option<Change> {
        if piece.is_empty() {
            return None;
        }
        let from = self.text.len();
        if from == self.standing && from > 0 {
            self.push(BLANK_LINE);
        }
        self.push(piece);
        let more = self.text[from..].to_owned();
        if more.is_empty() { None } else { self.show(Change::More(more)) }
    }

    /// A complete block, in place of its pieces.
    pub fn block(&mut self, block: &str) -> Option<Change> {
        self.text.truncate(self.standing);
        if block.is_empty() {
            return None;
        }
        if self.standing > 0 {
            self.push(BLANK_LINE);
        }
        self.push(block);
        self.standing = self.text.len();
        self.show(Change::Whole(self.text.clone()))
    }

    /// The pieces since the last block were in vain.
    pub fn take_back(&mut self) -> Option<Change> {
        if self.text.len() == self.standing {
            return None;
        }
        self.text.truncate(self.standing);
        self.show(Change::Whole(self.text.clone()))
    }

    fn push(&mut self, text: &str) {
        let room = TEXT_MAX.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
    }

    fn show(&mut self, change: Change) -> Option<Change> {
        let (Change::More(text) | Change::Whole(text)) = &change;
        // What does not fit ends it for good: a later, shorter piece would stand in the wrong place.
        self.shown = self.shown.saturating_add(text.len()).min(SHOWN_MAX + 1);
        (self.shown <= SHOWN_MAX).then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn more(text: &str) -> Change {
        Change::More(text.into())
    }

    fn whole(text: &str) -> Change {
        Change::Whole(text.into())
    }

    #[test]
    fn a_block_replaces_its_pieces_and_blocks_are_parted() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.piece("I "), Some(more("I ")));
        assert_eq!(transcript.piece(""), None);
        assert_eq!(transcript.piece("run"), Some(more("run")));
        assert_eq!(transcript.block("I will run."), Some(whole("I will run.")));
        assert_eq!(transcript.piece("Do"), Some(more("\n\nDo")));
        assert_eq!(transcript.block(""), None);
        assert_eq!(transcript.block("Done."), Some(whole("I will run.\n\nDone.")));
    }

    #[test]
    fn what_was_said_in_vain_is_taken_back() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.take_back(), None);
        transcript.block("stands");
        transcript.piece("falls");
        assert_eq!(transcript.take_back(), Some(whole("stands")));
        assert_eq!(transcript.take_back(), None);
    }

    #[test]
    fn the_text_stops_at_its_limit_on_a_whole_character() {
        let mut transcript = Transcript::default();
        assert_eq!(
            transcript.piece(&"a".repeat(TEXT_MAX - 1)).map(|_| transcript.text.len()),
            Some(TEXT_MAX - 1)
        );
        assert_eq!(transcript.piece("é"), None);
        assert_eq!(transcript.piece("b"), Some(more("b")));
        assert_eq!(transcript.piece("c"), None);
        assert_eq!(transcript.text.len(), TEXT_MAX);
    }

    #[test]
    fn changes_stop_at_their_limit() {
        let mut transcript = Transcript::default();
        let block = "a".repeat(TEXT_MAX);
        let shown = (0..100).filter(|_| {
            transcript.standing = 0;
            transcript.block(&block).is_some()
        });
        assert_eq!(shown.count(), SHOWN_MAX / TEXT_MAX);
        transcript.standing = 0;
        assert_eq!(transcript.block("short"), None);
    }
}
