//! The decision: which of a request's cookies are looked at, and what is made of them together.

use crate::payload::Principal;
use crate::settings::Settings;
use crate::token::{self, IssueError, Rejection};

/// A name can come more than once, from other hosts and paths of the domain. So many of each are
/// looked at: someone who sends more costs no more time than that.
pub const MAX_VALUES: usize = 8;

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// There is no cookie of either name.
    Missing,
    /// There is, and none is genuine; why, of the first one looked at.
    Invalid(String),
    /// One was genuine once.
    Expired,
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

/// Decides at the time `now`, in milliseconds, from pairs of name and value in the order sent.
///
/// Overlord's own cookies come before the other application's, the last sent first: a browser sends
/// those of the longest path first, and a stranger on another path must not shadow the real one.
/// Any one that is genuine lets its user in. Both salts are good under both names, so that what
/// `issue` made can be sent by a script under either.
pub fn authenticate(settings: &Settings, cookies: &[(&str, &str)], now: u64) -> Result<Principal, Denial> {
    let (own, foreign) = (settings.own_signer(), settings.signer());
    let mut denial = Denial::Missing;
    for (name, likely, other) in [(&settings.own_cookie, own, foreign), (&settings.cookie, foreign, own)] {
        let named = cookies.iter().rev().filter(|(sent, _)| sent == name);
        for (_, value) in named.take(MAX_VALUES) {
            match token::read(settings, value, likely, other, now / 1000) {
                Ok(principal) => return Ok(principal),
                Err(Rejection::Expired) => denial = Denial::Expired,
                Err(rejection) if denial == Denial::Missing => {
                    denial = Denial::Invalid(format!("cookie {name}: {rejection}"));
                }
                Err(_) => {}
            }
        }
    }
    Err(denial)
}

/// A cookie that `authenticate` lets `who` in with, from the time `now` on, in milliseconds.
pub fn issue(settings: &Settings, who: &Principal, now: u64) -> Result<Issued, IssueError> {
    Ok(Issued {
        name: settings.own_cookie.clone(),
        value: token::write(settings, who, now / 1000)?,
        max_age_s: settings.max_age_s,
    })
}

#[cfg(test)]
mod tests;
