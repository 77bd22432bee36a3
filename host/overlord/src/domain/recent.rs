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
}
