//! The decision: which of a request's credentials are looked at, and what is made of them together.

use overlord_own_cookie::{MAX_VALUES, Principal, Rejection as OwnRejection};

use crate::settings::Settings;
use crate::token::{self, MAX_CHECKS, Rejection};

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// There is no credential.
    Missing,
    /// There is, and none is genuine; why, of the first one looked at.
    Invalid(String),
    /// One was genuine once.
    Expired,
}

/// Decides at the time `now`, in milliseconds. `headers` and `cookies` are pairs of name and value in the
/// order sent.
///
/// Who sends a bearer token says by it who they are, and is nobody else where it is not good. Then comes
/// Overlord's own cookie, then the other application's; of these any one that is genuine lets its user
/// in, the last sent first, so that a stranger on another path does not shadow the real one.
pub fn authenticate(
    settings: &Settings,
    headers: &[(&str, &[u8])],
    cookies: &[(&str, &str)],
    now: u64,
) -> Result<Principal, Denial> {
    let mut checks = MAX_CHECKS;
    if settings.bearer
        && let Some(bearer) = bearer(headers)
    {
        let token = bearer.map_err(|why| Denial::Invalid(why.to_owned()))?;
        return token::read(settings, token, now, &mut checks).map_err(|rejection| match rejection {
            Rejection::Expired => Denial::Expired,
            rejection => Denial::Invalid(format!("bearer token: {rejection}")),
        });
    }
    let mut denial = match settings.own.find(cookies, now) {
        Some(Ok(who)) => return Ok(who),
        Some(Err(OwnRejection::Expired)) => Denial::Expired,
        Some(Err(rejection)) => Denial::Invalid(format!("cookie {}: {rejection}", settings.own.name())),
        None => Denial::Missing,
    };
    let Some(cookie) = &settings.cookie else { return Err(denial) };
    for (_, value) in cookies.iter().rev().filter(|(name, _)| name == cookie).take(MAX_VALUES) {
        match token::read(settings, value, now, &mut checks) {
            Ok(who) => return Ok(who),
            Err(Rejection::Expired) => denial = Denial::Expired,
            Err(rejection) if denial == Denial::Missing => {
                denial = Denial::Invalid(format!("cookie {cookie}: {rejection}"));
            }
            Err(_) => {}
        }
    }
    Err(denial)
}

/// The bearer token of a request, if it brings one; other schemes are somebody else's. Two headers are
/// none: whoever stands before this host may have looked at the other one.
fn bearer<'a>(headers: &[(&str, &'a [u8])]) -> Option<Result<&'a str, &'static str>> {
    let mut sent = headers.iter().filter(|(name, _)| *name == "authorization").map(|(_, value)| *value);
    let first = sent.next()?;
    if sent.next().is_some() {
        return Some(Err("there is more than one Authorization header"));
    }
    let scheme = first.split(|byte| *byte == b' ').next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    let token = first.get(scheme.len()..).and_then(|rest| str::from_utf8(rest).ok());
    Some(token.map(|token| token.trim_matches(' ')).ok_or("bearer token: it is not text"))
}

#[cfg(test)]
mod tests;
