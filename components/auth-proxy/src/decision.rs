//! The decision: whether a proxy that is believed said who asks. Knows nothing of how the host knows who
//! is at the other end of a connection.

use std::net::IpAddr;

use overlord_own_cookie::{Principal, Rejection as OwnRejection};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::settings::{PEER_HEADER, Settings};

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// Nobody said who asks.
    Missing,
    /// Somebody did who is not believed, or in a way that is not; why.
    Invalid(String),
    /// One of Overlord's own cookies was genuine once.
    Expired,
}

/// Why it cannot be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Undecided {
    /// Whose word it is cannot be seen.
    #[error(
        "looking at who sent a user's header: the host does not show it; add \"{PEER_HEADER}\" to auth.headers"
    )]
    NoPeer,
}

/// Decides at the time `now`, in milliseconds. `headers` and `cookies` are pairs of name and value in the
/// order sent.
///
/// Where there is the user's header it decides alone: a stranger who sends it is trying to be somebody
/// else, or a proxy is missing from the list, and both belong into the log. Where there is none,
/// Overlord's own cookie may say who asks.
pub fn authenticate(
    settings: &Settings,
    headers: &[(&str, &[u8])],
    cookies: &[(&str, &str)],
    now: u64,
) -> Result<Result<Principal, Denial>, Undecided> {
    let Some(user) = sent(headers, &settings.header) else {
        return Ok(match settings.own.find(cookies, now) {
            None => Err(Denial::Missing),
            Some(Ok(who)) => Ok(who),
            Some(Err(OwnRejection::Expired)) => Err(Denial::Expired),
            Some(Err(rejection)) => {
                Err(Denial::Invalid(format!("cookie {}: {rejection}", settings.own.name())))
            }
        });
    };
    let peer = sent(headers, PEER_HEADER).and_then(Result::ok).and_then(|peer| peer.parse::<IpAddr>().ok());
    let peer = peer.ok_or(Undecided::NoPeer)?;
    Ok(believed(settings, headers, user, peer).map_err(Denial::Invalid))
}

/// What a proxy says, if it is one.
fn believed(
    settings: &Settings,
    headers: &[(&str, &[u8])],
    user: Result<&str, &'static str>,
    peer: IpAddr,
) -> Result<Principal, String> {
    let header = &settings.header;
    if !settings.trusts(peer) {
        return Err(format!("header {header}: it came from {peer}, which is none of the peers"));
    }
    if let Some((name, secrets)) = &settings.secret {
        let said = sent(headers, name).ok_or_else(|| format!("header {name}: {peer} did not send it"))?;
        let said = said.map_err(|why| format!("header {name}: {why}"))?;
        // All are compared, so that the time says nothing of which one was nearly right.
        let known = secrets
            .iter()
            .fold(0, |known, secret| known | said.as_bytes().ct_eq(secret.as_bytes()).unwrap_u8());
        if known == 0 {
            return Err(format!("header {name}: {peer} sent none of the proxy's secrets"));
        }
    }
    let user = user.map_err(|why| format!("header {header}: {why}"))?.to_owned();
    let mut roles = Vec::new();
    if let Some(name) = &settings.roles_header
        && let Some(said) = sent(headers, name)
    {
        let said = said.map_err(|why| format!("header {name}: {why}"))?;
        let separated = said.split(settings.roles_separator).map(str::trim).filter(|role| !role.is_empty());
        roles.extend(separated.map(str::to_owned));
    }
    Principal { user, roles }.checked().map_err(|error| format!("header {header}: {error}"))
}

/// What stands under a name, which may stand there once: of two, one is somebody else's. None where there
/// is no header of the name.
fn sent<'a>(headers: &[(&str, &'a [u8])], name: &str) -> Option<Result<&'a str, &'static str>> {
    let mut values = headers.iter().filter(|(sent, _)| *sent == name).map(|(_, value)| *value);
    let first = values.next()?;
    if values.next().is_some() {
        return Some(Err("it came more than once; the proxy must replace what it is sent"));
    }
    Some(str::from_utf8(first).map(str::trim).map_err(|_| "it is no UTF-8"))
}

#[cfg(test)]
mod tests;
