//! Who is being answered right now: how many questions a user has running, which sessions are busy,
//! how many programs the whole host runs. A place is given back when it is dropped.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::SessionId;

/// The places of one host.
#[derive(Debug)]
pub struct Places {
    max: u32,
    taken: Mutex<Taken>,
    running: watch::Sender<u32>,
    turns: Mutex<HashMap<Of, Arc<tokio::sync::Mutex<()>>>>,
}

/// What decisions take turns for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Of {
    User(String),
    Shared(String),
}

#[derive(Debug, Default)]
struct Taken {
    by_user: HashMap<String, u32>,
    sessions: HashSet<SessionId>,
    total: u32,
    closed: bool,
}

/// One running question's place.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    user: String,
    session: SessionId,
}

/// A session in which nothing is asked for as long as this lives: something is done to its file. It
/// counts for nobody and takes no program's place.
#[derive(Debug)]
pub struct Hold {
    places: Arc<Places>,
    session: SessionId,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// A question of the same session is being answered.
    Session,
    /// The host runs as many programs as it may.
    Full,
    /// The host is stopping.
    Stopping,
}

impl Places {
    /// Room for `max` running programs.
    pub fn new(max: u32) -> Arc<Self> {
        Arc::new(Self {
            max,
            taken: Mutex::default(),
            running: watch::Sender::new(0),
            turns: Mutex::default(),
        })
    }

    /// How many questions of a user are being answered.
    pub fn running(&self, user: &str) -> u32 {
        self.taken().by_user.get(user).copied().unwrap_or(0)
    }

    /// Takes a place.
    pub fn take(self: &Arc<Self>, user: &str, session: SessionId) -> Result<Place, Closed> {
        let mut taken = self.taken();
        if taken.closed {
            return Err(Closed::Stopping);
        }
        if taken.sessions.contains(&session) {
            return Err(Closed::Session);
        }
        if taken.total >= self.max {
            return Err(Closed::Full);
        }
        taken.sessions.insert(session);
        taken.total += 1;
        *taken.by_user.entry(user.to_owned()).or_default() += 1;
        self.running.send_replace(taken.total);
        Ok(Place { places: Arc::clone(self), user: user.to_owned(), session })
    }

    /// Keeps a session free of questions; none where one is being answered, or something else is done
    /// to it.
    pub fn hold(self: &Arc<Self>, session: SessionId) -> Option<Hold> {
        let free = self.taken().sessions.insert(session);
        free.then(|| Hold { places: Arc::clone(self), session })
    }

    /// Whether a question of this session is being answered.
    pub fn busy(&self, session: SessionId) -> bool {
        self.taken().sessions.contains(&session)
    }

    /// Gives out no more places, and tells those who wait for one.
    pub fn close(&self) {
        let mut taken = self.taken();
        taken.closed = true;
        self.running.send_replace(taken.total);
    }

    /// Whether no more are given out.
    pub fn closed(&self) -> bool {
        self.taken().closed
    }

    /// Changes whenever a place is taken or given back, and when there are no more.
    pub fn movement(&self) -> watch::Receiver<u32> {
        self.running.subscribe()
    }

    /// Waits until every place has been given back.
    pub async fn empty(&self) {
        let mut running = self.running.subscribe();
        // The sender lives in `self`, so there is no error to expect.
        let _ = running.wait_for(|running| *running == 0).await;
    }

    /// How many questions are being answered.
    pub fn total(&self) -> u32 {
        *self.running.borrow()
    }

    /// A user's turn to be decided upon: one decision a user at a time, so that what one decision saw
    /// is what it commits to. Decisions about the same of `shared`, which are the names of what several
    /// users have together, take turns as well.
    pub async fn turns(&self, user: &str, mut shared: Vec<String>) -> Vec<Turn<'_>> {
        // All in one order, the user's own first: nobody who has a turn waits for one who waits for them,
        // and whoever waits for their own holds up nobody else.
        shared.sort();
        shared.dedup();
        let names = std::iter::once(Of::User(user.to_owned())).chain(shared.into_iter().map(Of::Shared));
        let mut turns = Vec::new();
        for of in names {
            turns.push(self.turn(of).await);
        }
        turns
    }

    async fn turn(&self, of: Of) -> Turn<'_> {
        let lock = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(of.clone()).or_default())
        };
        let mut turn = Turn { places: self, of, lock: Some(lock), guard: None };
        let lock = turn.lock.as_ref().map(Arc::clone).expect("it is dropped with the turn alone");
        turn.guard = Some(lock.lock_owned().await);
        turn
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.places.taken().sessions.remove(&self.session);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.sessions.remove(&self.session);
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.by_user.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_user.remove(&self.user);
            }
        }
        let total = taken.total;
        drop(taken);
        self.places.running.send_replace(total);
    }
}

/// See [`Places::turns`].
#[derive(Debug)]
pub struct Turn<'a> {
    places: &'a Places,
    of: Of,
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
    guard: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    /// Forgets the lock where nobody else waits for it.
    fn drop(&mut self) {
        self.guard = None;
        let mut turns = self.places.turns.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock = None;
        if turns.get(&self.of).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            turns.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_from_both_sides() {
        let places = Places::new(2);
        let (one, two, three) = (SessionId::fresh(), SessionId::fresh(), SessionId::fresh());
        let first = places.take("a", one).expect("free");
        assert_eq!(places.take("b", one).expect_err("busy"), Closed::Session);
        let second = places.take("a", two).expect("free");
        assert_eq!(places.take("b", three).expect_err("full"), Closed::Full);
        assert_eq!((places.running("a"), places.running("b"), places.total()), (2, 0, 2));
        drop(first);
        assert_eq!((places.running("a"), places.total()), (1, 1));
        drop(places.take("b", one).expect("free again"));
        places.close();
        assert_eq!(places.take("b", one).expect_err("closed"), Closed::Stopping);
        drop(second);
        assert_eq!(places.total(), 0);
        assert!(places.taken().by_user.is_empty() && places.taken().sessions.is_empty());
    }

    #[test]
    fn what_is_held_is_not_asked_in_and_counts_for_nobody() {
        let places = Places::new(1);
        let session = SessionId::fresh();
        let held = places.hold(session).expect("free");
        assert!(places.hold(session).is_none() && places.busy(session));
        assert_eq!(places.take("a", session).expect_err("held"), Closed::Session);
        let place = places.take("a", SessionId::fresh()).expect("the one place is free");
        assert_eq!(places.total(), 1);
        drop((held, place));
        let _place = places.take("a", session).expect("free again");
        assert!(places.hold(session).is_none(), "a question is being answered");
    }

    #[tokio::test]
    async fn turns_leave_nothing_behind() {
        let places = Places::new(1);
        let first = places.turns("a", vec![]).await;
        let other = places.turns("b", vec![]).await;
        let waiting = places.turns("a", vec![]);
        tokio::pin!(waiting);
        assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
        drop(first);
        let second = waiting.await;
        drop((second, other));
        assert!(places.turns.lock().expect("no panic").is_empty());
    }

    #[tokio::test]
    async fn what_is_shared_has_one_turn_and_leaves_nothing_behind() {
        let places = Places::new(1);
        let shared = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let first = places.turns("a", shared(&["y", "x", "x"])).await;
        {
            let waiting = places.turns("b", shared(&["x"]));
            tokio::pin!(waiting);
            assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
            assert!(futures_util::FutureExt::now_or_never(places.turns("x", vec![])).is_some());
            // One that gives up waiting is forgotten like one that had its turn.
        }
        drop(first);
        assert!(places.turns.lock().expect("no panic").is_empty());
        drop(places.turns("b", shared(&["x"])).await);
        assert!(places.turns.lock().expect("no panic").is_empty());
    }
}
