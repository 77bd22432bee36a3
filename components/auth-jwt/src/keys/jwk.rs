//! Keys as JSON (RFC 7517 and 8037): one, or a set as issuers publish it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, Key, KeyError, Material, named_by};
use crate::json::Json;

/// All keys of a JWK or of a JWK set. Of a set what is meant for something else is passed over, as the
/// RFC has it; alone it is an error.
pub(super) fn read(json: &Json) -> Result<Vec<Key>, KeyError> {
    let Some(set) = json.get("keys") else {
        return key(json)?.map(|key| vec![key]).ok_or(KeyError::Type);
    };
    let Json::List(entries) = set else { return Err(KeyError::Jwk) };
    let keys: Vec<_> = entries.iter().map(key).filter_map(Result::transpose).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(KeyError::EmptySet) } else { Ok(keys) }
}

/// One key; none where it is for something else than these signatures.
fn key(json: &Json) -> Result<Option<Key>, KeyError> {
    let text = |name: &str| json.get(name).and_then(Json::text);
    let bytes =
        |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(KeyError::Jwk);
    let (kty, crv) = (text("kty").ok_or(KeyError::Jwk)?, text("crv"));
    let algorithm = match (kty, crv) {
        ("oct", _) => Algorithm::Hs256,
        ("RSA", _) => Algorithm::Rs256,
        ("EC", Some("P-256")) => Algorithm::Es256,
        ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
        _ => return Ok(None),
    };
    let meant = match json.get("alg") {
        None => true,
        Some(alg) => alg.text().and_then(Algorithm::configured) == Some(algorithm),
    };
    if !meant || text("use").is_some_and(|meant| meant != "sig") {
        return Ok(None);
    }
    if kty != "oct" && json.get("d").is_some() {
        return Err(KeyError::Private);
    }
    let material = match algorithm {
        Algorithm::Hs256 => Material::secret(bytes("k")?)?,
        Algorithm::Rs256 => Material::rsa(&bytes("n")?, &bytes("e")?)?,
        Algorithm::Es256 => Material::ec(&[vec![4], bytes("x")?, bytes("y")?].concat())?,
        Algorithm::EdDsa => Material::ed25519(&bytes("x")?)?,
    };
    let kid = match json.get("kid") {
        None => None,
        Some(kid) => Some(named_by(kid.text().ok_or(KeyError::Kid)?)?),
    };
    Ok(Some(Key { kid, material }))
}
