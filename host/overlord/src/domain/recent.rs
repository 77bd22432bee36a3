//! The last few of something, in memory: what is seen at a glance and may be lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The last `max` of what happened. Copies share them.
#[derive(Debug, Clone)]
pub struct Recent<T> {
    max: usize,
    kept: Arc<Mutex<VecDeque<T>>>,
}

impl<T: Clone> Recent<T> {
    /// Keeps the last `max`.
    pub fn new(max: usize) -> Self {
        Self { max, kept: Arc::default() }
    }

    /// Keeps one more, and lets the oldest go where there are too many.
    pub fn push(&self, item: T) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.len() >= self.max {
            kept.pop_front();
        }
        kept.push_back(item);
    }

    /// What is kept, the newest first.
    pub fn newest_first(&self) -> Vec<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }
}

/// A text of at most `max` bytes: the whole one, or its beginning and an ellipsis.
pub fn beginning(text: &str, max: usize) -> String {
    const CUT: &str = "\u{2026}";
    if text.len() <= max {
        return text.to_owned();
    }
    format!("{}{CUT}", &text[..text.floor_char_boundary(max.saturating_sub(CUT.len()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_kept_and_the_oldest_goes() {
        let recent = Recent::new(2);
        assert_eq!(recent.newest_first(), Vec::<u32>::new());
        recent.push(1);
        recent.push(2);
        assert_eq!(recent.newest_first(), [2, 1]);
        recent.clone().push(3);
        assert_eq!(recent.newest_first(), [3, 2]);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(beginning("abcdef", 6), "abcdef");
        assert_eq!(beginning("abcdefg", 6), "abc\u{2026}");
        assert_eq!(beginning("ab\u{e9}\u{e9}\u{e9}", 6), "ab\u{2026}");
    }
}
