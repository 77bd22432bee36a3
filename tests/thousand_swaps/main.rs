//! A thousand swaps, five a second, while the host has as much to do as the machine can: no request is
//! lost, none is answered by half a generation, and nothing is left of the old ones. A program of its
//! own, so that no other test's load is beside it.
//!
//! `OVERLORD_TEST_SWAPS` says how many there are, for whoever works on it.

mod asking;
mod sets;
mod standing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use overlord_tests::host::wait_until;
use overlord_tests::load::converse;

use asking::Asking;
use sets::{Change, House};
use standing::Standing;

/// How many swaps.
const SWAPS: u32 = 1000;

/// One every so often.
const EVERY: Duration = Duration::from_millis(200);

/// Before the memory is looked at for the first time everything has been swapped in that there is, and
/// has been asked: what is kept once is there.
const WARM: u32 = 60;

/// On how many connections is asked.
const CONNECTIONS: usize = 16;

/// How much more the host may have in memory afterwards, in KiB. A generation's compiled code and its
/// policies take more than 100 KiB, so that keeping every fifth one is seen.
const MORE_KIB_MAX: u64 = 16 << 10;

/// How many more threads and descriptors: none that a swap leaves behind is alone.
const MORE_MAX: usize = 4;

/// How many questions have to be asked for it to be a load.
const ASKED_A_SWAP: usize = 10;

#[test]
fn a_thousand_swaps_under_full_load_lose_nothing_mix_nothing_and_leave_nothing() {
    let swaps = match std::env::var("OVERLORD_TEST_SWAPS") {
        Ok(text) => text.parse().expect("OVERLORD_TEST_SWAPS is a number"),
        Err(_) => SWAPS,
    };
    let mut house = House::new();
    let (_, _) = under_load(&mut house, WARM);
    let before = house.settled(None);
    let begun = Instant::now();
    let (asking, took) = under_load(&mut house, swaps);
    let time = begun.elapsed();
    let counted = asking.check(&house);
    let after = house.settled(Some((before, MORE_KIB_MAX, MORE_MAX)));

    let rate = f64::from(swaps) / time.as_secs_f64();
    say(&format!(
        "{swaps} swaps in {time:.1?}, {rate:.2} a second; {counted}\n\
         until the new generation was announced: {}; {}\n\
         before: {before}; after: {after}\n",
        median("by a renamed file", &took, |change| !matches!(change, Change::All)),
        median("by SIGHUP", &took, |change| matches!(change, Change::All)),
    ));
    assert!(asking.questions() >= ASKED_A_SWAP * took.len(), "{} are no load", asking.questions());
    let output = house.output();
    assert!(!output.contains("ERROR") && !output.contains("broke"), "{output}");
}

/// So many swaps, one every [`EVERY`], while everybody asks; what was answered, and how long each took.
fn under_load(house: &mut House, swaps: u32) -> (Asking, Vec<(Change, Duration)>) {
    let done = Arc::new(AtomicBool::new(false));
    let (address, cookies, epoch) = (house.address(), house.cookies(), house.epoch());
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asking = Asking::new(address, &cookies, epoch, Arc::clone(&done));
            let ended = converse(address, CONNECTIONS, &mut asking);
            (asking, ended)
        });
        let begun = Instant::now();
        let mut took = Vec::new();
        for number in 0..swaps {
            // A load that has ended early has something to say.
            if asking.is_finished() {
                break;
            }
            // Those that took longer are made up for, so that it is so many a second.
            thread::sleep((begun + EVERY * number).saturating_duration_since(Instant::now()));
            took.push(house.swap());
        }
        done.store(true, Ordering::Relaxed);
        let (asking, ended) = asking.join().expect("nobody was let down");
        ended.unwrap_or_else(|error| panic!("a request was lost: {error}\n{}", house.output()));
        (asking, took)
    })
}

/// The median of those that are wanted, as words.
fn median(name: &str, took: &[(Change, Duration)], wanted: impl Fn(&Change) -> bool) -> String {
    let mut times: Vec<_> = took.iter().filter(|(change, _)| wanted(change)).map(|(_, time)| *time).collect();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    format!("{name} {median:.0?} in the middle and {:.0?} at most", times.last().copied().unwrap_or_default())
}

/// To standard error, past the test runner, which swallows what macros print.
fn say(text: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(text.as_bytes()).expect("standard error can be written to");
}

impl House {
    /// Waits until one generation is left and, where there is something to compare with, until no more
    /// is there than allowed beyond it.
    fn settled(&self, allowed: Option<(Standing, u64, usize)>) -> Standing {
        wait_until("the end of all generations but one", || (self.alive() == Some(1)).then_some(()));
        let Some((before, kib, more)) = allowed else { return Standing::of(self.pid()) };
        let mut last = None;
        let settled = wait_until_or_none(|| {
            let now = Standing::of(self.pid());
            last = Some(now);
            now.is_within(before, kib, more).then_some(now)
        });
        settled.unwrap_or_else(|| panic!("the host was {before} and is {}", last.expect("it was looked at")))
    }
}

/// Looks again and again with the patience of all tests; none where it was in vain.
fn wait_until_or_none<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        match look() {
            None if begun.elapsed() < overlord_tests::host::PATIENCE => thread::sleep(EVERY),
            found => return found,
        }
    }
}
