//! One token: three parts of base64, the signature of the first two, and what it claims (RFC 7515, 7519,
//! 8725). Knows nothing of where it came from.
//!
//! Nothing in a token chooses how it is checked: not the algorithm, which is its key's; not the key,
//! beyond its name among those configured. What it claims is read when its signature is genuine.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use overlord_own_cookie::{Principal, PrincipalError};
use thiserror::Error;

use crate::json::Json;
use crate::keys::Algorithm;
use crate::settings::Settings;
use crate::verify::genuine;

/// What is looked at. Tokens with hundreds of groups have so many bytes; no browser keeps half of it as
/// a cookie.
pub const MAX_TOKEN: usize = 16 * 1024;

/// How many signatures are checked for one request, whatever it brings: the dearest takes a millisecond.
pub const MAX_CHECKS: usize = 16;

/// A way down is short: it names a place that somebody chose.
const MAX_DEPTH: usize = 8;

/// Parts of a header with which a token brings its own key, changes what is signed, or asks for what is
/// not there. Each of them is older than the advice not to heed it.
const NOT_HEEDED: [&str; 8] = ["crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"];

/// Where a token has something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(Vec<String>);

/// Why a token speaks for nobody. The text says nothing that is in the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Rejection {
    /// It was genuine once.
    #[error("it has expired")]
    Expired,
    /// Nobody looked at it.
    #[error("it has more than {MAX_TOKEN} bytes")]
    TooLong,
    /// Not three parts of base64.
    #[error("it is not a signed JSON Web Token")]
    Malformed,
    /// What stands before the first dot.
    #[error("its header is no JSON object with an algorithm, or has a name twice")]
    Header,
    /// A header that wants more than to be read.
    #[error("its header has '{0}', which is not heeded here")]
    NotHeeded(&'static str),
    /// For something else than signing in.
    #[error("its typ is neither JWT nor at+jwt")]
    Type,
    /// None, or one that is not offered.
    #[error("its algorithm is none of HS256, RS256, ES256 and EdDSA")]
    Algorithm,
    /// Nothing to check it with.
    #[error("no key of the settings is for its algorithm and its kid")]
    NoKey,
    /// No key made it.
    #[error("no key of the settings makes its signature")]
    Signature,
    /// The request has used up its checks.
    #[error("it came after more tokens than are checked for one request")]
    TooMany,
    /// Genuine, and no claims.
    #[error("its signature is genuine, but its claims are no JSON object, or have a name twice")]
    Claims,
    /// A time that is none.
    #[error("its signature is genuine, but {0} is missing or no time")]
    Time(&'static str),
    /// Not yet.
    #[error(
        "its signature is genuine, but its {0} lies in the future; compare the clocks, or raise leeway_s"
    )]
    Future(&'static str),
    /// By somebody else.
    #[error("its signature is genuine, but its iss is none of the settings' issuer")]
    Issuer,
    /// For somebody else.
    #[error("its signature is genuine, but its aud is none of the settings' audience")]
    Audience,
    /// For nobody that can be named.
    #[error("its signature is genuine, but it has no user_claim, or one that is no text")]
    NoUser,
    /// An address that anybody may have given.
    #[error("its signature is genuine, but its email is not verified")]
    Unverified,
    /// Not roles.
    #[error("its signature is genuine, but its roles_claim is neither a list of texts nor one text")]
    Roles,
    /// Nobody may be called that.
    #[error("its signature is genuine, but {0}")]
    Principal(#[from] PrincipalError),
}

impl Claim {
    /// Reads a claim's name, whatever is in it, or the way down to a value as a JSON pointer.
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<_> = match text.strip_prefix('/') {
            Some(way) => way.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect(),
            None => vec![text.to_owned()],
        };
        (names.len() <= MAX_DEPTH && !names.iter().any(String::is_empty)).then_some(Self(names))
    }

    /// A claim by its name.
    pub fn of(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    fn lookup<'a>(&self, claims: &'a Json) -> Option<&'a Json> {
        self.0.iter().try_fold(claims, |value, name| value.get(name))
    }
}

/// Whom a token speaks for at the time `now`, in milliseconds. `checks` is how many signatures may still
/// be checked.
pub fn read(settings: &Settings, token: &str, now: u64, checks: &mut usize) -> Result<Principal, Rejection> {
    if token.len() > MAX_TOKEN {
        return Err(Rejection::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Rejection::Malformed)?;
    let decoded = |part: &str| match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Rejection::Malformed),
    };
    let (header, claims, signature) = (decoded(header)?, decoded(claims)?, decoded(signature)?);
    check_signature(settings, &header, signed.as_bytes(), &signature, checks)?;
    let claims = Json::read(&claims).filter(|claims| matches!(claims, Json::Object(_)));
    let claims = claims.ok_or(Rejection::Claims)?;
    check_times(&claims, settings.leeway_s, now)?;
    check_names(settings, &claims)?;
    principal(settings, &claims)
}

fn check_signature(
    settings: &Settings,
    header: &[u8],
    signed: &[u8],
    signature: &[u8],
    checks: &mut usize,
) -> Result<(), Rejection> {
    let header = Json::read(header).ok_or(Rejection::Header)?;
    if let Some(name) = NOT_HEEDED.into_iter().find(|name| header.get(name).is_some()) {
        return Err(Rejection::NotHeeded(name));
    }
    let algorithm = header.get("alg").and_then(Json::text).ok_or(Rejection::Header)?;
    let algorithm = Algorithm::configured(algorithm).ok_or(Rejection::Algorithm)?;
    if let Some(kind) = header.get("typ") {
        let kind = kind.text().ok_or(Rejection::Type)?.to_ascii_lowercase();
        if !matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt") {
            return Err(Rejection::Type);
        }
    }
    let kid = match header.get("kid") {
        None => None,
        Some(kid) => Some(kid.text().ok_or(Rejection::Header)?),
    };
    // A key that has a name is for the tokens that call it by it, and for no others.
    let keys = settings.keys.iter().filter(|key| {
        key.material.algorithm() == algorithm && (key.kid.is_none() || key.kid.as_deref() == kid)
    });
    let mut rejection = Rejection::NoKey;
    for key in keys {
        *checks = checks.checked_sub(1).ok_or(Rejection::TooMany)?;
        if genuine(&key.material, signed, signature) {
            return Ok(());
        }
        rejection = Rejection::Signature;
    }
    Err(rejection)
}

/// Without an end a token would be good for ever; the other two need not be there.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 have far fewer than 53 bits")]
fn check_times(claims: &Json, leeway_s: u64, now: u64) -> Result<(), Rejection> {
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(Json::Number(time)) if *time >= 0.0 => Ok(Some(*time)),
        Some(_) => Err(Rejection::Time(name)),
    };
    let (now, leeway) = (now as f64 / 1000.0, leeway_s as f64);
    if time("exp")?.ok_or(Rejection::Time("exp"))? + leeway <= now {
        return Err(Rejection::Expired);
    }
    for name in ["nbf", "iat"] {
        if time(name)?.is_some_and(|time| time - leeway > now) {
            return Err(Rejection::Future(name));
        }
    }
    Ok(())
}

fn check_names(settings: &Settings, claims: &Json) -> Result<(), Rejection> {
    let known = |name: &str, known: &[String]| known.iter().any(|one| one == name);
    if !settings.issuers.is_empty() {
        let issuer = claims.get("iss").and_then(Json::text).ok_or(Rejection::Issuer)?;
        known(issuer, &settings.issuers).then_some(()).ok_or(Rejection::Issuer)?;
    }
    let meant = match claims.get("aud") {
        None => settings.audiences.is_empty(),
        Some(Json::Text(one)) => known(one, &settings.audiences),
        Some(Json::List(several)) => {
            several.iter().all(|one| one.text().is_some())
                && several.iter().filter_map(Json::text).any(|one| known(one, &settings.audiences))
        }
        Some(_) => false,
    };
    // RFC 7519 (4.1.3): whoever does not find himself in it does not take it, not even one who has no name.
    if meant { Ok(()) } else { Err(Rejection::Audience) }
}

fn principal(settings: &Settings, claims: &Json) -> Result<Principal, Rejection> {
    let user = settings.user.lookup(claims).and_then(Json::text).ok_or(Rejection::NoUser)?.to_owned();
    let verified = claims.get("email_verified").is_none_or(|verified| *verified == Json::Flag(true));
    if settings.user == Claim::of("email") && !verified {
        return Err(Rejection::Unverified);
    }
    let roles = match settings.roles.lookup(claims) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Text(roles)) => {
            roles.split(' ').filter(|role| !role.is_empty()).map(str::to_owned).collect()
        }
        Some(Json::List(roles)) => {
            let texts = roles.iter().map(|role| role.text().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or(Rejection::Roles)?
        }
        Some(_) => return Err(Rejection::Roles),
    };
    Ok(Principal { user, roles }.checked()?)
}

#[cfg(test)]
mod tests;
