//! The slot's settings: which there are, what they may be. Knows nothing of buckets.

use thiserror::Error;

/// More questions in a second than anyone asks, all together; what is more is no limit.
pub const MAX_RATE_PER_S: u64 = 10_000;

/// The same in an hour.
pub const MAX_RATE_PER_H: u64 = MAX_RATE_PER_S * 3600;

/// More questions than anyone asks at once. In parts of tokens (see [`Per::ms`]) it is 3.6 million
/// million, far from where 64 bits end.
pub const MAX_BURST: u64 = 1_000_000;

/// In how many milliseconds the rate's number of tokens comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// An hour.
    Hour,
}

impl Per {
    /// How many milliseconds it has. It is also how many parts a token has, so that each millisecond
    /// brings a whole number of parts, whatever the rate.
    pub fn ms(self) -> u64 {
        match self {
            Self::Second => 1000,
            Self::Hour => 3_600_000,
        }
    }
}

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many tokens come in that time; at least one.
    pub rate: u64,
    /// In which time.
    pub per: Per,
    /// How many tokens a full bucket has.
    pub burst: u64,
}

/// Settings that cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error("reading the limiter's settings: there is no '{0}'; there are rate_per_s, rate_per_h and burst")]
    UnknownKey(String),
    /// A key that came twice.
    #[error("reading the limiter's settings: '{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// Two rates.
    #[error("reading the limiter's settings: both rate_per_s and rate_per_h are given; leave one")]
    TwoRates,
    /// A value out of bounds.
    #[error(
        "reading the limiter's settings: {key} is '{value}'; it must be a whole number from {least} to {most}"
    )]
    Unusable {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
        /// The least that it may be.
        least: u64,
        /// The most that it may be.
        most: u64,
    },
}

impl Settings {
    /// A question a minute, which is the original's sixty an hour, and ten at once.
    pub const DEFAULT: Self = Self { rate: 60, per: Per::Hour, burst: 10 };

    /// Reads the pairs that the host hands in.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, SettingsError> {
        let (mut per_s, mut per_h, mut burst) = (None, None, None);
        for (key, value) in pairs {
            match key.as_str() {
                "rate_per_s" => once(&mut per_s, "rate_per_s", value, 1, MAX_RATE_PER_S)?,
                "rate_per_h" => once(&mut per_h, "rate_per_h", value, 1, MAX_RATE_PER_H)?,
                "burst" => once(&mut burst, "burst", value, 0, MAX_BURST)?,
                _ => return Err(SettingsError::UnknownKey(key.clone())),
            }
        }
        let (rate, per) = match (per_s, per_h) {
            (Some(_), Some(_)) => return Err(SettingsError::TwoRates),
            (Some(rate), None) => (rate, Per::Second),
            (None, Some(rate)) => (rate, Per::Hour),
            (None, None) => (Self::DEFAULT.rate, Self::DEFAULT.per),
        };
        Ok(Self { rate, per, burst: burst.unwrap_or(Self::DEFAULT.burst) })
    }
}

fn once(
    slot: &mut Option<u64>,
    key: &'static str,
    value: &str,
    least: u64,
    most: u64,
) -> Result<(), SettingsError> {
    if slot.is_some() {
        return Err(SettingsError::Repeated(key));
    }
    match value.parse() {
        Ok(number) if (least..=most).contains(&number) => {
            *slot = Some(number);
            Ok(())
        }
        _ => Err(SettingsError::Unusable { key, value: value.to_owned(), least, most }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Per, Settings, SettingsError};

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let owned: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::read(&owned)
    }

    #[test]
    fn without_any_it_is_one_a_minute_and_ten_at_once() {
        assert_eq!(read(&[]), Ok(Settings { rate: 60, per: Per::Hour, burst: 10 }));
    }

    #[test]
    fn each_can_be_set_up_to_its_bounds() {
        let per_s = |rate, burst| Ok(Settings { rate, per: Per::Second, burst });
        let per_h = |rate, burst| Ok(Settings { rate, per: Per::Hour, burst });
        assert_eq!(read(&[("rate_per_s", "1"), ("burst", "0")]), per_s(1, 0));
        assert_eq!(read(&[("burst", "1000000"), ("rate_per_s", "10000")]), per_s(10_000, 1_000_000));
        assert_eq!(read(&[("rate_per_h", "1")]), per_h(1, 10));
        assert_eq!(read(&[("rate_per_h", "36000000")]), per_h(36_000_000, 10));
    }

    #[test]
    fn beyond_its_bounds_or_no_number_none_can_be_set() {
        for (key, value) in [
            ("rate_per_s", "0"),
            ("rate_per_s", "10001"),
            ("rate_per_h", "0"),
            ("rate_per_h", "36000001"),
            ("burst", "1000001"),
            ("burst", "-1"),
            ("burst", ""),
            ("burst", " 1"),
            ("rate_per_s", "0.5"),
            ("rate_per_h", "99999999999999999999999"),
        ] {
            match read(&[(key, value)]) {
                Err(SettingsError::Unusable { key: named, value: said, .. }) => {
                    assert_eq!((named, said.as_str()), (key, value));
                }
                other => panic!("{key}={value}: {other:?}"),
            }
        }
    }

    #[test]
    fn two_rates_two_of_a_key_and_unknown_keys_are_refused() {
        assert_eq!(read(&[("rate_per_s", "1"), ("rate_per_h", "3600")]), Err(SettingsError::TwoRates));
        assert_eq!(read(&[("burst", "1"), ("burst", "1")]), Err(SettingsError::Repeated("burst")));
        let error = read(&[("rate", "1")]).expect_err("no such key");
        assert_eq!(
            error.to_string(),
            "reading the limiter's settings: there is no 'rate'; there are rate_per_s, rate_per_h and burst"
        );
    }
}
