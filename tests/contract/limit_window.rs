//! `limit-window`, the component: the original's window and cap, to the second and to the word, and
//! what it makes of memory that is not its own.

use std::collections::VecDeque;

use overlord::domain::{Instant, Principal, Refusal, Verdict};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Broken, Limit, Policy};

use crate::stage::policy;

/// Someone who asks, and what the limiter remembers of them.
struct Caller {
    policy: Policy<Limit>,
    cell: Vec<u8>,
}

impl Caller {
    async fn new(settings: &[(&str, &str)]) -> Self {
        Self { policy: policy("limit-window", settings).await, cell: Vec::new() }
    }

    /// Asks at `now` in milliseconds while so many of their questions are being answered.
    async fn asks(&mut self, now: u64, running: u32) -> Verdict {
        self.tries(now, running).await.expect("it decides")
    }

    async fn tries(&mut self, now: u64, running: u32) -> Result<Verdict, Broken> {
        let who = Principal { user: "alice".to_owned(), roles: Vec::new() };
        let (verdict, cell) =
            self.policy.admit(&who, Instant(now), Load { running, ..Load::default() }, &self.cell).await?;
        if let Some(cell) = cell {
            self.cell = cell;
        }
        Ok(verdict)
    }
}

fn limited(seconds: u32) -> Verdict {
    Verdict::Refuse(Refusal {
        event: "rate_limited".to_owned(),
        message: format!("Rate limit exceeded; retry in {seconds}s"),
        retry_after_s: Some(seconds),
    })
}

fn blocked() -> Verdict {
    Verdict::Refuse(Refusal {
        event: "concurrency_blocked".to_owned(),
        message: "A previous question is still being processed".to_owned(),
        retry_after_s: None,
    })
}

/// The original service's own way, its seconds in thousandths.
struct Original {
    window_ms: u64,
    max: usize,
    cap: u32,
    asked: VecDeque<u64>,
}

impl Original {
    fn asks(&mut self, now: u64, running: u32) -> Verdict {
        while self.asked.front().is_some_and(|first| first + self.window_ms < now) {
            self.asked.pop_front();
        }
        if self.asked.len() >= self.max {
            let free_in = self.asked[0] + self.window_ms - now;
            return limited(u32::try_from(free_in / 1000).expect("it is soon") + 1);
        }
        self.asked.push_back(now);
        if running >= self.cap { blocked() } else { Verdict::Admit }
    }
}

#[tokio::test]
async fn decides_as_the_original_does_whatever_is_asked_when() {
    let mut random = fastrand::Rng::with_seed(3);
    for (window_s, max, cap) in [(10, 5, 2), (1, 1, 1), (3600, 60, 1), (7, 3, 0)] {
        let settings = [window_s, max, cap].map(|number: u32| number.to_string());
        let settings = [("window_s", &settings[0]), ("max", &settings[1]), ("concurrency", &settings[2])];
        let mut caller = Caller::new(&settings.map(|(key, value)| (key, value.as_str()))).await;
        let mut original = Original {
            window_ms: u64::from(window_s) * 1000,
            max: max as usize,
            cap,
            asked: VecDeque::new(),
        };
        let mut now = 1_700_000_000_000;
        for step in 0..1500 {
            // Often at once, often on a full second, now and then long after.
            now += match random.u8(..4) {
                0 => 0,
                1 => 1000 * random.u64(..3),
                2 => random.u64(..2500),
                _ => random.u64(..u64::from(window_s) * 1500 / u64::from(max)),
            };
            let running = random.u32(..3);
            let (found, expected) = (caller.asks(now, running).await, original.asks(now, running));
            assert_eq!(found, expected, "step {step} at {now} of {window_s} s, {max}, {cap}");
        }
    }
}

#[tokio::test]
async fn without_settings_it_is_sixty_an_hour_and_one_at_a_time() {
    let mut caller = Caller::new(&[]).await;
    for _ in 0..60 {
        assert_eq!(caller.asks(1_700_000_000_000, 0).await, Verdict::Admit);
    }
    assert_eq!(caller.asks(1_700_000_000_000, 0).await, limited(3601));
    assert_eq!(caller.asks(1_700_003_600_000, 0).await, limited(1));
    assert_eq!(caller.asks(1_700_003_600_001, 1).await, blocked());
}

#[tokio::test]
async fn the_window_is_looked_at_before_the_cap_and_counts_what_the_cap_refuses() {
    let mut caller = Caller::new(&[("max", "2"), ("window_s", "10")]).await;
    assert_eq!(caller.asks(0, 0).await, Verdict::Admit);
    assert_eq!(caller.asks(0, 1).await, blocked());
    assert_eq!(caller.asks(0, 1).await, limited(11));
    assert_eq!(caller.asks(0, 0).await, limited(11));
}

#[tokio::test]
async fn what_the_window_refuses_is_not_counted() {
    let mut caller = Caller::new(&[("max", "1"), ("window_s", "10")]).await;
    assert_eq!(caller.asks(0, 0).await, Verdict::Admit);
    for now in 1..100 {
        assert!(matches!(caller.asks(now * 100, 0).await, Verdict::Refuse(_)));
    }
    assert_eq!(caller.asks(10_000, 0).await, limited(1));
    assert_eq!(caller.asks(10_001, 0).await, Verdict::Admit);
}

#[tokio::test]
async fn a_limit_of_none_refuses_for_ever() {
    let mut caller = Caller::new(&[("max", "0")]).await;
    let Verdict::Refuse(refusal) = caller.asks(1, 0).await else { panic!("it admits") };
    assert_eq!((refusal.event.as_str(), refusal.retry_after_s), ("rate_limited", None));
}

#[tokio::test]
async fn the_largest_limit_fits_into_a_cell() {
    let mut caller = Caller::new(&[("max", "8000")]).await;
    for now in 0..8000 {
        assert_eq!(caller.asks(1_700_000_000_000 + now, 0).await, Verdict::Admit);
        assert!(caller.cell.len() <= 64 << 10, "{} bytes", caller.cell.len());
    }
    assert!(matches!(caller.asks(1_700_000_008_000, 0).await, Verdict::Refuse(_)));
}

#[tokio::test]
async fn a_clock_that_goes_back_locks_nobody_out() {
    let mut caller = Caller::new(&[("max", "1"), ("window_s", "10")]).await;
    assert_eq!(caller.asks(1_000_000_000, 0).await, Verdict::Admit);
    let Verdict::Refuse(refusal) = caller.asks(1000, 0).await else { panic!("it admits") };
    assert!(refusal.retry_after_s.is_some_and(|seconds| seconds <= 11), "{refusal:?}");
    assert_eq!(caller.asks(12_000, 0).await, Verdict::Admit);
}

#[tokio::test]
async fn the_ends_of_time_are_times() {
    for now in [0, u64::MAX - 1, u64::MAX] {
        let mut caller = Caller::new(&[("max", "1")]).await;
        assert_eq!(caller.asks(now, 0).await, Verdict::Admit, "{now}");
        assert!(matches!(caller.asks(now, u32::MAX).await, Verdict::Refuse(_)), "{now}");
    }
}

#[tokio::test]
async fn memory_that_is_not_its_own_is_a_fault_and_never_a_free_pass() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut caller = Caller::new(&[]).await;
    assert_eq!(caller.asks(1_700_000_000_000, 0).await, Verdict::Admit);
    let own = caller.cell.clone();
    let mut cells = vec![vec![0; 1], vec![0xff; 3], b"{}".to_vec(), vec![0; 65536], vec![0xff; 65536]];
    cells.push(own[..own.len() - 1].to_vec());
    cells.push([&own[..], &[0]].concat());
    cells.extend((0..300).map(|_| (0..random.usize(..200)).map(|_| random.u8(..)).collect()));
    for cell in cells {
        caller.cell.clone_from(&cell);
        match caller.tries(1_700_000_000_000, 0).await {
            Ok(_) => {}
            Err(Broken::Fault(message)) => assert!(message.contains("cell"), "{message}"),
            Err(other) => panic!("{cell:?}: {other}"),
        }
    }
    caller.cell = vec![0xff; 3];
    assert!(matches!(caller.tries(1_700_000_000_000, 0).await, Err(Broken::Fault(_))));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them() {
    let long = "9".repeat(1_000_000);
    for (key, value, words) in [
        ("windows", "1", "there is no 'windows'"),
        ("max", "many", "max is 'many'"),
        ("max", "8001", "from 0 to 8000"),
        ("max", &long, "max is '999"),
        (&long, "1", "there is no '999"),
        ("window_s", "0", "window_s is '0'"),
    ] {
        let mut caller = Caller::new(&[(key, value)]).await;
        match caller.tries(1, 0).await {
            Err(Broken::Fault(message)) => assert!(message.contains(words), "{message:.300}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}
