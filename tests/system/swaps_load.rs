//! Hundreds of swaps while everybody asks: no request is lost or answered by half a generation, old
//! generations go, and so does their memory.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};
use rustix::process::Pid;

use crate::made::{Shelf, generation, remarked};

/// How many swaps.
const SWAPS: u64 = 200;

/// After so many of them the memory is looked at for the first time: whatever is kept once is there.
const WARM: u64 = 40;

/// How many builds there are of each component; the cache has room for more.
const BUILDS: u64 = 25;

/// How much more the host may have afterwards, in KiB. A build that is kept takes about 100 KiB
/// compiled, so that keeping every one is seen.
const MORE_MAX: u64 = 12 << 10;

#[test]
fn two_hundred_swaps_under_load_lose_nothing_and_leave_nothing() {
    let setup = Setup::new().with("OVERLORD_LOG_LEVEL", "debug").with("OVERLORD_LIMIT_SETTINGS_MAX", "8000");
    let (setup, shelf) = Shelf::new(setup);
    let host = setup.start();
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let grown = thread::scope(|scope| {
        for user in ["alice", "bob"] {
            let (caller, done, answered) = (host.sign_in(user), &done, &answered);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    ask_around(&caller);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut warm = 0;
        let swap = |number: u64| {
            let name = ["limit-window", "audit-jsonl"][usize::try_from(number % 2).expect("0 or 1")];
            // Some are compiled, and those that come again are found in the cache.
            shelf.put(name, &remarked(name, &format!("build {}", number % BUILDS)));
            generation(&host, number + 1);
        };
        for number in 1..=SWAPS {
            swap(number);
            if number == WARM {
                warm = resident(host.pid());
            }
        }
        done.store(true, Ordering::Relaxed);
        resident(host.pid()).saturating_sub(warm)
    });
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered > 100, "only {answered} rounds in {SWAPS} swaps are no load");
    wait_until("the end of all generations but one", || (alive(&host) == Some(1)).then_some(()));
    assert!(grown < MORE_MAX, "the host has grown by {grown} KiB");
    let output = host.output();
    assert!(!output.contains("ERROR") && !output.contains("broke"), "{output}");
}

/// A new session, a refused body, and every tenth time a question: each answer is what it should be.
fn ask_around(caller: &Caller) {
    for _ in 0..10 {
        caller.new_session();
        assert_eq!(
            caller.send("POST", "/agent/ask", &[("content-type", "application/json")], Some(b"{}")).status,
            422
        );
    }
    let session = caller.new_session();
    let answer = caller.ask(&session, "demo:fast");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(caller.history(&session).len(), 2);
}

/// How many generations the host has said to be alive when the last one ended.
fn alive(host: &Host) -> Option<usize> {
    let output = host.output();
    let line = output.lines().rev().find(|line| line.contains("a generation has ended, "))?;
    line.rsplit_once("ended, ")?.1.split(' ').next()?.parse().ok()
}

/// What of the process is in memory, in KiB.
fn resident(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
