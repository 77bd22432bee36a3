//! The slot's settings: which there are, what they may be. Knows nothing of cookies' contents.

use thiserror::Error;

use crate::payload::Path;
use crate::signature::{Derivation, Digest, Signer};

/// Ten years; a cookie that lives longer is a password.
pub const MAX_AGE_S: u64 = 10 * 365 * 24 * 3600;

/// More than any rotation needs; each one is tried with a cookie that is not genuine.
pub const MAX_SECRETS: usize = 16;

/// As long as a sensible name of a cookie is.
pub const MAX_NAME: usize = 128;

/// The keys, for the message about one that there is not.
const KEYS: &str = "secret, salt, own_salt, digest, key_derivation, max_age_s, cookie, own_cookie, \
                    user_path and roles_path";

/// How cookies are read and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Oldest first; each one verifies, the last one signs. Never empty.
    pub secrets: Vec<String>,
    /// The other application's salt.
    pub salt: String,
    /// Overlord's salt: another one, so that what Overlord issues opens nothing elsewhere.
    pub own_salt: String,
    /// The digest.
    pub digest: Digest,
    /// The derivation.
    pub derivation: Derivation,
    /// How many seconds a cookie lives.
    pub max_age_s: u64,
    /// The other application's cookie.
    pub cookie: String,
    /// Overlord's cookie: another one, since all ports of a host share cookies.
    pub own_cookie: String,
    /// Where the payload has the user's name.
    pub user_path: Path,
    /// Where the payload has the user's roles.
    pub roles_path: Path,
}

/// Settings that cannot be used. No message has a secret in it.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A key that there is not.
    #[error("reading the settings of auth-cookie: there is no '{0}'; there are {KEYS}")]
    UnknownKey(String),
    /// A key that came twice.
    #[error("reading the settings of auth-cookie: '{0}' is given more than once; leave one")]
    Repeated(&'static str),
    /// Nothing to verify with.
    #[error(
        "reading the settings of auth-cookie: there is no 'secret'; give the one that the application signs its cookies with"
    )]
    NoSecret,
    /// A secret that everybody knows.
    #[error(
        "reading the settings of auth-cookie: a 'secret' is empty; leave it out, or fill the file that it comes from"
    )]
    EmptySecret,
    /// Too many to try.
    #[error(
        "reading the settings of auth-cookie: there are {0} secrets, at most {MAX_SECRETS} can be tried; leave out the oldest"
    )]
    TooManySecrets(usize),
    /// A value that its key does not take.
    #[error("reading the settings of auth-cookie: {key} is '{value}'; it must be {wanted}")]
    Unusable {
        /// Of which key.
        key: &'static str,
        /// The value.
        value: String,
        /// What the key takes.
        wanted: &'static str,
    },
    /// One name for two things.
    #[error("reading the settings of auth-cookie: {0} and {1} must differ, or one would overwrite the other")]
    Same(&'static str, &'static str),
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

    /// The way in which Overlord signs.
    pub fn own_signer(&self) -> Signer<'_> {
        Signer { digest: self.digest, derivation: self.derivation, salt: &self.own_salt }
    }

    /// The way in which the other application signs.
    pub fn signer(&self) -> Signer<'_> {
        Signer { salt: &self.salt, ..self.own_signer() }
    }

    /// The secret that signs.
    pub fn newest_secret(&self) -> &str {
        self.secrets.last().map_or("", String::as_str)
    }
}

/// What has been given so far.
#[derive(Default)]
struct Given<'a> {
    secrets: Vec<&'a str>,
    salt: Option<&'a str>,
    own_salt: Option<&'a str>,
    digest: Option<Digest>,
    derivation: Option<Derivation>,
    max_age_s: Option<u64>,
    cookie: Option<&'a str>,
    own_cookie: Option<&'a str>,
    user_path: Option<Path>,
    roles_path: Option<Path>,
}

impl<'a> Given<'a> {
    fn take(&mut self, key: &str, value: &'a str) -> Result<(), SettingsError> {
        match key {
            "secret" if value.is_empty() => Err(SettingsError::EmptySecret),
            "secret" => {
                self.secrets.push(value);
                Ok(())
            }
            "salt" => once(&mut self.salt, "salt", value),
            "own_salt" => once(&mut self.own_salt, "own_salt", value),
            "digest" => once(&mut self.digest, "digest", digest(value)?),
            "key_derivation" => once(&mut self.derivation, "key_derivation", derivation(value)?),
            "max_age_s" => once(&mut self.max_age_s, "max_age_s", max_age_s(value)?),
            "cookie" => once(&mut self.cookie, "cookie", name("cookie", value)?),
            "own_cookie" => once(&mut self.own_cookie, "own_cookie", name("own_cookie", value)?),
            "user_path" => once(&mut self.user_path, "user_path", path("user_path", value)?),
            "roles_path" => once(&mut self.roles_path, "roles_path", path("roles_path", value)?),
            _ => Err(SettingsError::UnknownKey(key.to_owned())),
        }
    }

    fn finish(self) -> Result<Settings, SettingsError> {
        match self.secrets.len() {
            0 => return Err(SettingsError::NoSecret),
            1..=MAX_SECRETS => {}
            many => return Err(SettingsError::TooManySecrets(many)),
        }
        let settings = Settings {
            secrets: self.secrets.into_iter().map(str::to_owned).collect(),
            salt: self.salt.unwrap_or("itsdangerous").to_owned(),
            own_salt: self.own_salt.unwrap_or("overlord").to_owned(),
            digest: self.digest.unwrap_or(Digest::Sha1),
            derivation: self.derivation.unwrap_or(Derivation::DjangoConcat),
            max_age_s: self.max_age_s.unwrap_or(30 * 24 * 3600),
            cookie: self.cookie.unwrap_or("session").to_owned(),
            own_cookie: self.own_cookie.unwrap_or("overlord_session").to_owned(),
            user_path: self.user_path.unwrap_or_else(|| Path::of("username")),
            roles_path: self.roles_path.unwrap_or_else(|| Path::of("roles")),
        };
        if settings.cookie == settings.own_cookie {
            return Err(SettingsError::Same("cookie", "own_cookie"));
        }
        if settings.user_path.overlaps(&settings.roles_path) {
            return Err(SettingsError::Same("user_path", "roles_path"));
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

fn digest(value: &str) -> Result<Digest, SettingsError> {
    match value {
        "sha1" => Ok(Digest::Sha1),
        "sha256" => Ok(Digest::Sha256),
        "sha512" => Ok(Digest::Sha512),
        _ => Err(unusable("digest", value, "sha1, sha256 or sha512")),
    }
}

fn derivation(value: &str) -> Result<Derivation, SettingsError> {
    match value {
        "django-concat" => Ok(Derivation::DjangoConcat),
        "concat" => Ok(Derivation::Concat),
        "hmac" => Ok(Derivation::Hmac),
        "none" => Ok(Derivation::None),
        _ => Err(unusable("key_derivation", value, "django-concat, concat, hmac or none")),
    }
}

fn max_age_s(value: &str) -> Result<u64, SettingsError> {
    match value.parse() {
        Ok(seconds) if (1..=MAX_AGE_S).contains(&seconds) => Ok(seconds),
        _ => Err(unusable("max_age_s", value, "a whole number of seconds from 1 to 315360000")),
    }
}

/// A cookie's name is a token of RFC 9110: nothing in it can end it.
fn name<'a>(key: &'static str, value: &'a str) -> Result<&'a str, SettingsError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if (1..=MAX_NAME).contains(&value.len()) && value.bytes().all(token) {
        Ok(value)
    } else {
        Err(unusable(key, value, "a cookie's name: 1 to 128 letters, digits or !#$%&'*+-.^_`|~"))
    }
}

fn path(key: &'static str, value: &str) -> Result<Path, SettingsError> {
    Path::parse(value).ok_or_else(|| {
        unusable(key, value, "the keys down to a value, joined by dots: 1 to 8, none of them empty")
    })
}

fn unusable(key: &'static str, value: &str, wanted: &'static str) -> SettingsError {
    SettingsError::Unusable { key, value: value.to_owned(), wanted }
}

#[cfg(test)]
mod tests;
