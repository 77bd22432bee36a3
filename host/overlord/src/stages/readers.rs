//! How many sessions are read at once, by a user and in all: each reading holds a few pages in memory for
//! as long as its reader takes, and nobody's slow readers should hold up anybody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// How many at once in all; more wait.
const READERS_MAX: usize = 64;

/// How many of one user's: a page with a few tabs.
const READERS_OF_A_USER_MAX: usize = 8;

/// When so many users are known, those who read nothing are forgotten.
const USERS_KNOWN_MAX: usize = 1024;

static ALL: Semaphore = Semaphore::const_new(READERS_MAX);
static OWN: Mutex<Option<HashMap<String, Arc<Semaphore>>>> = Mutex::new(None);

/// The right to read one session.
#[derive(Debug)]
pub(super) struct Reading {
    _all: SemaphorePermit<'static>,
    _own: OwnedSemaphorePermit,
}

/// Waits for it, first among the user's own and then among all.
pub(super) async fn reading(user: &str) -> Reading {
    let own = own(user).acquire_owned().await.expect("the semaphore is never closed");
    Reading { _all: ALL.acquire().await.expect("the semaphore is never closed"), _own: own }
}

fn own(user: &str) -> Arc<Semaphore> {
    let mut known = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_with(HashMap::new);
    if known.len() >= USERS_KNOWN_MAX {
        known.retain(|_, places| Arc::strong_count(places) > 1);
    }
    Arc::clone(
        known.entry(user.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(READERS_OF_A_USER_MAX))),
    )
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_users_slow_readers_hold_up_nobody_else() {
        let mut held = Vec::new();
        for _ in 0..READERS_OF_A_USER_MAX {
            held.push(reading("slow").now_or_never().expect("there is room"));
        }
        assert!(reading("slow").now_or_never().is_none(), "one too many");
        assert!(reading("other").now_or_never().is_some());
        held.pop();
        assert!(reading("slow").now_or_never().is_some(), "room again");
    }
}
