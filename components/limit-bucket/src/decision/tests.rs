//! The bucket against a slow one that holds fractions, and each promise of its own.

use super::{Outcome, Refusal, decide};
use crate::settings::{Per, Settings};

/// Two at once, one in two seconds.
const SETTINGS: Settings = Settings { rate: 1800, per: Per::Hour, burst: 2 };

/// Whoever the cell is of.
struct Whose {
    settings: Settings,
    cell: Vec<u8>,
}

impl Whose {
    fn new(settings: Settings) -> Self {
        Self { settings, cell: Vec::new() }
    }

    /// Asks; the seconds to wait where that is refused.
    fn asks(&mut self, now: u64) -> Result<(), Option<u32>> {
        let Outcome { refusal, cell } = decide(&self.settings, now, &self.cell).expect("a cell of its own");
        if let Some(cell) = cell {
            self.cell = cell;
        }
        refusal.map_or(Ok(()), |refusal| Err(refusal.retry_after_s))
    }
}

#[test]
fn the_words_are_the_originals() {
    assert_eq!(Refusal { retry_after_s: Some(12) }.message(), "Rate limit exceeded; retry in 12s");
    assert_eq!(Refusal { retry_after_s: None }.message(), "Rate limit exceeded");
}

#[test]
fn a_full_bucket_gives_as_many_as_it_has_and_then_one_at_a_time() {
    let mut whose = Whose::new(SETTINGS);
    assert_eq!(whose.asks(1000), Ok(()));
    assert_eq!(whose.asks(1000), Ok(()));
    assert_eq!(whose.asks(1000), Err(Some(2)));
    assert_eq!(whose.asks(2999), Err(Some(1)));
    assert_eq!(whose.asks(3000), Ok(()));
    assert_eq!(whose.asks(3000), Err(Some(2)));
}

#[test]
fn a_refused_question_takes_nothing_and_is_not_written_down() {
    let mut whose = Whose::new(SETTINGS);
    assert_eq!((whose.asks(0), whose.asks(0)), (Ok(()), Ok(())));
    let before = whose.cell.clone();
    for now in 0..2000 {
        assert!(whose.asks(now).is_err());
        assert_eq!(whose.cell, before);
    }
    assert_eq!(whose.asks(2000), Ok(()));
}

#[test]
fn a_bucket_never_has_more_than_it_holds() {
    let mut whose = Whose::new(SETTINGS);
    assert_eq!(whose.asks(0), Ok(()));
    for _ in 0..2 {
        assert_eq!(whose.asks(u64::MAX), Ok(()));
    }
    assert_eq!(whose.asks(u64::MAX), Err(Some(2)));
}

#[test]
fn without_a_burst_nobody_asks_and_no_time_is_named() {
    let mut whose = Whose::new(Settings { burst: 0, ..SETTINGS });
    assert_eq!(whose.asks(0), Err(None));
    assert_eq!(whose.asks(u64::MAX), Err(None));
    assert!(whose.cell.is_empty());
}

#[test]
fn a_clock_set_back_gives_nothing_and_locks_nobody_out() {
    let mut whose = Whose::new(SETTINGS);
    assert_eq!((whose.asks(100_000_000), whose.asks(100_000_000)), (Ok(()), Ok(())));
    assert_eq!(whose.asks(5000), Err(Some(2)));
    assert_eq!(whose.asks(6000), Err(Some(1)), "the time runs");
    assert_eq!(whose.asks(7000), Ok(()));
}

#[test]
fn settings_that_change_keep_what_there_is() {
    let mut whose = Whose::new(SETTINGS);
    assert_eq!((whose.asks(0), whose.asks(0)), (Ok(()), Ok(())));
    whose.settings = Settings { rate: 1, per: Per::Second, burst: 9 };
    assert_eq!(whose.asks(999), Err(Some(1)), "an empty bucket is empty in other parts too");
    assert_eq!(whose.asks(1000), Ok(()));
    assert_eq!(whose.asks(10_000), Ok(()));
    whose.settings = Settings { rate: 1, per: Per::Hour, burst: 1 };
    assert_eq!(whose.asks(10_000), Ok(()), "it had eight, and now holds one");
    assert_eq!(whose.asks(10_000), Err(Some(3600)));
}

#[test]
fn the_largest_and_the_smallest_numbers_do_not_overflow() {
    for (rate, per, burst) in
        [(36_000_000, Per::Hour, 1_000_000), (10_000, Per::Second, 1_000_000), (1, Per::Hour, 1)]
    {
        let mut whose = Whose::new(Settings { rate, per, burst });
        for now in [0, u64::MAX, 0, 1, u64::MAX - 1, u64::MAX] {
            let _ = whose.asks(now);
        }
        let longest = whose.asks(u64::MAX).err().flatten().unwrap_or(0);
        assert!(longest <= 3600, "{rate} {per:?}: no token takes longer than an hour");
    }
}

/// A bucket that keeps its level as a fraction: tokens times `per`, never rounded, and steps through
/// each millisecond.
#[test]
fn it_decides_like_a_bucket_that_is_filled_each_millisecond() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let per = if random.bool() { Per::Second } else { Per::Hour };
        let rate = if per == Per::Second { random.u64(1..50) } else { random.u64(1..200_000) };
        let settings = Settings { rate, per, burst: random.u64(1..5) };
        let mut whose = Whose::new(settings);
        let (token, full) = (per.ms(), settings.burst * per.ms());
        let (mut level, mut now) = (full, random.u64(0..1 << 42));
        for step in 0..60 {
            let passed = if random.bool() { random.u64(0..3) } else { random.u64(0..4000) };
            for _ in 0..passed {
                level = (level + rate).min(full);
            }
            now += passed;
            let expected = level >= token;
            if expected {
                level -= token;
            }
            assert_eq!(whose.asks(now).is_ok(), expected, "seed {seed}, step {step}, {settings:?}");
        }
    }
}

#[test]
fn waiting_for_as_long_as_was_said_is_long_enough_and_a_second_less_is_not() {
    for seed in 0..2000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let per = if random.bool() { Per::Second } else { Per::Hour };
        let settings = Settings { rate: random.u64(1..10_000), per, burst: random.u64(1..4) };
        let mut whose = Whose::new(settings);
        let mut now = random.u64(0..1 << 50);
        for _ in 0..30 {
            // Back as well as forth.
            now = if random.u8(..5) == 0 { now / 2 } else { now + random.u64(0..5000) };
            let Err(seconds) = whose.asks(now) else { continue };
            let seconds = u64::from(seconds.expect("the burst is not 0"));
            let later = |after: u64| decide(&settings, after, &whose.cell).expect("a good cell").refusal;
            assert_eq!(later(now + seconds * 1000), None, "seed {seed}");
            if seconds > 1 {
                assert!(later(now + (seconds - 1) * 1000).is_some(), "seed {seed}: it named too long a time");
            }
        }
    }
}
