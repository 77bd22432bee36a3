//! What a program has said and nobody has taken yet: bounded, so that a program waits when its
//! reader does.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::child::Event;

/// What may wait before the program does. One line more than this may be held, since a line is
/// taken whole.
const BYTES: usize = 1 << 20;

/// What each event costs besides its bytes, so that empty lines are bounded too.
const OVERHEAD: usize = 64;

/// Between the task that reads and the caller that takes.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Event>,
    bytes: usize,
    ended: bool,
    /// How many callers wait for the end without reading.
    waiting: usize,
}

/// While it lives what does not fit is dropped: its holder waits for the end of the program and
/// takes nothing.
pub(crate) struct Unread<'a>(&'a Queue);

impl Queue {
    /// Adds an event; dropped after the end, and when full while somebody waits without reading.
    pub(crate) fn push(&self, event: Event) {
        let mut inner = self.lock();
        if inner.ended || inner.waiting > 0 && inner.bytes >= BYTES {
            return;
        }
        inner.bytes += cost(&event);
        inner.events.push_back(event);
        drop(inner);
        self.filled.notify_one();
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.filled.notify_one();
    }

    /// Whether the program has to wait for its reader.
    pub(crate) fn full(&self) -> bool {
        let inner = self.lock();
        !inner.ended && inner.waiting == 0 && inner.bytes >= BYTES
    }

    /// Waits until there may be room.
    pub(crate) async fn room(&self) {
        self.drained.notified().await;
    }

    /// Takes the next event. Nothing is lost where the future is dropped.
    pub(crate) async fn take(&self) -> Event {
        loop {
            // Made before looking, so that what comes in between is noticed.
            let filled = self.filled.notified();
            {
                let mut inner = self.lock();
                if let Some(event) = inner.events.pop_front() {
                    inner.bytes -= cost(&event);
                    drop(inner);
                    self.drained.notify_one();
                    return event;
                }
                if inner.ended {
                    return Event::End;
                }
            }
            filled.await;
        }
    }

    /// See [`Unread`].
    pub(crate) fn leave_unread(&self) -> Unread<'_> {
        self.lock().waiting += 1;
        self.drained.notify_one();
        Unread(self)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held, and each step leaves it whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

fn cost(event: &Event) -> usize {
    OVERHEAD + if let Event::Line(line) = event { line.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fills_and_drains() {
        let queue = Queue::default();
        let line = Event::Line(vec![b'x'; BYTES - OVERHEAD - 1]);
        queue.push(line.clone());
        assert!(!queue.full());
        queue.push(Event::Line(vec![]));
        assert!(queue.full());
        assert_eq!(queue.take().await, line);
        assert!(!queue.full());
        queue.end();
        queue.push(Event::Idle);
        assert_eq!(queue.take().await, Event::Line(vec![]));
        assert_eq!(queue.take().await, Event::End);
        assert_eq!(queue.take().await, Event::End);
    }

    #[tokio::test]
    async fn what_nobody_reads_holds_nobody_up() {
        let queue = Queue::default();
        let unread = queue.leave_unread();
        queue.push(Event::Line(vec![0; BYTES]));
        assert!(!queue.full());
        queue.push(Event::Line(vec![1]));
        drop(unread);
        assert!(queue.full());
        assert_eq!(queue.take().await, Event::Line(vec![0; BYTES]));
        queue.end();
        assert_eq!(queue.take().await, Event::End);
    }
}
