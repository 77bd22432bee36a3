//! A run's text as HTML: what is told as deltas and replacements comes out as patches of rendered blocks.
//! Owns the segments, which tool calls part; what Markdown means is the crate `overlord-render`'s.

use overlord_render::Live;
use serde_json::{Value, json};

use crate::domain::Update;
use crate::runs::{Happening, Told};

/// What a listener has been shown so far.
#[derive(Debug, Default)]
pub(super) struct Projection {
    /// All of the text.
    text: String,
    /// Which segment is being written, from 0.
    segment: usize,
    /// Where it begins in the text.
    start: usize,
    live: Live,
    /// Whether text has come since something was last rendered.
    fresh: bool,
    /// Whether there is text that is not shown: fresh, or held back.
    pending: bool,
    /// The place of the last event that is in it.
    seq: u64,
}

impl Projection {
    /// Takes in what is told, where it is text.
    pub(super) fn take(&mut self, told: &Told) -> bool {
        let seq = match told {
            Told::Event(entry) => match &entry.happening {
                Happening::Said(Update::Delta(more)) => {
                    self.text.push_str(more);
                    entry.seq
                }
                Happening::Said(Update::Replace(whole)) => {
                    self.replace(whole);
                    entry.seq
                }
                _ => return false,
            },
            Told::SoFar { seq, text } => {
                self.replace(text);
                *seq
            }
            Told::Resumed { .. } | Told::About(_) => return false,
        };
        (self.fresh, self.pending, self.seq) = (true, true, seq);
        true
    }

    /// Whether there is text to be shown that came after the place `known`.
    pub(super) fn is_pending(&self, known: u64) -> bool {
        self.pending && self.seq > known
    }

    /// Whether text has come since something was last rendered.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What is to be shown now, with the place of the last event that is in it. `whole`: all that there
    /// is, since something else is to be shown behind it; otherwise a part may be held back.
    pub(super) fn patch(&mut self, whole: bool) -> Option<(Value, u64)> {
        if !self.pending {
            return None;
        }
        let text = &self.text[self.start..];
        let shown = if whole { self.live.finish(text) } else { self.live.show(text) };
        self.fresh = false;
        self.pending = !whole && shown.is_none();
        let shown = shown?;
        Some((json!({"segment": self.segment, "keep": shown.keep, "html": shown.html}), self.seq))
    }

    /// A tool is called: what comes now is another segment. The number of the one that ends here.
    pub(super) fn close_segment(&mut self) -> usize {
        self.start = self.text.len();
        self.live = Live::new();
        self.segment += 1;
        self.segment - 1
    }

    /// The segments before this one stay as they are: an adapter says a block once it stands.
    fn replace(&mut self, whole: &str) {
        if !whole.starts_with(&self.text[..self.start]) {
            self.start = 0;
        }
        whole.clone_into(&mut self.text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::runs::Entry;

    fn said(seq: u64, update: Update) -> Told {
        Told::Event(Arc::new(Entry { seq, happening: Happening::Said(update) }))
    }

    fn html(projection: &mut Projection) -> (usize, String, u64) {
        let (patch, seq) = projection.patch(true).expect("something is new");
        let segment = patch["segment"].as_u64().expect("a number");
        (usize::try_from(segment).expect("small"), patch["html"].as_str().expect("text").to_owned(), seq)
    }

    #[test]
    fn a_tool_call_parts_the_text() {
        let mut projection = Projection::default();
        assert!(projection.take(&said(2, Update::Delta("I *will".into()))));
        assert!(projection.take(&said(3, Update::Replace("I *will* look.".into()))));
        let (segment, shown, seq) = html(&mut projection);
        assert!(segment == 0 && seq == 3 && shown.contains("<em>will</em>"), "{shown}");
        assert!(!projection.take(&said(4, Update::Note("x".into()))));
        assert_eq!(projection.close_segment(), 0);
        projection.take(&said(5, Update::Delta("\n\nDone".into())));
        let (segment, shown, _) = html(&mut projection);
        assert!(segment == 1 && shown.contains("Done") && !shown.contains("look"), "{shown}");
        projection.take(&said(6, Update::Replace("I *will* look.\n\nDone.".into())));
        let (segment, shown, _) = html(&mut projection);
        assert!(segment == 1 && shown.contains("Done.") && !shown.contains("look"), "{shown}");
    }

    #[test]
    fn a_text_that_takes_everything_back_is_shown_whole() {
        let mut projection = Projection::default();
        projection.take(&said(1, Update::Delta("one".into())));
        projection.close_segment();
        projection.take(&said(2, Update::Replace("é".into())));
        let (segment, shown, _) = html(&mut projection);
        assert!(segment == 1 && shown.contains('é'), "{shown}");
    }
}
