//! The slot's settings: which there are, what they may be. Knows nothing of calendars: whether there is
//! such a zone turns out where one is looked up.

use thiserror::Error;

/// As many as a cell's counter holds.
pub const MAX_NUMBER: u32 = u32::MAX;

/// The longest name of a zone has 32 bytes (`America/Argentina/ComodRivadavia`); the cell has a byte for
/// its length.
pub const MAX_ZONE: usize = 64;

/// The zone where none is named.
pub const UTC: &str = "UTC";

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many questions a day has; any number where it is none.
    pub day: Option<u32>,
    /// How many a month has; any number where it is none.
    pub month: Option<u32>,
    /// The IANA's name of the time zone.
    pub zone: String,
}

/// Settings that cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error("reading the limiter's settings: there is no '{0}'; there are day, month and zone")]
    UnknownKey(String),
    /// A key that came twice.
    #[error("reading the limiter's settings: '{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// Nothing to limit by. There is no number that would do for everybody.
    #[error(
        "reading the limiter's settings: neither day nor month is given; set how many questions a day has, or a month, or both"
    )]
    NoNumber,
    /// A number out of bounds.
    #[error(
        "reading the limiter's settings: {key} is '{value}'; it must be a whole number from 0 to {MAX_NUMBER}"
    )]
    Unusable {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// A name that no zone has.
    #[error(
        "reading the limiter's settings: zone is '{0}'; it must be the name of a time zone as the IANA has it, such as Europe/Vienna"
    )]
    Zone(String),
}

impl Settings {
    /// Reads the pairs that the host hands in.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, SettingsError> {
        let (mut day, mut month, mut zone) = (None, None, None);
        for (key, value) in pairs {
            match key.as_str() {
                "day" => once(&mut day, "day", number("day", value)?)?,
                "month" => once(&mut month, "month", number("month", value)?)?,
                "zone" if value.is_empty() || value.len() > MAX_ZONE => {
                    return Err(SettingsError::Zone(value.clone()));
                }
                "zone" => once(&mut zone, "zone", value.clone())?,
                _ => return Err(SettingsError::UnknownKey(key.clone())),
            }
        }
        if day.is_none() && month.is_none() {
            return Err(SettingsError::NoNumber);
        }
        Ok(Self { day, month, zone: zone.unwrap_or_else(|| UTC.to_owned()) })
    }
}

fn number(key: &'static str, value: &str) -> Result<u32, SettingsError> {
    value.parse().map_err(|_| SettingsError::Unusable { key, value: value.to_owned() })
}

fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), SettingsError> {
    if slot.is_some() {
        return Err(SettingsError::Repeated(key));
    }
    *slot = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Settings, SettingsError};

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let owned: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::read(&owned)
    }

    fn settings(day: Option<u32>, month: Option<u32>, zone: &str) -> Settings {
        Settings { day, month, zone: zone.to_owned() }
    }

    #[test]
    fn each_number_does_alone_and_the_zone_is_utc() {
        assert_eq!(read(&[("day", "0")]), Ok(settings(Some(0), None, "UTC")));
        assert_eq!(read(&[("month", "4294967295")]), Ok(settings(None, Some(u32::MAX), "UTC")));
        assert_eq!(
            read(&[("zone", "Europe/Vienna"), ("month", "9"), ("day", "3")]),
            Ok(settings(Some(3), Some(9), "Europe/Vienna"))
        );
    }

    #[test]
    fn without_a_number_there_is_nothing_to_limit_by() {
        assert_eq!(read(&[]), Err(SettingsError::NoNumber));
        assert_eq!(read(&[("zone", "UTC")]), Err(SettingsError::NoNumber));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for value in ["-1", "", " 1", "1.5", "ten", "4294967296"] {
            let unusable = SettingsError::Unusable { key: "day", value: value.to_owned() };
            assert_eq!(read(&[("day", value)]), Err(unusable));
        }
    }

    #[test]
    fn a_zone_has_a_name_of_at_most_64_bytes() {
        for (zone, good) in [("x".repeat(64), true), ("x".repeat(65), false), (String::new(), false)] {
            assert_eq!(read(&[("day", "1"), ("zone", &zone)]).is_ok(), good, "{zone:?}");
        }
    }

    #[test]
    fn two_of_a_key_and_unknown_keys_are_refused() {
        assert_eq!(read(&[("day", "1"), ("day", "1")]), Err(SettingsError::Repeated("day")));
        let error = read(&[("week", "1")]).expect_err("no such key");
        assert_eq!(
            error.to_string(),
            "reading the limiter's settings: there is no 'week'; there are day, month and zone"
        );
    }
}
