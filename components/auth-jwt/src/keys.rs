//! The keys that tokens are checked with, as an operator has them. A key has its algorithm from the
//! configuration, so that no token can choose another one for it. No message has a key in it.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use pkcs1::der::Decode as _;
use pkcs1::der::asn1::{BitStringRef, ObjectIdentifier, UintRef};
use thiserror::Error;

use crate::json::Json;
use crate::verify;

mod jwk;

/// A key of fewer bytes is guessed; RFC 7518 (3.2) asks for as many as the MAC has.
pub const MIN_SECRET: usize = 32;

/// RFC 7518 (3.3) asks for so many bits at least.
pub const MIN_RSA_BITS: usize = 2048;

/// A larger key costs every request more than it brings.
pub const MAX_RSA_BITS: usize = 4096;

/// An identifier is a short word.
pub const MAX_KID: usize = 128;

/// With the padding or without: this is the operator's text, and not a stranger's.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// What signatures are checked with: one algorithm's, and of no use to another.
#[derive(Clone, PartialEq, Eq)]
pub enum Material {
    /// The shared secret.
    Hs256(Vec<u8>),
    /// Two big-endian numbers.
    Rs256 {
        /// Without leading zeros.
        modulus: Vec<u8>,
        /// Without leading zeros.
        exponent: Vec<u8>,
    },
    /// A point, uncompressed, as SEC 1 has it.
    Es256([u8; 65]),
    /// A point.
    EdDsa([u8; 32]),
}

/// A key of the settings.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// What tokens call it. A key that has none is tried with every token of its algorithm.
    pub kid: Option<String>,
    /// What it is.
    pub material: Material,
}

/// Why a setting is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing that is understood.
    #[error(
        "it must begin with HS256, RS256, ES256 or EdDSA, then perhaps kid=NAME, then the key: a PEM block, or \
         base64:… or hex:…, or for HS256 text:…; or else be a JWK or a JWK set as JSON"
    )]
    Form,
    /// A name that is none.
    #[error("its kid must have 1 to {MAX_KID} characters")]
    Kid,
    /// Not base64 or hexadecimal digits.
    #[error("what follows base64: or hex: is not that; copy it again, without spaces")]
    Encoding,
    /// A secret that can be guessed.
    #[error("a secret for HS256 has at least {MIN_SECRET} bytes; make one with: openssl rand -base64 32")]
    ShortSecret,
    /// The mistake that algorithm confusion lives on.
    #[error("HS256 takes a shared secret, and this is a public key; write RS256, ES256 or EdDSA before it")]
    PublicAsSecret,
    /// It does not belong here.
    #[error("it is a private key; give the public one: openssl pkey -in KEY.pem -pubout")]
    Private,
    /// The key is within.
    #[error("it is a certificate; give its public key: openssl x509 -in CERT.pem -noout -pubkey")]
    Certificate,
    /// Not a PEM block of a public key.
    #[error("it is no PEM block of a public key (-----BEGIN PUBLIC KEY-----), line ends included")]
    Pem,
    /// Not a public key in DER.
    #[error("it is no public key in DER (SubjectPublicKeyInfo)")]
    Der,
    /// Another type of key.
    #[error(
        "it is a key of another type than its algorithm takes: RS256 RSA, ES256 EC on P-256, EdDSA Ed25519"
    )]
    Type,
    /// Too short or too long, or no RSA key.
    #[error("an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, and an odd exponent of 3 to 2^32")]
    Rsa,
    /// Not on the curve.
    #[error("its point does not lie on the curve")]
    Point,
    /// JSON, and no key.
    #[error("it begins like JSON, and is no JWK and no JWK set")]
    Jwk,
    /// A set that has nothing of use.
    #[error("its JWK set has no key for HS256, RS256, ES256 or EdDSA that is meant for signatures")]
    EmptySet,
}

impl Algorithm {
    /// By the name that a key of the configuration gives.
    pub fn configured(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

impl Material {
    /// Whose it is.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::Rs256 { .. } => Algorithm::Rs256,
            Self::Es256(_) => Algorithm::Es256,
            Self::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// A secret, if it is long enough.
    fn secret(bytes: Vec<u8>) -> Result<Self, KeyError> {
        if bytes.len() < MIN_SECRET {
            return Err(KeyError::ShortSecret);
        }
        // RS256's public key as HS256's secret is what forgers hope for.
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err(KeyError::PublicAsSecret);
        }
        Ok(Self::Hs256(bytes))
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let trim = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        let (modulus, exponent) = (trim(modulus), trim(exponent));
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        let bits = (modulus.len() * 8).saturating_sub(zeros);
        let exponent_fits = exponent.len() <= 4 && exponent != [1];
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits)
            || !odd(&modulus)
            || !odd(&exponent)
            || !exponent_fits
        {
            return Err(KeyError::Rsa);
        }
        Ok(Self::Rs256 { modulus, exponent })
    }

    fn ec(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; 65] = point.try_into().map_err(|_| KeyError::Point)?;
        let material = Self::Es256(point);
        if point[0] == 4 && verify::is_key(&material) { Ok(material) } else { Err(KeyError::Point) }
    }

    fn ed25519(point: &[u8]) -> Result<Self, KeyError> {
        point.try_into().map(Self::EdDsa).map_err(|_| KeyError::Point)
    }

    /// A public key in DER, which says itself what it is.
    fn public(der: &[u8]) -> Result<Self, KeyError> {
        type Info<'a> = spki::SubjectPublicKeyInfo<spki::der::AnyRef<'a>, BitStringRef<'a>>;
        let info = Info::from_der(der).map_err(|_| KeyError::Der)?;
        let key = info.subject_public_key.as_bytes().ok_or(KeyError::Der)?;
        match info.algorithm.oid {
            RSA => Self::pkcs1(key),
            EC if info.algorithm.parameters_oid() == Ok(P256) => Self::ec(key),
            ED25519 => Self::ed25519(key),
            _ => Err(KeyError::Type),
        }
    }

    /// An RSA key in a DER of its own.
    fn pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let key = pkcs1::RsaPublicKey::<UintRef<'_>>::from_der(der).map_err(|_| KeyError::Der)?;
        Self::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
    }

    fn pem(text: &str) -> Result<Self, KeyError> {
        let label = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
        let (label, _) = label.ok_or(KeyError::Pem)?;
        if label.ends_with("PRIVATE KEY") {
            return Err(KeyError::Private);
        }
        if label == "CERTIFICATE" {
            return Err(KeyError::Certificate);
        }
        let (_, der) = pem_rfc7468::decode_vec(text.as_bytes()).map_err(|_| KeyError::Pem)?;
        match label {
            "PUBLIC KEY" => Self::public(&der),
            "RSA PUBLIC KEY" => Self::pkcs1(&der),
            _ => Err(KeyError::Pem),
        }
    }

    fn read(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let material = if text.starts_with("-----BEGIN") {
            if algorithm == Algorithm::Hs256 {
                return Err(KeyError::PublicAsSecret);
            }
            Self::pem(text)?
        } else if let Some(secret) = text.strip_prefix("text:") {
            if algorithm != Algorithm::Hs256 {
                return Err(KeyError::Form);
            }
            Self::secret(secret.as_bytes().to_vec())?
        } else {
            let bytes = if let Some(digits) = text.strip_prefix("hex:") {
                hexadecimal(digits)
            } else if let Some(digits) = text.strip_prefix("base64:") {
                STANDARD.decode(digits).or_else(|_| URL_SAFE.decode(digits)).ok()
            } else {
                return Err(KeyError::Form);
            };
            let bytes = bytes.ok_or(KeyError::Encoding)?;
            match algorithm {
                Algorithm::Hs256 if Self::public(&bytes).is_ok() => return Err(KeyError::PublicAsSecret),
                Algorithm::Hs256 => Self::secret(bytes)?,
                // Ed25519's keys are often handed on as they are.
                Algorithm::EdDsa if bytes.len() == 32 => Self::ed25519(&bytes)?,
                _ => Self::public(&bytes)?,
            }
        };
        if material.algorithm() == algorithm { Ok(material) } else { Err(KeyError::Type) }
    }
}

impl Key {
    /// Reads a setting: one key, or as many as a JWK set has.
    pub fn read(text: &str) -> Result<Vec<Self>, KeyError> {
        let text = text.trim();
        if text.starts_with('{') {
            return jwk::read(&Json::read(text.as_bytes()).ok_or(KeyError::Jwk)?);
        }
        let (algorithm, mut rest) = word(text);
        let algorithm = Algorithm::configured(algorithm).ok_or(KeyError::Form)?;
        let mut kid = None;
        if let Some(named) = rest.strip_prefix("kid=") {
            let name;
            (name, rest) = word(named);
            kid = Some(named_by(name)?);
        }
        Ok(vec![Self { kid, material: Material::read(algorithm, rest)? }])
    }
}

impl std::fmt::Debug for Key {
    /// Without what it is made of.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.material.algorithm()).field("kid", &self.kid).finish()
    }
}

/// A text's first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn named_by(kid: &str) -> Result<String, KeyError> {
    let fits = !kid.is_empty() && kid.chars().nth(MAX_KID).is_none();
    fits.then(|| kid.to_owned()).ok_or(KeyError::Kid)
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests;
