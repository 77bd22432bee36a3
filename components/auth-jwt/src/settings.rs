//! The slot's settings: which there are, what they may be. Knows nothing of tokens' contents.

use overlord_own_cookie::{Given as OwnGiven, OwnCookies, cookie_name};
use thiserror::Error;

use crate::keys::{Key, KeyError};
use crate::token::Claim;

/// More than an issuer publishes: one that signs, one that will, one that did, for each algorithm.
pub const MAX_KEYS: usize = 16;

/// More issuers or audiences than anyone has.
pub const MAX_NAMES: usize = 16;

/// Clocks that differ by more are broken.
pub const MAX_LEEWAY_S: u64 = 600;

/// The keys, for the message about one that there is not.
const KEYS: &str = "key, issuer, audience, leeway_s, user_claim, roles_claim, read_from, max_age_s, secret, \
                    cookie and own_cookie";

/// How tokens are read, and Overlord's own cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What signatures are checked with. Never empty.
    pub keys: Vec<Key>,
    /// Whose tokens are good; empty: anyone's who has a key.
    pub issuers: Vec<String>,
    /// For whom they must be meant; empty: for nobody in particular.
    pub audiences: Vec<String>,
    /// How many seconds clocks may differ.
    pub leeway_s: u64,
    /// Where a token has the user's name.
    pub user: Claim,
    /// Where it has the roles.
    pub roles: Claim,
    /// Whether a token may come as `Authorization: Bearer`.
    pub bearer: bool,
    /// The cookie in which a token may come, if it may.
    pub cookie: Option<String>,
    /// What Overlord issues itself.
    pub own: OwnCookies,
}

/// Settings that cannot be used. No message has a secret in it.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error("reading the settings of auth-jwt: there is no '{0}'; there are {KEYS}")]
    UnknownKey(String),
    /// A key that came twice.
    #[error("reading the settings of auth-jwt: '{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// Nothing to check with.
    #[error("reading the settings of auth-jwt: there is no 'key'; give the ones that tokens are signed with")]
    NoKey,
    /// No key.
    #[error("reading the settings of auth-jwt: 'key' number {number} cannot be used: {error}")]
    Key {
        /// Which one, counted from 1.
        number: usize,
        /// Why.
        error: KeyError,
    },
    /// Too many to try.
    #[error(
        "reading the settings of auth-jwt: there are more than {MAX_KEYS} keys; leave out those of the past"
    )]
    TooManyKeys,
    /// Too many to compare.
    #[error("reading the settings of auth-jwt: there are more than {MAX_NAMES} of '{0}'; leave out some")]
    TooManyNames(&'static str),
    /// A value that its key does not take.
    #[error("reading the settings of auth-jwt: {key} is '{value}'; it must be {wanted}")]
    Unusable {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
        /// What the key takes.
        wanted: &'static str,
    },
    /// One name for two things.
    #[error("reading the settings of auth-jwt: {0} and {1} must differ, or one would overwrite the other")]
    Same(&'static str, &'static str),
    /// One of the own cookie's.
    #[error("reading the settings of auth-jwt: {0}")]
    Own(#[from] overlord_own_cookie::SettingsError),
}

impl Settings {
    /// Reads the pairs that the host hands in.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, SettingsError> {
        let mut given = Given::default();
        for (key, value) in pairs {
            given.take(key, value)?;
        }
        given.finish()
    }
}

/// What has been given so far.
#[derive(Default)]
struct Given<'a> {
    texts: usize,
    keys: Vec<Key>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    leeway_s: Option<u64>,
    user: Option<Claim>,
    roles: Option<Claim>,
    from_bearer: bool,
    from_cookie: bool,
    cookie: Option<&'a str>,
    own: OwnGiven<'a>,
}

impl<'a> Given<'a> {
    fn take(&mut self, key: &str, value: &'a str) -> Result<(), SettingsError> {
        match key {
            "key" => {
                self.texts += 1;
                let number = self.texts;
                let keys = Key::read(value).map_err(|error| SettingsError::Key { number, error })?;
                self.keys.extend(keys);
                if self.keys.len() > MAX_KEYS { Err(SettingsError::TooManyKeys) } else { Ok(()) }
            }
            "issuer" => name(&mut self.issuers, "issuer", value),
            "audience" => name(&mut self.audiences, "audience", value),
            "leeway_s" => once(&mut self.leeway_s, "leeway_s", leeway_s(value)?),
            "user_claim" => once(&mut self.user, "user_claim", claim("user_claim", value)?),
            "roles_claim" => once(&mut self.roles, "roles_claim", claim("roles_claim", value)?),
            "read_from" => {
                let from = match value {
                    "bearer" => &mut self.from_bearer,
                    "cookie" => &mut self.from_cookie,
                    _ => return Err(unusable("read_from", value, "bearer or cookie, or both as a list")),
                };
                if std::mem::replace(from, true) { Err(SettingsError::Repeated("read_from")) } else { Ok(()) }
            }
            "cookie" => once(&mut self.cookie, "cookie", cookie_name("cookie", value)?),
            _ if self.own.take(key, value)? => Ok(()),
            _ => Err(SettingsError::UnknownKey(key.to_owned())),
        }
    }

    fn finish(self) -> Result<Settings, SettingsError> {
        if self.keys.is_empty() {
            return Err(SettingsError::NoKey);
        }
        let anywhere = !self.from_bearer && !self.from_cookie;
        let cookie = self.cookie.unwrap_or("session");
        let settings = Settings {
            keys: self.keys,
            issuers: self.issuers,
            audiences: self.audiences,
            leeway_s: self.leeway_s.unwrap_or(30),
            user: self.user.unwrap_or_else(|| Claim::of("sub")),
            roles: self.roles.unwrap_or_else(|| Claim::of("roles")),
            bearer: anywhere || self.from_bearer,
            cookie: (anywhere || self.from_cookie).then(|| cookie.to_owned()),
            own: self.own.finish()?,
        };
        if cookie == settings.own.name() {
            return Err(SettingsError::Same("cookie", "own_cookie"));
        }
        if settings.user == settings.roles {
            return Err(SettingsError::Same("user_claim", "roles_claim"));
        }
        Ok(settings)
    }
}

fn once<T>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), SettingsError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(SettingsError::Repeated(key)),
    }
}

fn name(names: &mut Vec<String>, key: &'static str, value: &str) -> Result<(), SettingsError> {
    if value.is_empty() {
        return Err(unusable(key, value, "what tokens have there, character by character"));
    }
    if names.len() == MAX_NAMES {
        return Err(SettingsError::TooManyNames(key));
    }
    names.push(value.to_owned());
    Ok(())
}

fn leeway_s(value: &str) -> Result<u64, SettingsError> {
    match value.parse() {
        Ok(seconds) if seconds <= MAX_LEEWAY_S => Ok(seconds),
        _ => Err(unusable("leeway_s", value, "a whole number of seconds from 0 to 600")),
    }
}

fn claim(key: &'static str, value: &str) -> Result<Claim, SettingsError> {
    Claim::parse(value).ok_or_else(|| {
        unusable(key, value, "a claim's name such as groups, or a way down such as /realm_access/roles")
    })
}

fn unusable(key: &'static str, value: &str, wanted: &'static str) -> SettingsError {
    SettingsError::Unusable { key, value: value.to_owned(), wanted }
}

#[cfg(test)]
mod tests;
