//! One value of the own cookie: how it is written and read. Knows nothing of where its name and secrets
//! come from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::HMAC;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Principal, PrincipalError};

/// The first part of every value: `{"alg":"HS256","typ":"overlord"}`. It is compared, never read.
const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6Im92ZXJsb3JkIn0";

/// What the key is derived for: no other use of the secret makes the same one.
const PURPOSE: &[u8] = b"overlord: own cookie, HS256, 1";

/// What is issued and looked at: with name and attributes it stays below the 4 KiB that every browser
/// keeps.
pub const MAX_VALUE: usize = 3800;

/// A name can come more than once, from other hosts and paths of the domain. So many are looked at.
pub const MAX_VALUES: usize = 8;

/// How the own cookie is made and read.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnCookies {
    /// Oldest first; each one verifies, the last one signs. Never empty.
    keys: Vec<[u8; 32]>,
    name: String,
    max_age_s: u64,
}

/// A cookie to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// How many seconds it lives.
    pub max_age_s: u64,
}

/// Why a value speaks for nobody. The text says nothing that is in the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Rejection {
    /// It was genuine once, or will be.
    #[error("it has expired")]
    Expired,
    /// Not what was issued, or by somebody with another secret.
    #[error("none of the host's secrets made it")]
    NotGenuine,
}

/// Why no value can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssueError {
    /// Nobody could be read from it.
    #[error("issuing a cookie: {0}; choose another name or other roles")]
    Principal(#[from] PrincipalError),
    /// No browser would keep it.
    #[error(
        "issuing a cookie: it would have {0} bytes and browsers keep about {MAX_VALUE}; give the user fewer roles"
    )]
    TooLong(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: String,
    roles: Vec<String>,
    /// When it was issued, in seconds.
    iat: u64,
}

impl OwnCookies {
    pub(crate) fn new(secrets: &[&str], name: String, max_age_s: u64) -> Self {
        Self { keys: secrets.iter().map(|secret| HMAC::mac(PURPOSE, secret)).collect(), name, max_age_s }
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many seconds a cookie lives.
    pub fn max_age_s(&self) -> u64 {
        self.max_age_s
    }

    /// A cookie that `find` reads as `who` from `now` on, in milliseconds.
    pub fn issue(&self, who: Principal, now: u64) -> Result<Issued, IssueError> {
        let Principal { user: sub, roles } = who.checked()?;
        let claims = serde_json::to_vec(&Claims { sub, roles, iat: now / 1000 })
            .expect("texts and a number can always be written");
        let signed = format!("{HEAD}.{}", URL_SAFE_NO_PAD.encode(claims));
        let newest = self.keys.last().expect("there is a secret, or there would be no settings");
        let value = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(HMAC::mac(signed.as_bytes(), newest)));
        if value.len() > MAX_VALUE {
            return Err(IssueError::TooLong(value.len()));
        }
        Ok(Issued { name: self.name.clone(), value, max_age_s: self.max_age_s })
    }

    /// Whom the cookies of the own name speak for, the last sent first: a browser sends those of the
    /// longest path first, and a stranger on another path must not shadow the real one. None where
    /// there is none of the name.
    pub fn find(&self, cookies: &[(&str, &str)], now: u64) -> Option<Result<Principal, Rejection>> {
        let mut found = None;
        let named = cookies.iter().rev().filter(|(name, _)| *name == self.name);
        for (_, value) in named.take(MAX_VALUES) {
            match self.read(value, now / 1000) {
                Ok(who) => return Some(Ok(who)),
                Err(Rejection::Expired) => found = Some(Err(Rejection::Expired)),
                Err(rejection) => found = found.or(Some(Err(rejection))),
            }
        }
        found
    }

    fn read(&self, value: &str, now_s: u64) -> Result<Principal, Rejection> {
        if value.len() > MAX_VALUE {
            return Err(Rejection::NotGenuine);
        }
        let (signed, signature) = value.rsplit_once('.').ok_or(Rejection::NotGenuine)?;
        let claims = signed.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix('.'));
        let claims = claims.ok_or(Rejection::NotGenuine)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Rejection::NotGenuine)?;
        let signature: [u8; 32] = signature.try_into().map_err(|_| Rejection::NotGenuine)?;
        if !self.keys.iter().rev().any(|key| HMAC::verify(signed.as_bytes(), key, &signature)) {
            return Err(Rejection::NotGenuine);
        }
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Rejection::NotGenuine)?;
        let Claims { sub, roles, iat } =
            serde_json::from_slice(&claims).map_err(|_| Rejection::NotGenuine)?;
        match now_s.checked_sub(iat) {
            Some(age) if age <= self.max_age_s => {}
            _ => return Err(Rejection::Expired),
        }
        Principal { user: sub, roles }.checked().map_err(|_| Rejection::NotGenuine)
    }
}

impl std::fmt::Debug for OwnCookies {
    /// Without what it signs with.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnCookies").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
