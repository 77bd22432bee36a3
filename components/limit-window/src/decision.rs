//! The decision: the original service's order, numbers and words. Knows nothing of bytes.

use crate::cell::{CellError, Window};
use crate::settings::Settings;

/// Why someone may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many questions within the window.
    RateLimited {
        /// Whole seconds until asking helps; none where it never does, since `max` is 0.
        retry_after_s: Option<u32>,
    },
    /// Too many questions at once.
    ConcurrencyBlocked,
}

impl Refusal {
    /// The audit event's name.
    pub fn event(self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::ConcurrencyBlocked => "concurrency_blocked",
        }
    }

    /// The `detail` of the answer.
    pub fn message(self) -> String {
        match self {
            Self::RateLimited { retry_after_s: Some(seconds) } => {
                format!("Rate limit exceeded; retry in {seconds}s")
            }
            Self::RateLimited { retry_after_s: None } => "Rate limit exceeded".to_owned(),
            Self::ConcurrencyBlocked => "A previous question is still being processed".to_owned(),
        }
    }

    /// The `Retry-After` of the answer.
    pub fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_s } => retry_after_s,
            Self::ConcurrencyBlocked => None,
        }
    }
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may ask now.
    Admit,
    /// They may ask when a question of theirs that is being answered has ended.
    Wait,
    /// They may not ask.
    Refuse(Refusal),
}

/// What a caller is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How many of the caller's questions are being answered.
    pub running: u32,
    /// How many wait before this one.
    pub waiting: u32,
    /// Whether this one has been waiting itself, so that it was counted when it came.
    pub queued: bool,
}

/// The decision and what to remember of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The decision.
    pub verdict: Verdict,
    /// The new cell, or none to leave it as it was.
    pub cell: Option<Vec<u8>>,
}

/// Decides at the time `now`, in milliseconds.
///
/// The window comes first and counts the question; then comes the cap, so that a question that the
/// cap refuses has used up one of the window. A question that the window refuses uses up none, and
/// one that comes out of the queue was counted when it went in.
pub fn decide(settings: &Settings, now: u64, load: Load, cell: &[u8]) -> Result<Outcome, CellError> {
    if load.queued {
        let verdict = if has_room(settings, load) { Verdict::Admit } else { Verdict::Wait };
        return Ok(Outcome { verdict, cell: None });
    }
    let mut window = Window::read(cell, now, settings.window_ms)?;
    if window.len() >= settings.max {
        let retry_after_s =
            window.free_after(settings.max, settings.window_ms).map(|free| seconds_until(free, now));
        return Ok(Outcome {
            verdict: Verdict::Refuse(Refusal::RateLimited { retry_after_s }),
            cell: window.corrected().then(|| window.write()),
        });
    }
    window.push(now);
    let verdict = if has_room(settings, load) {
        Verdict::Admit
    } else if settings.concurrency > 0 && load.waiting < settings.queue {
        Verdict::Wait
    } else {
        Verdict::Refuse(Refusal::ConcurrencyBlocked)
    };
    Ok(Outcome { verdict, cell: Some(window.write()) })
}

/// Whether the cap lets one more be answered. Where there is a queue nobody overtakes it.
fn has_room(settings: &Settings, load: Load) -> bool {
    load.running < settings.concurrency && (settings.queue == 0 || load.waiting == 0)
}

/// The first whole number of seconds from `now` that lies behind `free`, which is not before `now`.
fn seconds_until(free: u64, now: u64) -> u32 {
    u32::try_from(free.saturating_sub(now) / 1000 + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::{Load, Outcome, Refusal, Verdict, decide};
    use crate::settings::Settings;

    const SETTINGS: Settings = Settings { window_ms: 10_000, max: 2, concurrency: 1, queue: 0 };

    /// A caller, with the cell as the host would keep it.
    struct Caller {
        settings: Settings,
        cell: Vec<u8>,
    }

    impl Caller {
        fn new(settings: Settings) -> Self {
            Self { settings, cell: Vec::new() }
        }

        fn asks(&mut self, now: u64, running: u32) -> Option<Refusal> {
            match self.asks_with(now, Load { running, waiting: 0, queued: false }) {
                Verdict::Admit => None,
                Verdict::Refuse(refusal) => Some(refusal),
                Verdict::Wait => panic!("there is no queue"),
            }
        }

        fn asks_with(&mut self, now: u64, load: Load) -> Verdict {
            let Outcome { verdict, cell } =
                decide(&self.settings, now, load, &self.cell).expect("a cell of its own");
            if let Some(cell) = cell {
                self.cell = cell;
            }
            verdict
        }
    }

    fn limited(seconds: u32) -> Refusal {
        Refusal::RateLimited { retry_after_s: Some(seconds) }
    }

    #[test]
    fn the_texts_are_the_originals() {
        let limited = Refusal::RateLimited { retry_after_s: Some(12) };
        assert_eq!(limited.event(), "rate_limited");
        assert_eq!(limited.message(), "Rate limit exceeded; retry in 12s");
        assert_eq!(limited.retry_after_s(), Some(12));
        let blocked = Refusal::ConcurrencyBlocked;
        assert_eq!(blocked.event(), "concurrency_blocked");
        assert_eq!(blocked.message(), "A previous question is still being processed");
        assert_eq!(blocked.retry_after_s(), None);
    }

    #[test]
    fn waiting_for_as_long_as_was_said_is_just_long_enough() {
        let mut caller = Caller::new(SETTINGS);
        assert_eq!(caller.asks(1_000_500, 0), None);
        assert_eq!(caller.asks(1_001_000, 0), None);
        assert_eq!(caller.asks(1_001_000, 0), Some(limited(10)), "9.5 s are left");
        assert_eq!(caller.asks(1_001_500, 0), Some(limited(10)), "9 s are left: the second is not over");
        assert_eq!(caller.asks(1_001_501, 0), Some(limited(9)));
        assert_eq!(caller.asks(1_010_500, 0), Some(limited(1)), "the window's last millisecond");
        assert_eq!(caller.asks(1_010_501, 0), None);
    }

    #[test]
    fn a_question_that_the_window_refuses_uses_up_none() {
        let mut caller = Caller::new(SETTINGS);
        assert_eq!(caller.asks(1000, 0), None);
        assert_eq!(caller.asks(1000, 0), None);
        let before = caller.cell.clone();
        assert_eq!(caller.asks(1001, 0), Some(limited(10)));
        assert_eq!(caller.cell, before);
    }

    #[test]
    fn a_question_that_the_cap_refuses_uses_up_one() {
        let mut caller = Caller::new(SETTINGS);
        assert_eq!(caller.asks(1000, 0), None);
        assert_eq!(caller.asks(1001, 1), Some(Refusal::ConcurrencyBlocked));
        assert_eq!(caller.asks(1002, 0), Some(limited(10)));
    }

    #[test]
    fn the_window_is_looked_at_before_the_cap() {
        let mut caller = Caller::new(Settings { max: 1, ..SETTINGS });
        assert_eq!(caller.asks(1000, 0), None);
        assert_eq!(caller.asks(1001, 1), Some(limited(10)));
    }

    #[test]
    fn the_cap_counts_to_its_number() {
        let mut caller = Caller::new(Settings { max: 9, concurrency: 2, ..SETTINGS });
        assert_eq!(caller.asks(1000, 1), None);
        assert_eq!(caller.asks(1000, 2), Some(Refusal::ConcurrencyBlocked));
        assert_eq!(caller.asks(1000, u32::MAX), Some(Refusal::ConcurrencyBlocked));
    }

    #[test]
    fn with_a_max_of_nothing_nobody_asks_and_no_time_is_named() {
        let mut caller = Caller::new(Settings { max: 0, ..SETTINGS });
        let refusal = caller.asks(1000, 0).expect("nobody may ask");
        assert_eq!(refusal, Refusal::RateLimited { retry_after_s: None });
        assert_eq!(refusal.message(), "Rate limit exceeded");
        assert!(caller.cell.is_empty());
    }

    #[test]
    fn with_a_cap_of_nothing_nobody_asks() {
        let mut caller = Caller::new(Settings { concurrency: 0, ..SETTINGS });
        assert_eq!(caller.asks(1000, 0), Some(Refusal::ConcurrencyBlocked));
    }

    #[test]
    fn with_a_queue_a_question_waits_up_to_its_length_and_is_counted_once() {
        let mut caller = Caller::new(Settings { queue: 2, max: 5, ..SETTINGS });
        let load = |running, waiting, queued| Load { running, waiting, queued };
        assert_eq!(caller.asks_with(1000, load(0, 0, false)), Verdict::Admit);
        assert_eq!(caller.asks_with(1001, load(1, 0, false)), Verdict::Wait);
        assert_eq!(caller.asks_with(1002, load(1, 1, false)), Verdict::Wait);
        let blocked = Verdict::Refuse(Refusal::ConcurrencyBlocked);
        assert_eq!(caller.asks_with(1003, load(1, 2, false)), blocked);
        let counted = caller.cell.clone();
        assert_eq!(caller.asks_with(1004, load(1, 0, true)), Verdict::Wait, "it is still being answered");
        assert_eq!(caller.asks_with(1005, load(0, 0, true)), Verdict::Admit);
        assert_eq!(caller.cell, counted, "what comes out of the queue is not counted again");
        assert_eq!(caller.asks_with(1006, load(0, 1, false)), Verdict::Wait, "nobody overtakes the queue");
        assert_eq!(caller.asks_with(1007, load(0, 0, false)), Verdict::Refuse(limited(10)));
        assert_eq!(caller.asks_with(1008, load(0, 0, true)), Verdict::Admit, "the window is behind it");
    }

    #[test]
    fn with_a_cap_of_nothing_nobody_waits_either() {
        let mut caller = Caller::new(Settings { queue: 2, concurrency: 0, ..SETTINGS });
        assert_eq!(caller.asks(1000, 0), Some(Refusal::ConcurrencyBlocked));
    }

    #[test]
    fn a_max_made_smaller_names_the_time_when_there_is_room_under_it() {
        let mut caller = Caller::new(Settings { max: 3, ..SETTINGS });
        for now in [1000, 3000, 5000] {
            assert_eq!(caller.asks(now, 0), None);
        }
        caller.settings.max = 2;
        assert_eq!(caller.asks(6000, 0), Some(limited(8)), "the second question counts until 13 s");
        assert_eq!(caller.asks(14_000, 0), None);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_for_longer_than_the_window() {
        let mut caller = Caller::new(SETTINGS);
        assert_eq!(caller.asks(100_000_000, 0), None);
        assert_eq!(caller.asks(100_000_000, 0), None);
        assert_eq!(caller.asks(5000, 0), Some(limited(11)), "nothing is forgotten");
        assert_eq!(caller.asks(10_000, 0), Some(limited(6)), "and the time runs");
        assert_eq!(caller.asks(15_001, 0), None);
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut caller = Caller::new(SETTINGS);
        assert_eq!(caller.asks(0, 0), None);
        assert_eq!(caller.asks(u64::MAX, 0), None);
        assert_eq!(caller.asks(u64::MAX, 0), None);
        assert_eq!(caller.asks(u64::MAX, 0), Some(limited(1)));
        assert_eq!(caller.asks(0, 0), Some(limited(11)));
    }

    /// The original service's `_check_rate_limit` and semaphore, line by line, in milliseconds.
    struct Original {
        window: VecDeque<u64>,
        settings: Settings,
    }

    impl Original {
        fn asks(&mut self, now: u64, running: u32) -> Option<Refusal> {
            let Settings { window_ms, max, concurrency, .. } = self.settings;
            while self.window.front().is_some_and(|first| first + window_ms < now) {
                self.window.pop_front();
            }
            if self.window.len() >= max {
                let left_ms = self.window[0] + window_ms - now;
                let retry_after_s = u32::try_from(left_ms / 1000 + 1).ok();
                return Some(Refusal::RateLimited { retry_after_s });
            }
            self.window.push_back(now);
            (running >= concurrency).then_some(Refusal::ConcurrencyBlocked)
        }
    }

    #[test]
    fn it_decides_like_the_original() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let settings = Settings {
                window_ms: random.u64(1..20) * 1000,
                max: random.usize(1..12),
                concurrency: random.u32(0..3),
                queue: 0,
            };
            let mut caller = Caller::new(settings);
            let mut original = Original { window: VecDeque::new(), settings };
            let mut now = random.u64(0..1 << 42);
            for step in 0..200 {
                // Whole seconds, too, so that the edges are met and not only passed.
                now += match random.u8(0..4) {
                    0 => 0,
                    1 => random.u64(0..3) * 1000,
                    2 => random.u64(0..3000),
                    _ => random.u64(0..settings.window_ms),
                };
                let running = random.u32(0..4);
                assert_eq!(
                    caller.asks(now, running),
                    original.asks(now, running),
                    "seed {seed}, step {step}, {settings:?}"
                );
            }
        }
    }

    #[test]
    fn whatever_the_clock_did_the_window_is_the_longest_wait() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let settings = Settings { window_ms: random.u64(1..20) * 1000, ..SETTINGS };
            let mut caller = Caller::new(settings);
            for _ in 0..20 {
                caller.asks(random.u64(0..100_000), 0);
            }
            let now = random.u64(0..100_000);
            if let Some(refusal) = caller.asks(now, 0) {
                let seconds = refusal.retry_after_s().expect("max is not 0");
                assert!(u64::from(seconds) <= settings.window_ms / 1000 + 1, "seed {seed}");
                assert_eq!(caller.asks(now + u64::from(seconds) * 1000, 0), None, "seed {seed}");
            }
        }
    }
}
