//! `limit-bucket`, the component: the times that it names, the ends of time, and what it makes of memory
//! that is not its own.

use overlord::domain::{Instant, Principal, Verdict};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Broken, Limit, Policy};

use crate::stage::policy;

/// Whoever the cell is of.
struct Whose {
    policy: Policy<Limit>,
    cell: Vec<u8>,
}

impl Whose {
    async fn new(settings: &[(&str, &str)]) -> Self {
        Self { policy: policy("limit-bucket", settings).await, cell: Vec::new() }
    }

    async fn tries(&mut self, now: u64, load: Load) -> Result<Verdict, Broken> {
        let who = Principal { user: "alice".to_owned(), roles: Vec::new() };
        let (verdict, cell) = self.policy.admit(&who, Instant(now), load, &self.cell).await?;
        self.cell = cell.unwrap_or_else(|| std::mem::take(&mut self.cell));
        Ok(verdict)
    }

    /// The seconds to wait where it is refused.
    async fn asks(&mut self, now: u64) -> Result<(), Option<u32>> {
        match self.tries(now, Load::default()).await.expect("it decides") {
            Verdict::Admit => Ok(()),
            Verdict::Refuse(refusal) => {
                let words = match refusal.retry_after_s {
                    Some(seconds) => format!("Rate limit exceeded; retry in {seconds}s"),
                    None => "Rate limit exceeded".to_owned(),
                };
                assert_eq!((refusal.event, refusal.message), ("rate_limited".to_owned(), words));
                Err(refusal.retry_after_s)
            }
            Verdict::Wait => panic!("it has no queue"),
        }
    }
}

#[tokio::test]
async fn without_settings_it_is_ten_at_once_and_one_a_minute() {
    let mut whose = Whose::new(&[]).await;
    for _ in 0..10 {
        assert_eq!(whose.asks(1_700_000_000_000).await, Ok(()));
    }
    assert_eq!(whose.asks(1_700_000_000_000).await, Err(Some(60)));
    assert_eq!(whose.asks(1_700_000_059_999).await, Err(Some(1)));
    assert_eq!(whose.asks(1_700_000_060_000).await, Ok(()));
}

#[tokio::test]
async fn the_time_that_it_names_is_long_enough_and_no_second_longer_than_that() {
    let mut random = fastrand::Rng::with_seed(29);
    for (key, rate, burst) in
        [("rate_per_h", "7", "2"), ("rate_per_h", "1001", "1"), ("rate_per_s", "3", "4")]
    {
        let mut whose = Whose::new(&[(key, rate), ("burst", burst)]).await;
        let mut now = 1_700_000_000_000;
        for _ in 0..200 {
            now += random.u64(..700);
            let Err(seconds) = whose.asks(now).await else { continue };
            let seconds = u64::from(seconds.expect("the burst is not 0"));
            if seconds > 1 {
                assert!(whose.asks(now + seconds * 1000 - 1000).await.is_err());
            }
            now += seconds * 1000;
            assert_eq!(whose.asks(now).await, Ok(()));
        }
    }
}

#[tokio::test]
async fn what_comes_out_of_a_queue_took_its_token_when_it_went_in() {
    let mut whose = Whose::new(&[("burst", "1")]).await;
    assert_eq!(whose.asks(1000).await, Ok(()));
    let before = whose.cell.clone();
    let queued = Load { queued_since: Some(Instant(1000)), ..Load::default() };
    assert_eq!(whose.tries(1001, queued).await.expect("it decides"), Verdict::Admit);
    assert_eq!(whose.cell, before);
}

#[tokio::test]
async fn the_ends_of_time_are_times_and_a_clock_that_goes_back_locks_nobody_out() {
    let mut whose = Whose::new(&[("burst", "1"), ("rate_per_s", "10000")]).await;
    for now in [0, u64::MAX, 1] {
        let _ = whose.asks(now).await;
    }
    assert_eq!(whose.asks(2).await, Ok(()));
    let mut whose = Whose::new(&[("burst", "1"), ("rate_per_s", "1")]).await;
    assert_eq!(whose.asks(1_000_000_000).await, Ok(()));
    assert_eq!(whose.asks(1000).await, Err(Some(1)));
    assert_eq!(whose.asks(2000).await, Ok(()));
}

#[tokio::test]
async fn memory_that_is_not_its_own_is_a_fault_and_never_a_free_pass() {
    let mut whose = Whose::new(&[("burst", "1")]).await;
    assert_eq!(whose.asks(1_700_000_000_000).await, Ok(()));
    let own = whose.cell.clone();
    let window_cell = vec![1, 64, 66, 15, 0, 0, 0, 0, 0];
    for cell in [
        vec![0],
        vec![0xff; 3],
        b"{}".to_vec(),
        window_cell,
        vec![0; 65536],
        own[..own.len() - 1].to_vec(),
        [&own[..], &[0]].concat(),
    ] {
        whose.cell.clone_from(&cell);
        let outcome = whose.tries(1_700_000_000_000, Load::default()).await;
        let Err(Broken::Fault(message)) = outcome else { panic!("{cell:?}: {outcome:?}") };
        assert!(message.contains("cell"), "{message}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them() {
    let long = "9".repeat(1_000_000);
    for (settings, words) in [
        (&[("rate", "1")][..], "there is no 'rate'"),
        (&[("burst", "many")][..], "burst is 'many'"),
        (&[("rate_per_h", "0")][..], "from 1 to 36000000"),
        (&[("rate_per_s", long.as_str())][..], "rate_per_s is '999"),
        (&[("rate_per_s", "1"), ("rate_per_h", "1")][..], "both rate_per_s and rate_per_h"),
    ] {
        let outcome = Whose::new(settings).await.tries(1, Load::default()).await;
        let Err(Broken::Fault(message)) = outcome else { panic!("{words}: {outcome:?}") };
        assert!(message.contains(words), "{message:.300}");
    }
}
