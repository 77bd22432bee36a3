//! Questions that wait for their asker's running ones to end, each user's in the order in which they
//! came. Owns who is before whom, and how many may wait; whether they may ask the limiter decides.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::Instant;

/// The most questions of one user that wait: limit-window's own bound.
const WAITING_OF_A_USER_MAX: usize = 32;

/// The most questions that wait in all: each holds a message of up to 10,000 characters.
const WAITING_MAX: usize = 1024;

/// All that wait.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// Counts who has left, for those behind.
    left: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    by_user: HashMap<String, VecDeque<u64>>,
    total: usize,
    next: u64,
}

/// A place in the queue. Dropped, it is given up.
#[derive(Debug)]
pub struct Ticket {
    queue: Arc<Queue>,
    user: String,
    number: u64,
    since: Instant,
    counted: BTreeSet<usize>,
}

impl Queue {
    /// How many questions of a user wait.
    pub fn length(&self, user: &str) -> u32 {
        let length = self.waiting().by_user.get(user).map_or(0, VecDeque::len);
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    /// How many questions wait in all.
    pub fn total(&self) -> usize {
        self.waiting().total
    }

    /// Joins a user's queue at the time `since`, at its end; none where no more may wait.
    pub fn join(self: &Arc<Self>, user: &str, since: Instant) -> Option<Ticket> {
        let mut waiting = self.waiting();
        let number = waiting.next;
        if waiting.total >= WAITING_MAX {
            return None;
        }
        if waiting.by_user.get(user).is_some_and(|own| own.len() >= WAITING_OF_A_USER_MAX) {
            return None;
        }
        waiting.by_user.entry(user.to_owned()).or_default().push_back(number);
        waiting.next += 1;
        waiting.total += 1;
        Some(Ticket {
            queue: Arc::clone(self),
            user: user.to_owned(),
            number,
            since,
            counted: BTreeSet::new(),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// How many questions of the same user wait before this one.
    pub fn ahead(&self) -> u32 {
        let waiting = self.queue.waiting();
        let own = waiting.by_user.get(&self.user).into_iter().flatten();
        u32::try_from(own.take_while(|number| **number != self.number).count()).unwrap_or(u32::MAX)
    }

    /// Since when it waits as the limiter in this place of its chain knows it: none where that one has
    /// not counted it yet.
    pub fn since_for(&self, place: usize) -> Option<Instant> {
        self.counted.contains(&place).then_some(self.since)
    }

    /// Notes that the limiters in these places have counted it.
    pub fn counted_by(&mut self, places: impl IntoIterator<Item = usize>) {
        self.counted.extend(places);
    }

    /// Changes whenever somebody leaves the queue, whoever it is.
    pub fn movement(&self) -> watch::Receiver<u64> {
        self.queue.left.subscribe()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        if let Some(own) = waiting.by_user.get_mut(&self.user) {
            own.retain(|number| *number != self.number);
            if own.is_empty() {
                waiting.by_user.remove(&self.user);
            }
        }
        waiting.total = waiting.total.saturating_sub(1);
        drop(waiting);
        self.queue.left.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(queue: &Arc<Queue>, user: &str) -> Option<Ticket> {
        queue.join(user, Instant(0))
    }

    #[test]
    fn each_user_has_a_line_and_whoever_leaves_moves_those_behind() {
        let queue = Arc::new(Queue::default());
        let (one, two) = (join(&queue, "a").expect("room"), join(&queue, "a").expect("room"));
        let (other, three) = (join(&queue, "b").expect("room"), join(&queue, "a").expect("room"));
        assert_eq!([&one, &two, &other, &three].map(Ticket::ahead), [0, 1, 0, 2]);
        let movement = three.movement();
        drop(two);
        assert!(movement.has_changed().expect("the queue lives"));
        assert_eq!([&one, &other, &three].map(Ticket::ahead), [0, 0, 1]);
        assert_eq!((queue.length("a"), queue.length("b"), queue.length("c")), (2, 1, 0));
        drop((one, other, three));
        assert!(queue.waiting().by_user.is_empty() && queue.waiting().total == 0);
    }

    #[test]
    fn only_those_who_have_counted_it_know_since_when_it_waits() {
        let queue = Arc::new(Queue::default());
        let mut ticket = queue.join("a", Instant(7)).expect("room");
        assert_eq!(ticket.since_for(1), None);
        ticket.counted_by([1]);
        assert_eq!([0, 1, 2].map(|place| ticket.since_for(place)), [None, Some(Instant(7)), None]);
        ticket.counted_by([0, 1]);
        assert_eq!([0, 1].map(|place| ticket.since_for(place)), [Some(Instant(7)); 2]);
    }

    #[test]
    fn each_bound_from_both_sides() {
        let queue = Arc::new(Queue::default());
        let mut tickets: Vec<_> = (0..WAITING_OF_A_USER_MAX).filter_map(|_| join(&queue, "a")).collect();
        assert_eq!(tickets.len(), WAITING_OF_A_USER_MAX);
        assert!(join(&queue, "a").is_none(), "one too many of a user");
        for n in WAITING_OF_A_USER_MAX..WAITING_MAX {
            tickets.push(join(&queue, &n.to_string()).expect("there is room for others"));
        }
        assert!(join(&queue, "z").is_none(), "one too many in all");
        tickets.pop();
        assert!(join(&queue, "z").is_some(), "room again");
    }
}
