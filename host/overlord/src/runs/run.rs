//! One run: who asked what, how far it is, and how it is told to stop. Whoever answers it says here what
//! happens; whoever may know of it listens through a [`Watcher`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::log::{Happening, Log};
use super::watcher::Watcher;
use crate::capability::clock;
use crate::capability::process::{Listener, Stop, StopHandle};
use crate::domain::{Cancelled, End, Instant, NotAnswered, RunId, RunState, SessionId, Update, state_after};

/// What is known of a run from its first moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// In which session.
    pub session: SessionId,
    /// Who asked.
    pub user: String,
    /// What.
    pub message: String,
    /// When.
    pub at: Instant,
}

/// A question on its way.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    asked: Asked,
    epoch: u64,
    stop: StopHandle,
    progress: Mutex<Progress>,
    /// The place of the last event, for those who wait for the next one.
    pub(super) last: watch::Sender<u64>,
    pub(super) watchers: watch::Sender<usize>,
}

#[derive(Debug)]
struct Progress {
    state: RunState,
    started_at: Option<Instant>,
    ended_at: Option<Instant>,
    history_offset: Option<u64>,
    cancelled: Option<Cancelled>,
    end: Option<End>,
    log: Log,
}

/// How far a run is, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id.
    pub id: RunId,
    /// In which session.
    pub session: SessionId,
    /// What was asked.
    pub message: String,
    /// How far it is.
    pub state: RunState,
    /// When it was asked.
    pub asked_at: Instant,
    /// When the program was started.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// How long the session's file was then: what it says before this is not of this run.
    pub history_offset: Option<u64>,
}

impl Run {
    pub(super) fn new(id: RunId, asked: Asked, epoch: u64) -> Self {
        let progress = Progress {
            state: RunState::Running,
            started_at: None,
            ended_at: None,
            history_offset: None,
            cancelled: None,
            end: None,
            log: Log::default(),
        };
        Self {
            id,
            asked,
            epoch,
            stop: StopHandle::new(),
            progress: Mutex::new(progress),
            last: watch::Sender::new(0),
            watchers: watch::Sender::new(0),
        }
    }

    /// Its id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Who asked what, where and when.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What its events' ids begin with.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// It waits; its place in the queue, from 1. Told only where that is new.
    pub fn queued(&self, position: u32) {
        let mut progress = self.progress();
        let state = RunState::Queued(position);
        if progress.end.is_none() && (progress.state != state || progress.log.last() == 0) {
            progress.state = state;
            self.happened(&mut progress, Happening::Moved(state));
        }
    }

    /// It is being answered from now on; how long the session's file is.
    pub fn running(&self, history_offset: u64) {
        let mut progress = self.progress();
        if progress.end.is_none() {
            progress.state = RunState::Running;
            progress.started_at = Some(clock::now());
            progress.history_offset = Some(history_offset);
            self.happened(&mut progress, Happening::Moved(RunState::Running));
        }
    }

    /// Something is said.
    pub fn say(&self, update: Update) {
        let mut progress = self.progress();
        if progress.end.is_none() {
            self.happened(&mut progress, Happening::Said(update));
        }
    }

    /// It has ended. Only the first end counts.
    pub fn end(&self, end: End) {
        self.end_at(end, clock::now());
    }

    pub(super) fn end_at(&self, end: End, at: Instant) {
        let mut progress = self.progress();
        if progress.end.is_none() {
            self.ends(&mut progress, end, at);
        }
    }

    fn ends(&self, progress: &mut Progress, end: End, at: Instant) {
        progress.state = state_after(&end);
        progress.ended_at = Some(at);
        progress.end = Some(end.clone());
        self.happened(progress, Happening::Ended(end));
    }

    /// Has it stopped, if it has not ended; how far it is now. One that waits has ended with that. Safe
    /// to repeat: the first reason counts.
    pub fn cancel(&self, why: Cancelled) -> RunState {
        let mut progress = self.progress();
        if progress.end.is_none() {
            let why = *progress.cancelled.get_or_insert(why);
            self.stop.stop();
            if progress.state.position().is_some() {
                self.ends(&mut progress, Err(NotAnswered::Cancelled(why)), clock::now());
            }
        }
        progress.state
    }

    /// Has it stopped because the host does.
    pub fn stop_with_the_host(&self) {
        self.stop.stop();
    }

    /// Why it was told to stop by anybody but the host.
    pub fn cancelled(&self) -> Option<Cancelled> {
        self.progress().cancelled
    }

    /// What the run's program listens to.
    pub fn listen(&self) -> Stop {
        self.stop.listen()
    }

    /// How far it is.
    pub fn snapshot(&self) -> Snapshot {
        let progress = self.progress();
        Snapshot {
            id: self.id,
            session: self.asked.session,
            message: self.asked.message.clone(),
            state: progress.state,
            asked_at: self.asked.at,
            started_at: progress.started_at,
            ended_at: progress.ended_at,
            history_offset: progress.history_offset,
        }
    }

    /// When it ended, if it has.
    pub fn ended_at(&self) -> Option<Instant> {
        self.progress().ended_at
    }

    /// Listens from the first event on.
    pub fn watch(self: &Arc<Self>) -> Watcher {
        Watcher::from_the_beginning(Arc::clone(self))
    }

    /// Listens again, after an event of `epoch` at `seq`, or from the beginning.
    pub fn watch_again(self: &Arc<Self>, after: Option<(u64, u64)>) -> Watcher {
        Watcher::again(Arc::clone(self), after)
    }

    /// How many listen now.
    pub fn listeners(&self) -> usize {
        *self.watchers.borrow()
    }

    /// Waits until nobody has listened for so long, and it has not ended. Where it has, for ever.
    pub async fn abandoned(&self, after: Duration) {
        let mut watchers = self.watchers.subscribe();
        loop {
            // The sender lives in `self`, so there is no error to expect.
            let _ = watchers.wait_for(|count| *count == 0).await;
            // Whoever comes, however shortly, starts the time anew.
            if tokio::time::timeout(after, watchers.changed()).await.is_err() {
                return;
            }
        }
    }

    /// Waits for its end.
    pub async fn over(&self) {
        let mut last = self.last.subscribe();
        while self.ended_at().is_none() {
            // The sender lives in `self`, so there is no error to expect.
            let _ = last.changed().await;
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.progress().state == RunState::Interrupted
    }

    pub(super) fn bytes(&self) -> usize {
        self.progress().log.bytes() + self.asked.message.len()
    }

    pub(super) fn with_log<T>(&self, look: impl FnOnce(&Log) -> T) -> T {
        look(&self.progress().log)
    }

    /// Whether the event at this place was its last.
    pub(super) fn is_over_at(&self, seq: u64) -> bool {
        let progress = self.progress();
        progress.end.is_some() && seq >= progress.log.last()
    }

    pub(super) fn outcome(&self) -> Option<End> {
        self.progress().end.clone()
    }

    fn happened(&self, progress: &mut Progress, happening: Happening) {
        if progress.log.push(happening) {
            self.last.send_replace(progress.log.last());
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Run {
    fn hear(&self, update: Update) {
        self.say(update);
    }
}
