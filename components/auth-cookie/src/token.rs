//! One cookie value: `payload.timestamp.signature`, as itsdangerous' `URLSafeTimedSerializer`
//! writes and reads it. Knows nothing of cookies' names.
//!
//! Stricter than itsdangerous in one thing: base64 must be as itsdangerous writes it. Python's
//! decoder passes over foreign characters, so that there many values say the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use thiserror::Error;

use crate::payload::{PayloadError, Principal};
use crate::settings::Settings;
use crate::signature::Signer;

/// What is looked at. Browsers keep 4 KiB a cookie; a larger value is no cookie of anybody's.
pub const MAX_VALUE: usize = 16 * 1024;

/// What a compressed payload may grow to; more is a bomb, whoever signed it.
pub const MAX_PAYLOAD: usize = 64 * 1024;

/// What is issued: with name and attributes it stays below the 4 KiB that every browser keeps.
pub const MAX_ISSUED: usize = 3800;

/// The longest text of a timestamp: eight bytes as base64.
const MAX_TIMESTAMP: usize = 11;

/// Why a value speaks for nobody. The text says nothing that is in the value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejection {
    /// It was genuine once, or will be.
    #[error("it has expired")]
    Expired,
    /// Nobody looked at it.
    #[error("it has more than {MAX_VALUE} bytes")]
    TooLong,
    /// Not the three parts, or a part is not what it must be.
    #[error("it is not an itsdangerous value with a timestamp")]
    Malformed,
    /// No secret and no salt make this signature.
    #[error("no secret and salt of the settings make its signature")]
    Signature,
    /// Genuine, but it cannot be unpacked.
    #[error("its signature is genuine, but its payload is no zlib stream of at most {MAX_PAYLOAD} bytes")]
    Compression,
    /// Genuine, but it speaks for nobody.
    #[error("its signature is genuine, but {0}")]
    Payload(#[from] PayloadError),
}

/// Why no value can be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IssueError {
    /// Nobody could be read from it.
    #[error("issuing a cookie: {0}; choose another name or other roles")]
    Principal(#[from] PayloadError),
    /// No browser would keep it.
    #[error(
        "issuing a cookie: it would have {0} bytes and browsers keep about {MAX_ISSUED}; give the user fewer roles"
    )]
    TooLong(usize),
}

/// Whom a value speaks for at the time `now_s`, in seconds. Both salts are good, `likely` is tried
/// first.
pub fn read(
    settings: &Settings,
    value: &str,
    likely: Signer<'_>,
    other: Signer<'_>,
    now_s: u64,
) -> Result<Principal, Rejection> {
    if value.len() > MAX_VALUE {
        return Err(Rejection::TooLong);
    }
    let (signed, signature) = value.rsplit_once('.').ok_or(Rejection::Malformed)?;
    let (payload, timestamp) = signed.rsplit_once('.').ok_or(Rejection::Malformed)?;
    let signed_at = seconds(timestamp).ok_or(Rejection::Malformed)?;
    let mut decoded = [0; 66]; // 64, and what base64 rounds up to
    let size = URL_SAFE_NO_PAD.decode_slice(signature, &mut decoded).map_err(|_| Rejection::Malformed)?;
    if size != settings.digest.size() {
        return Err(Rejection::Malformed);
    }
    let genuine = [likely, other].iter().any(|signer| {
        let newest_first = settings.secrets.iter().rev();
        newest_first.into_iter().any(|secret| signer.verify(secret, signed.as_bytes(), &decoded[..size]))
    });
    if !genuine {
        return Err(Rejection::Signature);
    }
    // A timestamp of the future comes from another clock; itsdangerous, too, calls it expired.
    match now_s.checked_sub(signed_at) {
        Some(age) if age <= settings.max_age_s => {}
        _ => return Err(Rejection::Expired),
    }
    let json = unpack(payload)?;
    Ok(Principal::read(&json, &settings.user_path, &settings.roles_path)?)
}

/// A value that `read` reads as `who` from `now_s` on. It is never compressed: it is short, and
/// whether it is compressed tells a reader nothing.
pub fn write(settings: &Settings, who: &Principal, now_s: u64) -> Result<String, IssueError> {
    let json = who.write(&settings.user_path, &settings.roles_path)?;
    let bytes = now_s.to_be_bytes();
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut value = URL_SAFE_NO_PAD.encode(json);
    value.push('.');
    URL_SAFE_NO_PAD.encode_string(&bytes[leading..], &mut value);
    let signature = settings.own_signer().sign(settings.newest_secret(), value.as_bytes());
    value.push('.');
    value.push_str(&signature);
    if value.len() > MAX_ISSUED {
        return Err(IssueError::TooLong(value.len()));
    }
    Ok(value)
}

/// A timestamp: a big-endian number of at most eight bytes; of none where it is 0.
fn seconds(text: &str) -> Option<u64> {
    if text.len() > MAX_TIMESTAMP {
        return None;
    }
    let mut bytes = [0; 9];
    let size = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    if size > size_of::<u64>() {
        return None;
    }
    Some(bytes[..size].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The payload's JSON. A dot before it says that it is compressed.
fn unpack(payload: &str) -> Result<Vec<u8>, Rejection> {
    let (text, compressed) = match payload.strip_prefix('.') {
        Some(rest) => (rest, true),
        None => (payload, false),
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Rejection::Malformed)?;
    if !compressed {
        return Ok(bytes);
    }
    decompress_to_vec_zlib_with_limit(&bytes, MAX_PAYLOAD).map_err(|_| Rejection::Compression)
}

#[cfg(test)]
mod recorded;

#[cfg(test)]
mod tests;
