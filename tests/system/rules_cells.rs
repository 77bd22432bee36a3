//! What becomes of what limiters remember when they change: a limiter of another form, live; a cell that
//! nobody can read; and how much is kept of it all.

use std::thread;
use std::time::{Duration, Instant};

use overlord::capability::state::State;
use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, PATIENCE, Setup};
use overlord_tests::marked;
use serde_json::json;

use crate::changes::*;
use crate::forge::{limiter_of_form, second_form};
use crate::made::Shelf;

/// How many questions each user has.
const MAX: &str = "3";

fn promoted(host: &Host, bytes: &[u8]) {
    propose(host, "limit", bytes);
    step(host, "candidate/promote", &json!({}));
    assert_eq!(serves(host, "limit"), digest(bytes));
}

fn statuses<const N: usize>(caller: &Caller) -> [u16; N] {
    std::array::from_fn(|_| ask(caller).status)
}

#[test]
fn a_limiter_of_another_form_takes_cells_over_as_their_owners_ask_and_the_way_back_finds_the_old_ones() {
    let host = Setup::new().with("AGENT_RATE_MAX", MAX).start();
    let (alice, bob, carol) = (host.sign_in("alice"), host.sign_in("bob"), host.sign_in("carol"));
    assert_eq!(statuses(&alice), [200, 200]);
    assert_eq!(statuses(&bob), [200]);

    // It would break over a cell that it has not taken over; a host that is killed finds what it took.
    promoted(&host, &second_form());
    assert_eq!(statuses(&alice), [200, 200]);
    assert_eq!(statuses(&carol), [200]);
    let host = host.kill().start();
    let (alice, bob, carol) = (host.sign_in("alice"), host.sign_in("bob"), host.sign_in("carol"));
    assert_eq!(statuses(&alice), [200, 200]);

    // Back, each finds what they had left behind, whether it was taken over meanwhile or not.
    step(&host, "rollback", &json!({}));
    assert_eq!(statuses(&alice), [200, 429]);
    assert_eq!(statuses(&bob), [200, 200, 429]);
    assert_eq!(statuses(&carol), [200, 200, 200, 429]);
}

#[test]
fn a_cell_that_nobody_takes_over_refuses_its_owner_alone_and_stays_as_it_is() {
    let host = Setup::new().with("AGENT_RATE_MAX", MAX).start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    assert_eq!(statuses(&alice), [200]);
    promoted(&host, &second_form());
    assert_eq!(statuses(&alice), [200]);

    // Hers has the form 2 now, which this one does not know.
    promoted(&host, &limiter_of_form("3"));
    assert_eq!(statuses(&alice), [503, 503]);
    assert_eq!(statuses(&bob), [200]);
    assert!(host.output().contains("not my own one"), "the log says why");

    step(&host, "rollback", &json!({}));
    assert_eq!(serves(&host, "limit"), digest(&second_form()));
    assert_eq!(statuses(&alice), [200]);
}

/// Every one that serves has a space of its own; those that nobody goes back to are emptied while the host
/// serves, once a second.
#[test]
fn what_is_kept_of_the_limiters_that_have_served_does_not_grow_with_their_number() {
    const SWAPS: u8 = 25;
    const PREVIOUS: usize = 3;
    let setup = Setup::new().with("AGENT_RATE_MAX", "1000").with("OVERLORD_RULES_PREVIOUS_MAX", "3");
    let (setup, shelf) = Shelf::new(setup);
    shelf.put("limit-window", &marked::limiter(0));
    let mut host = setup.start();
    for build in 1..=SWAPS {
        promoted(&host, &marked::limiter(build));
        for user in ["alice", "bob"] {
            assert_eq!(statuses(&host.sign_in(user)), [200]);
        }
    }
    let (begun, mut serves_for) = (Instant::now(), Duration::from_secs(1));
    loop {
        thread::sleep(serves_for);
        serves_for *= 2;
        let (status, setup) = host.stop();
        assert!(status.success(), "{status}");
        // A copy: the next host finds its own closed.
        let copy = setup.folder().join("copy");
        std::fs::create_dir_all(&copy).expect("making a folder");
        std::fs::copy(setup.data().join("state.redb"), copy.join("state.redb")).expect("copying the state");
        let spaces = State::open(&copy).expect("it is whole").spaces().expect("readable");
        std::fs::remove_dir_all(&copy).expect("removing it");
        assert!(!spaces.is_empty(), "the ones that can be gone back to are apart");
        if spaces.len() <= PREVIOUS + 1 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{} spaces are left: {spaces:?}", spaces.len());
        host = setup.start();
    }
}
