//! `limit-quota`, the component: days of 23 and 25 hours, days without a midnight, the words of a
//! refusal, and what it makes of memory that is not its own.

use overlord::domain::{Instant, Principal, Verdict};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Broken, Limit, Policy};

use crate::stage::policy;

/// Midnight of the 29th of March 2026 in Vienna, whose clocks are set an hour ahead on that day.
const SHORT_DAY: u64 = 1_774_738_800_000;

/// Midnight of the 25th of October 2026 there, when they are set back.
const LONG_DAY: u64 = 1_792_879_200_000;

const HOUR: u64 = 3_600_000;

/// Whoever the cell is of.
struct Whose {
    policy: Policy<Limit>,
    cell: Vec<u8>,
}

impl Whose {
    async fn new(settings: &[(&str, &str)]) -> Self {
        Self { policy: policy("limit-quota", settings).await, cell: Vec::new() }
    }

    async fn tries(&mut self, now: u64, load: Load) -> Result<Verdict, Broken> {
        let who = Principal { user: "alice".to_owned(), roles: Vec::new() };
        let (verdict, cell) = self.policy.admit(&who, Instant(now), load, &self.cell).await?;
        self.cell = cell.unwrap_or_else(|| std::mem::take(&mut self.cell));
        Ok(verdict)
    }

    /// What they are told, and the seconds to wait, where it is refused.
    async fn asks(&mut self, now: u64) -> Result<(), (String, Option<u32>)> {
        match self.tries(now, Load::default()).await.expect("it decides") {
            Verdict::Admit => Ok(()),
            Verdict::Refuse(refusal) => {
                assert_eq!(refusal.event, "quota_exceeded");
                Err((refusal.message, refusal.retry_after_s))
            }
            Verdict::Wait => panic!("it has no queue"),
        }
    }
}

#[tokio::test]
async fn a_day_of_23_hours_and_one_of_25_end_when_they_do() {
    for (midnight, hours, next) in [(SHORT_DAY, 23, "2026-03-30"), (LONG_DAY, 25, "2026-10-26")] {
        let mut whose = Whose::new(&[("day", "1"), ("zone", "Europe/Vienna")]).await;
        assert_eq!(whose.asks(midnight - 1).await, Ok(()));
        assert_eq!(whose.asks(midnight).await, Ok(()), "the day begins");
        let message =
            format!("The day's one question is used up; the next can be asked at {next} 00:00 Europe/Vienna");
        assert_eq!(whose.asks(midnight).await, Err((message.clone(), Some(hours * 3600))));
        let end = midnight + u64::from(hours) * HOUR;
        assert_eq!(whose.asks(end - 1).await, Err((message, Some(1))));
        assert_eq!(whose.asks(end).await, Ok(()), "the next day begins");
    }
}

#[tokio::test]
async fn a_midnight_that_does_not_exist_is_an_hour_late() {
    // Cuba's clocks go from 0:00 to 1:00 on the 8th of March 2026.
    let mut whose = Whose::new(&[("day", "1"), ("zone", "America/Havana")]).await;
    let change = 1_772_946_000_000;
    assert_eq!(whose.asks(change - 1).await, Ok(()));
    let (message, seconds) = whose.asks(change - 1).await.expect_err("it is used up");
    assert!(message.ends_with("at 2026-03-08 01:00 America/Havana"), "{message}");
    assert_eq!(seconds, Some(1));
    assert_eq!(whose.asks(change).await, Ok(()));
}

#[tokio::test]
async fn a_months_number_holds_over_its_days_and_begins_anew_on_the_first() {
    let mut whose = Whose::new(&[("day", "2"), ("month", "3"), ("zone", "Europe/Vienna")]).await;
    for now in [SHORT_DAY, SHORT_DAY, SHORT_DAY + 24 * HOUR] {
        assert_eq!(whose.asks(now).await, Ok(()));
    }
    let april = SHORT_DAY + 71 * HOUR;
    let message =
        "The month's 3 questions are used up; the next can be asked at 2026-04-01 00:00 Europe/Vienna";
    assert_eq!(whose.asks(april - 60_001).await, Err((message.to_owned(), Some(61))));
    assert_eq!(whose.asks(april).await, Ok(()));
}

#[tokio::test]
async fn in_another_zone_the_numbers_go_on() {
    let mut whose = Whose::new(&[("day", "1"), ("zone", "America/New_York")]).await;
    assert_eq!(whose.asks(SHORT_DAY).await, Ok(()));
    whose.policy = policy("limit-quota", &[("day", "1"), ("zone", "Europe/Vienna")]).await;
    let (message, seconds) = whose.asks(SHORT_DAY).await.expect_err("nobody gains by it");
    assert!(message.ends_with("2026-03-30 00:00 Europe/Vienna"), "{message}");
    assert_eq!(seconds, Some(23 * 3600));
}

#[tokio::test]
async fn what_comes_out_of_a_queue_was_counted_when_it_went_in() {
    let mut whose = Whose::new(&[("day", "1")]).await;
    assert_eq!(whose.asks(SHORT_DAY).await, Ok(()));
    let before = whose.cell.clone();
    let queued = Load { queued_since: Some(Instant(SHORT_DAY)), ..Load::default() };
    assert_eq!(whose.tries(SHORT_DAY, queued).await.expect("it decides"), Verdict::Admit);
    assert_eq!(whose.cell, before);
}

#[tokio::test]
async fn the_first_time_is_a_time_and_one_beyond_the_calendar_is_a_fault() {
    for zone in ["UTC", "America/New_York", "Pacific/Kiritimati"] {
        assert_eq!(Whose::new(&[("day", "1"), ("zone", zone)]).await.asks(0).await, Ok(()), "{zone}");
    }
    let outcome = Whose::new(&[("day", "1")]).await.tries(u64::MAX, Load::default()).await;
    let Err(Broken::Fault(message)) = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("beyond the year 9999"), "{message}");
}

#[tokio::test]
async fn memory_that_is_not_its_own_is_a_fault_and_never_a_free_pass() {
    let mut whose = Whose::new(&[("day", "1")]).await;
    assert_eq!(whose.asks(SHORT_DAY).await, Ok(()));
    let own = whose.cell.clone();
    let window_cell = vec![1, 64, 66, 15, 0, 0, 0, 0, 0];
    for cell in [
        vec![0],
        b"{}".to_vec(),
        window_cell,
        vec![b'Q'; 65536],
        own[..own.len() - 3].to_vec(),
        [&own[..], &[0xff]].concat(),
    ] {
        whose.cell.clone_from(&cell);
        let outcome = whose.tries(SHORT_DAY, Load::default()).await;
        let Err(Broken::Fault(message)) = outcome else { panic!("{cell:?}: {outcome:?}") };
        assert!(message.contains("cell"), "{message}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them() {
    let long = "x".repeat(1_000_000);
    for (settings, words) in [
        (&[][..], "neither day nor month is given"),
        (&[("week", "1")][..], "there is no 'week'"),
        (&[("day", "many")][..], "day is 'many'"),
        (&[("day", "1"), ("zone", "Vienna")][..], "time zone 'Vienna'"),
        (&[("day", "1"), ("zone", "europe/vienna")][..], "its name is Europe/Vienna"),
        (&[("day", "1"), ("zone", long.as_str())][..], "zone is 'xxx"),
    ] {
        let outcome = Whose::new(settings).await.tries(1, Load::default()).await;
        let Err(Broken::Fault(message)) = outcome else { panic!("{words}: {outcome:?}") };
        assert!(message.contains(words), "{message:.300}");
    }
}
