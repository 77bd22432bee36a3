//! What was said in one run: the last of it event by event in a ring, everything before that as the text
//! that it had come to. Owns the bounds; knows nothing of who listens.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::{End, RunState, Update};

/// The most events that are remembered one by one: an answer of 100,000 words in pieces of a few.
const EVENTS_MAX: usize = 16_384;

/// The most bytes that they have: four times the text that the adapter of the project shows, so that a
/// burst of tools' output leaves nobody behind who reads.
const EVENTS_BYTES_MAX: usize = 4 << 20;

/// The longest text of an answer that is shown while it is made; the answer itself has limits of its own.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The most bytes of a tool's input or output, a note or a name that are shown: a page folds them.
const PART_BYTES_MAX: usize = 64 << 10;

/// What an event costs besides its text.
const EVENT_BYTES: usize = 64;

/// What stands where a text was cut.
const CUT: &str = "\n[… cut]";

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// It has a place in the queue, or is being answered.
    Moved(RunState),
    /// Something was said.
    Said(Update),
    /// The last one.
    Ended(End),
}

/// A happening and its place in the run, from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The place.
    pub seq: u64,
    /// What.
    pub happening: Happening,
}

/// The events of a run.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The place of the last event.
    last: u64,
    /// The text now.
    text: String,
    /// The text as it was when the first of `entries` had not been said yet.
    before: String,
}

impl Log {
    /// Remembers what happened; false where that is nothing new.
    pub(super) fn push(&mut self, happening: Happening) -> bool {
        let happening = match happening {
            Happening::Said(update) => match self.bounded(update) {
                Some(update) => Happening::Said(update),
                None => return false,
            },
            other => other,
        };
        fold(&mut self.text, &happening);
        self.last += 1;
        self.bytes += size(&happening);
        self.entries.push_back(Arc::new(Entry { seq: self.last, happening }));
        while self.entries.len() > EVENTS_MAX || (self.bytes > EVENTS_BYTES_MAX && self.entries.len() > 1) {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= size(&entry.happening);
            fold(&mut self.before, &entry.happening);
        }
        true
    }

    /// The place of the last event; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The events after the place `seq`, at most `max`; none where some of them are forgotten.
    pub(super) fn after(&self, seq: u64, max: usize) -> Option<Vec<Arc<Entry>>> {
        let forgotten = self.forgotten();
        let skip = usize::try_from(seq.checked_sub(forgotten)?).ok()?;
        Some(self.entries.iter().skip(skip).take(max).cloned().collect())
    }

    /// How many events are forgotten, and the text that they had come to.
    pub(super) fn beginning(&self) -> (u64, &str) {
        (self.forgotten(), &self.before)
    }

    /// What all this takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.text.len() + self.before.len()
    }

    fn forgotten(&self) -> u64 {
        self.last - self.entries.len() as u64
    }

    /// An update within its bounds; none where there is nothing to it.
    fn bounded(&self, update: Update) -> Option<Update> {
        Some(match update {
            Update::Delta(mut text) => {
                let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
                text.truncate(text.floor_char_boundary(room));
                return (!text.is_empty()).then_some(Update::Delta(text));
            }
            Update::Replace(mut text) => {
                text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
                return (text != self.text).then_some(Update::Replace(text));
            }
            Update::ToolCalled { id, name, input } => {
                Update::ToolCalled { id: cut(id), name: cut(name), input: cut(input) }
            }
            Update::ToolEnded { id, failed, output } => {
                Update::ToolEnded { id: cut(id), failed, output: cut(output) }
            }
            Update::Denied(name) => Update::Denied(cut(name)),
            Update::Note(text) => Update::Note(cut(text)),
        })
    }
}

fn fold(text: &mut String, happening: &Happening) {
    match happening {
        Happening::Said(Update::Delta(more)) => text.push_str(more),
        Happening::Said(Update::Replace(whole)) => text.clone_from(whole),
        _ => {}
    }
}

fn cut(mut text: String) -> String {
    if text.len() > PART_BYTES_MAX {
        text.truncate(text.floor_char_boundary(PART_BYTES_MAX - CUT.len()));
        text.push_str(CUT);
    }
    text
}

fn size(happening: &Happening) -> usize {
    EVENT_BYTES
        + match happening {
            Happening::Said(
                Update::Delta(text) | Update::Replace(text) | Update::Note(text) | Update::Denied(text),
            ) => text.len(),
            Happening::Said(Update::ToolCalled { id, name, input }) => id.len() + name.len() + input.len(),
            Happening::Said(Update::ToolEnded { id, output, .. }) => id.len() + output.len(),
            Happening::Ended(Ok(answer)) => answer.result.len(),
            Happening::Ended(Err(_)) | Happening::Moved(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(text: &str) -> Happening {
        Happening::Said(Update::Delta(text.to_owned()))
    }

    fn replace(text: &str) -> Happening {
        Happening::Said(Update::Replace(text.to_owned()))
    }

    /// The text that one comes to who begins with what is forgotten and reads the rest.
    fn read_again(log: &Log) -> String {
        let (forgotten, text) = log.beginning();
        let mut text = text.to_owned();
        for entry in log.after(forgotten, usize::MAX).expect("they are there") {
            fold(&mut text, &entry.happening);
        }
        text
    }

    #[test]
    fn events_are_numbered_from_one_and_read_from_anywhere() {
        let mut log = Log::default();
        for text in ["a", "b", "c"] {
            assert!(log.push(delta(text)));
        }
        let seqs = |after| {
            let entries = log.after(after, 2).expect("nothing is forgotten");
            entries.iter().map(|entry| entry.seq).collect::<Vec<_>>()
        };
        assert_eq!((seqs(0), seqs(1), seqs(2), seqs(3)), (vec![1, 2], vec![2, 3], vec![3], vec![]));
        assert_eq!(log.last(), 3);
    }

    #[test]
    fn what_says_nothing_new_is_no_event() {
        let mut log = Log::default();
        assert!(!log.push(delta("")));
        log.push(delta("ab"));
        assert!(!log.push(replace("ab")));
        assert!(log.push(replace("b")) && log.last() == 2);
    }

    #[test]
    fn the_ring_forgets_its_oldest_events_and_not_the_text() {
        let mut log = Log::default();
        let mut whole = String::new();
        for n in 0..EVENTS_MAX + 10 {
            let text = format!("{n} ");
            whole.push_str(&text);
            log.push(delta(&text));
        }
        assert_eq!(log.entries.len(), EVENTS_MAX);
        assert_eq!(log.after(9, 1), None);
        assert_eq!(log.after(10, 1).expect("the first that is left")[0].seq, 11);
        assert_eq!(read_again(&log), whole);
        log.push(replace("all anew"));
        assert_eq!(read_again(&log), "all anew");
    }

    #[test]
    fn the_ring_has_no_more_than_its_bytes() {
        let mut log = Log::default();
        for n in 0..9 {
            let output = n.to_string().repeat(PART_BYTES_MAX);
            log.push(Happening::Said(Update::ToolEnded { id: String::new(), failed: false, output }));
            log.push(replace(&n.to_string().repeat(TEXT_BYTES_MAX)));
        }
        assert!(log.bytes <= EVENTS_BYTES_MAX && log.bytes() <= EVENTS_BYTES_MAX + 2 * TEXT_BYTES_MAX);
        assert_eq!(read_again(&log), "8".repeat(TEXT_BYTES_MAX));
    }

    #[test]
    fn each_text_ends_at_its_limit() {
        let mut log = Log::default();
        log.push(delta(&"a".repeat(TEXT_BYTES_MAX - 1)));
        assert!(!log.push(delta("é")), "it would be cut within a character");
        assert!(log.push(delta("bc")) && log.text.len() == TEXT_BYTES_MAX && log.text.ends_with('b'));
        assert!(!log.push(delta("d")));
        let exact = "x".repeat(PART_BYTES_MAX);
        assert_eq!(cut(exact.clone()), exact);
        let longer = cut(format!("{exact}x"));
        assert!(longer.len() == PART_BYTES_MAX && longer.ends_with(CUT));
    }
}
