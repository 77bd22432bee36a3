//! Somebody who listens to a run: catches up with what was said, then hears the rest as it is said. A
//! run never waits for its listeners; one that falls behind what is remembered hears no more.

use std::collections::VecDeque;
use std::sync::Arc;

use super::log::{Entry, Happening};
use super::run::{Run, Snapshot};
use crate::domain::End;

/// How many events are taken out of the run's memory at once.
const BATCH: usize = 128;

/// A listener. While there is one, the run is not abandoned.
#[derive(Debug)]
pub struct Watcher {
    run: Arc<Run>,
    /// The place of the last event that was told.
    seq: u64,
    ready: VecDeque<Told>,
    over: bool,
}

/// What a listener is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// First of all, to one who comes back: whether nothing is missing.
    Resumed {
        /// Whether something is.
        gap: bool,
    },
    /// Which run this is, to one who cannot be told its first event.
    About(Box<Snapshot>),
    /// The text as of the place `seq`, in place of the events up to there.
    SoFar {
        /// The place.
        seq: u64,
        /// The text.
        text: String,
    },
    /// An event.
    Event(Arc<Entry>),
}

impl Watcher {
    pub(super) fn from_the_beginning(run: Arc<Run>) -> Self {
        run.watchers.send_modify(|count| *count += 1);
        Self { run, seq: 0, ready: VecDeque::new(), over: false }
    }

    pub(super) fn again(run: Arc<Run>, after: Option<(u64, u64)>) -> Self {
        let epoch = run.epoch();
        let mut watcher = Self::from_the_beginning(run);
        let (last, forgotten, before) = watcher.run.with_log(|log| {
            let (forgotten, before) = log.beginning();
            (log.last(), forgotten, before.to_owned())
        });
        let known = match after {
            None => Some(0),
            Some((of, seq)) => Some(seq).filter(|seq| of == epoch && *seq <= last),
        };
        let from = known.filter(|seq| *seq >= forgotten);
        watcher.ready.push_back(Told::Resumed { gap: from.is_none() });
        watcher.seq = from.unwrap_or(forgotten);
        if from.is_none() && forgotten > 0 {
            watcher.ready.push_back(Told::About(Box::new(watcher.run.snapshot())));
            watcher.ready.push_back(Told::SoFar { seq: forgotten, text: before });
        }
        watcher
    }

    /// Which run.
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// What comes next; none after the last event, and none to one who has fallen too far behind.
    pub async fn next(&mut self) -> Option<Told> {
        let mut last = self.run.last.subscribe();
        loop {
            let told = self.next_now();
            if told.is_some() || self.over {
                return told;
            }
            // The sender lives in the run, so there is no error to expect.
            let _ = last.changed().await;
        }
    }

    /// What comes next of what is there already.
    pub fn next_now(&mut self) -> Option<Told> {
        if self.ready.is_empty() && !self.over {
            match self.run.with_log(|log| log.after(self.seq, BATCH)) {
                Some(events) => self.ready.extend(events.into_iter().map(Told::Event)),
                None => self.over = true,
            }
        }
        let Some(told) = self.ready.pop_front() else {
            // Whoever was told the end already is told no more.
            self.over = self.over || self.run.is_over_at(self.seq);
            return None;
        };
        if let Told::Event(entry) = &told {
            self.seq = entry.seq;
            self.over = matches!(entry.happening, Happening::Ended(_));
        }
        Some(told)
    }

    /// The place of the last event that there is.
    pub fn last(&self) -> u64 {
        *self.run.last.borrow()
    }

    /// Waits for the end, whatever is said before.
    pub async fn end(&self) -> End {
        loop {
            self.run.over().await;
            if let Some(end) = self.run.outcome() {
                return end;
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.run.watchers.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use std::time::Duration;

    use super::*;
    use crate::domain::{Cancelled, Instant, NotAnswered, RunId, RunState, SessionId, Update};
    use crate::runs::Asked;

    const EPOCH: u64 = 7;

    fn run() -> Arc<Run> {
        let asked =
            Asked { session: SessionId::fresh(), user: "a".into(), message: "?".into(), at: Instant(0) };
        Arc::new(Run::new(RunId::fresh(), asked, EPOCH))
    }

    fn say(run: &Run, text: &str) {
        run.say(Update::Delta(text.to_owned()));
    }

    /// All that a listener is told until the end, or until there is nothing yet.
    fn heard(watcher: &mut Watcher) -> Vec<Told> {
        std::iter::from_fn(|| watcher.next_now()).collect()
    }

    fn seqs(told: &[Told]) -> Vec<u64> {
        told.iter()
            .filter_map(|told| if let Told::Event(entry) = told { Some(entry.seq) } else { None })
            .collect()
    }

    #[tokio::test]
    async fn whoever_listens_hears_everything_once_and_then_no_more() {
        let run = run();
        let mut watcher = run.watch();
        assert!(watcher.next().now_or_never().is_none(), "there is nothing to hear yet");
        run.running(0);
        say(&run, "a");
        assert_eq!(seqs(&heard(&mut watcher)), [1, 2]);
        let (next, ()) = tokio::join!(watcher.next(), async { say(&run, "b") });
        assert_eq!(seqs(&[next.expect("said")]), [3]);
        run.end(Err(NotAnswered::Broken));
        say(&run, "too late");
        assert_eq!(seqs(&heard(&mut watcher)), [4]);
        assert_eq!(watcher.next().await, None);
        assert_eq!(watcher.end().await, Err(NotAnswered::Broken));
    }

    #[tokio::test]
    async fn whoever_comes_back_hears_the_rest() {
        let run = run();
        run.running(0);
        for text in ["a", "b", "c"] {
            say(&run, text);
        }
        for from in 0..=4 {
            let told = heard(&mut run.watch_again(Some((EPOCH, from))));
            assert_eq!(told[0], Told::Resumed { gap: false });
            assert_eq!(seqs(&told), (from + 1..=4).collect::<Vec<_>>());
        }
        assert_eq!(seqs(&heard(&mut run.watch_again(None))), [1, 2, 3, 4]);
        for id in [(EPOCH + 1, 2), (EPOCH, 5)] {
            let told = heard(&mut run.watch_again(Some(id)));
            assert_eq!(told[0], Told::Resumed { gap: true });
            assert_eq!(seqs(&told), [1, 2, 3, 4], "nothing is forgotten, so everything is told again");
        }
    }

    #[tokio::test]
    async fn what_is_forgotten_is_told_as_the_text_that_it_came_to() {
        let run = run();
        run.running(0);
        for _ in 0..20_000 {
            say(&run, "x");
        }
        for id in [None, Some((EPOCH, 3)), Some((1, 1))] {
            let mut watcher = run.watch_again(id);
            assert_eq!(watcher.next().await, Some(Told::Resumed { gap: true }));
            assert!(matches!(watcher.next().await, Some(Told::About(_))));
            let Some(Told::SoFar { seq, text }) = watcher.next().await else { panic!("no text") };
            let rest = heard(&mut watcher);
            assert_eq!(seqs(&rest).first(), Some(&(seq + 1)));
            assert_eq!(text.len() + rest.len(), 20_000);
        }
    }

    #[tokio::test]
    async fn who_falls_too_far_behind_hears_no_more() {
        let run = run();
        run.running(0);
        let mut slow = run.watch();
        assert!(slow.next().await.is_some());
        let rest = heard(&mut slow);
        for _ in 0..40_000 {
            say(&run, "x");
        }
        assert!(rest.is_empty());
        assert_eq!(slow.next().await, None);
    }

    #[tokio::test]
    async fn who_was_told_the_end_is_told_no_more() {
        let run = run();
        run.running(0);
        run.end(Err(NotAnswered::Broken));
        let mut watcher = run.watch_again(Some((EPOCH, 2)));
        assert_eq!(watcher.next().await, Some(Told::Resumed { gap: false }));
        assert_eq!(watcher.next().await, None);
    }

    #[tokio::test]
    async fn the_first_end_and_the_first_reason_count() {
        let run = run();
        run.running(0);
        assert_eq!(run.cancel(Cancelled::OnWish), RunState::Running, "it is told to stop");
        assert_eq!(run.cancel(Cancelled::Abandoned(3)), RunState::Running);
        assert_eq!(run.cancelled(), Some(Cancelled::OnWish));
        run.end(Err(NotAnswered::Cancelled(Cancelled::OnWish)));
        run.end(Err(NotAnswered::Broken));
        run.running(0);
        assert_eq!(run.cancel(Cancelled::OnWish), RunState::Cancelled);
        assert_eq!(seqs(&heard(&mut run.watch())), [1, 2]);
    }

    #[tokio::test]
    async fn one_that_waits_ends_at_once() {
        let run = run();
        run.queued(2);
        run.queued(2);
        run.queued(1);
        assert_eq!(run.cancel(Cancelled::OnWish), RunState::Cancelled);
        run.running(0);
        assert_eq!(seqs(&heard(&mut run.watch())), [1, 2, 3], "the same place twice is told once");
        assert_eq!(run.watch().end().await, Err(NotAnswered::Cancelled(Cancelled::OnWish)));
    }

    #[tokio::test]
    async fn it_is_abandoned_once_nobody_has_listened_for_long_enough() {
        let run = run();
        let watcher = run.watch();
        let patience = Duration::from_millis(20);
        let abandoned = run.abandoned(patience);
        tokio::pin!(abandoned);
        assert!(tokio::time::timeout(5 * patience, &mut abandoned).await.is_err(), "somebody listens");
        drop(watcher);
        abandoned.await;
    }
}
