//! The slot's settings: which there are, what they may be. Knows nothing of windows.

use thiserror::Error;

/// A cell is at most 64 KiB; so many questions of eight bytes each fit with room to spare.
pub const MAX_MAX: u64 = 8000;

/// A year. A longer window would outlast what anyone remembers of the limit.
pub const MAX_WINDOW_S: u64 = 366 * 24 * 3600;

/// More programs at once for one user than any host runs in all.
pub const MAX_CONCURRENCY: u64 = 1000;

/// As many of one user's questions as the host lets wait.
pub const MAX_QUEUE: u64 = 32;

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a question counts, in milliseconds.
    pub window_ms: u64,
    /// How many questions may count at once.
    pub max: usize,
    /// How many questions of one caller may be answered at once.
    pub concurrency: u32,
    /// How many questions of one caller may wait where the cap leaves no room; with none, such a
    /// question is refused.
    pub queue: u32,
}

/// Settings that cannot be used.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error(
        "reading the limiter's settings: there is no '{0}'; there are window_s, max, concurrency and queue"
    )]
    UnknownKey(String),
    /// A key that came twice.
    #[error("reading the limiter's settings: '{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// A value out of bounds.
    #[error(
        "reading the limiter's settings: {key} is '{value}'; it must be a whole number from {least} to {most}{}",
        why(key)
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

fn why(key: &str) -> &'static str {
    match key {
        "max" => " (what the limiter remembers of a caller must fit into 64 KiB)",
        _ => "",
    }
}

impl Settings {
    /// An hour, sixty questions, one at a time, none that waits: the original service's.
    pub const DEFAULT: Self = Self { window_ms: 3_600_000, max: 60, concurrency: 1, queue: 0 };

    /// Reads the pairs that the host hands in.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, SettingsError> {
        let (mut window_s, mut max, mut concurrency, mut queue) = (None, None, None, None);
        for (key, value) in pairs {
            match key.as_str() {
                "window_s" => once(&mut window_s, "window_s", value, 1, MAX_WINDOW_S)?,
                "max" => once(&mut max, "max", value, 0, MAX_MAX)?,
                "concurrency" => once(&mut concurrency, "concurrency", value, 0, MAX_CONCURRENCY)?,
                "queue" => once(&mut queue, "queue", value, 0, MAX_QUEUE)?,
                _ => return Err(SettingsError::UnknownKey(key.clone())),
            }
        }
        let default = Self::DEFAULT;
        Ok(Self {
            window_ms: window_s.map_or(default.window_ms, |s| s * 1000),
            max: max.map_or(default.max, |max| usize::try_from(max).unwrap_or(usize::MAX)),
            concurrency: concurrency
                .map_or(default.concurrency, |cap| u32::try_from(cap).unwrap_or(u32::MAX)),
            queue: queue.map_or(default.queue, |queue| u32::try_from(queue).unwrap_or(u32::MAX)),
        })
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
    use super::{Settings, SettingsError};

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let owned: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::read(&owned)
    }

    #[test]
    fn without_any_they_are_the_original_services() {
        assert_eq!(read(&[]), Ok(Settings { window_ms: 3_600_000, max: 60, concurrency: 1, queue: 0 }));
    }

    #[test]
    fn each_can_be_set_up_to_its_bounds() {
        assert_eq!(
            read(&[("window_s", "1"), ("max", "0"), ("concurrency", "0"), ("queue", "0")]),
            Ok(Settings { window_ms: 1000, max: 0, concurrency: 0, queue: 0 })
        );
        assert_eq!(
            read(&[("window_s", "31622400"), ("max", "8000"), ("concurrency", "1000"), ("queue", "32")]),
            Ok(Settings { window_ms: 31_622_400_000, max: 8000, concurrency: 1000, queue: 32 })
        );
    }

    #[test]
    fn beyond_its_bounds_or_no_number_none_can_be_set() {
        for (key, value) in [
            ("window_s", "0"),
            ("window_s", "31622401"),
            ("max", "8001"),
            ("concurrency", "1001"),
            ("queue", "33"),
            ("max", "-1"),
            ("max", ""),
            ("max", " 1"),
            ("max", "1.5"),
            ("max", "sixty"),
            ("max", "99999999999999999999999"),
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
    fn the_bound_of_max_gives_its_reason() {
        let error = read(&[("max", "8001")]).expect_err("beyond the bound");
        assert_eq!(
            error.to_string(),
            "reading the limiter's settings: max is '8001'; it must be a whole number from 0 to \
             8000 (what the limiter remembers of a caller must fit into 64 KiB)"
        );
    }

    #[test]
    fn an_unknown_key_is_named_together_with_the_known_ones() {
        let error = read(&[("windows", "1")]).expect_err("no such key");
        assert_eq!(
            error.to_string(),
            "reading the limiter's settings: there is no 'windows'; there are window_s, max, \
             concurrency and queue"
        );
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        assert_eq!(read(&[("max", "1"), ("max", "1")]), Err(SettingsError::Repeated("max")));
    }
}
