//! The settings that the host adds for its own cookie, and how long that lives. Knows no other setting.

use thiserror::Error;

use crate::OwnCookies;

/// Ten years; a cookie that lives longer is a password.
pub const MAX_AGE_S: u64 = 10 * 365 * 24 * 3600;

/// More than any rotation needs; each one is tried with a cookie that is not genuine.
pub const MAX_SECRETS: usize = 16;

/// As long as a sensible name of a cookie is.
const NAME_BYTES_MAX: usize = 128;

/// Settings that cannot be used. No message has a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that came twice.
    #[error("'{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// Nothing to sign with.
    #[error("there is no 'secret'; the host hands it in from secret_key or secret_key_file")]
    NoSecret,
    /// A secret that everybody knows.
    #[error("a 'secret' is empty; leave it out, or fill the file that it comes from")]
    EmptySecret,
    /// Too many to try.
    #[error("there are {0} secrets, at most {MAX_SECRETS} can be tried; leave out the oldest")]
    TooManySecrets(usize),
    /// No cookie can have this name.
    #[error("{key} is '{value}'; it must be a cookie's name: 1 to 128 letters, digits or !#$%&'*+-.^_`|~")]
    Name {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// No time to live.
    #[error("max_age_s is '{0}'; it must be a whole number of seconds from 1 to {MAX_AGE_S}")]
    MaxAge(String),
}

/// What has been given so far.
#[derive(Debug, Default)]
pub struct Given<'a> {
    secrets: Vec<&'a str>,
    name: Option<&'a str>,
    max_age_s: Option<u64>,
}

impl<'a> Given<'a> {
    /// Takes a setting, if it is one of the own cookie's: whether it is.
    pub fn take(&mut self, key: &str, value: &'a str) -> Result<bool, SettingsError> {
        match key {
            "secret" if value.is_empty() => return Err(SettingsError::EmptySecret),
            "secret" => self.secrets.push(value),
            "own_cookie" => {
                let repeated = self.name.replace(cookie_name("own_cookie", value)?).is_some();
                once("own_cookie", repeated)?;
            }
            "max_age_s" => {
                let age = value.parse().ok().filter(|age| (1..=MAX_AGE_S).contains(age));
                let age = age.ok_or_else(|| SettingsError::MaxAge(value.to_owned()))?;
                once("max_age_s", self.max_age_s.replace(age).is_some())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// All of them, with defaults for what was not given.
    pub fn finish(self) -> Result<OwnCookies, SettingsError> {
        match self.secrets.len() {
            0 => return Err(SettingsError::NoSecret),
            1..=MAX_SECRETS => {}
            many => return Err(SettingsError::TooManySecrets(many)),
        }
        let name = self.name.unwrap_or("overlord_session").to_owned();
        Ok(OwnCookies::new(&self.secrets, name, self.max_age_s.unwrap_or(30 * 24 * 3600)))
    }
}

/// A cookie's name is a token of RFC 9110: nothing in it can end it.
pub fn cookie_name<'a>(key: &'static str, value: &'a str) -> Result<&'a str, SettingsError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if (1..=NAME_BYTES_MAX).contains(&value.len()) && value.bytes().all(token) {
        Ok(value)
    } else {
        Err(SettingsError::Name { key, value: value.to_owned() })
    }
}

fn once(key: &'static str, repeated: bool) -> Result<(), SettingsError> {
    if repeated { Err(SettingsError::Repeated(key)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<OwnCookies, SettingsError> {
        let mut given = Given::default();
        for (key, value) in pairs {
            assert!(given.take(key, value)?, "{key} is one of them");
        }
        given.finish()
    }

    #[test]
    fn what_is_not_given_has_a_default_but_the_secret() {
        let own = read(&[("secret", "s")]).expect("good settings");
        assert_eq!((own.name(), own.max_age_s()), ("overlord_session", 30 * 24 * 3600));
        assert_eq!(read(&[]).err(), Some(SettingsError::NoSecret));
        assert_eq!(Given::default().take("salt", "x"), Ok(false));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let bad = |key, value| read(&[("secret", "s"), (key, value)]).expect_err("bad settings");
        assert_eq!(bad("secret", ""), SettingsError::EmptySecret);
        for age in ["0", "315360001", "-1", "1.5", "soon", ""] {
            assert_eq!(bad("max_age_s", age), SettingsError::MaxAge(age.into()));
        }
        assert!(read(&[("secret", "s"), ("max_age_s", "315360000")]).is_ok());
        for name in ["", "a b", "a=b", "a;b", "ä", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(matches!(bad("own_cookie", name), SettingsError::Name { .. }), "{name}");
        }
        assert!(read(&[("secret", "s"), ("own_cookie", &"x".repeat(NAME_BYTES_MAX))]).is_ok());
        let twice = read(&[("secret", "s"), ("max_age_s", "1"), ("max_age_s", "1")]);
        assert_eq!(twice.err(), Some(SettingsError::Repeated("max_age_s")));
    }

    #[test]
    fn secrets_are_tried_up_to_their_limit() {
        assert!(read(&[("secret", "s"); MAX_SECRETS]).is_ok());
        let many = read(&[("secret", "s"); MAX_SECRETS + 1]);
        assert_eq!(many.err(), Some(SettingsError::TooManySecrets(MAX_SECRETS + 1)));
    }
}
