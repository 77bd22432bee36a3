//! itsdangerous' signatures: how a key is derived and what a MAC is made of. Knows nothing of what
//! is signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::Sha1;
use sha1::digest::core_api::BlockSizeUser;
use sha1::digest::{Digest as Hash, Output};
use sha2::{Sha256, Sha512};

use crate::mac::{mac, same};

/// What both the key and the MAC are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1, which itsdangerous takes unless told otherwise. As a MAC it is not known to be broken.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the key comes from the secret and the salt; the names are itsdangerous' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivation {
    /// The digest of salt, `signer` and secret.
    DjangoConcat,
    /// The digest of salt and secret.
    Concat,
    /// The MAC of the salt with the secret.
    Hmac,
    /// The secret itself.
    None,
}

/// A way of signing: everything but the secret.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The digest.
    pub digest: Digest,
    /// The derivation.
    pub derivation: Derivation,
    /// What sets signatures apart that are made for different purposes with one secret.
    pub salt: &'a str,
}

impl Signer<'_> {
    /// The signature of `signed` as base64.
    pub fn sign(&self, secret: &str, signed: &[u8]) -> String {
        match self.digest {
            Digest::Sha1 => self.encoded::<Sha1>(secret, signed),
            Digest::Sha256 => self.encoded::<Sha256>(secret, signed),
            Digest::Sha512 => self.encoded::<Sha512>(secret, signed),
        }
    }

    /// Whether `signature`, decoded, is that of `signed`; takes as long for any wrong one.
    pub fn verify(&self, secret: &str, signed: &[u8], signature: &[u8]) -> bool {
        match self.digest {
            Digest::Sha1 => self.verified::<Sha1>(secret, signed, signature),
            Digest::Sha256 => self.verified::<Sha256>(secret, signed, signature),
            Digest::Sha512 => self.verified::<Sha512>(secret, signed, signature),
        }
    }

    fn encoded<D: Hash + BlockSizeUser>(&self, secret: &str, signed: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.signature::<D>(secret, signed))
    }

    fn verified<D: Hash + BlockSizeUser>(&self, secret: &str, signed: &[u8], signature: &[u8]) -> bool {
        same(&self.signature::<D>(secret, signed), signature)
    }

    fn signature<D: Hash + BlockSizeUser>(&self, secret: &str, signed: &[u8]) -> Output<D> {
        match self.derivation {
            Derivation::None => mac::<D>(secret.as_bytes(), signed),
            _ => mac::<D>(&self.key::<D>(secret), signed),
        }
    }

    fn key<D: Hash + BlockSizeUser>(&self, secret: &str) -> Output<D> {
        match self.derivation {
            Derivation::Hmac => mac::<D>(secret.as_bytes(), self.salt.as_bytes()),
            Derivation::DjangoConcat => {
                D::new().chain_update(self.salt).chain_update("signer").chain_update(secret).finalize()
            }
            Derivation::Concat | Derivation::None => {
                D::new().chain_update(self.salt).chain_update(secret).finalize()
            }
        }
    }
}

impl Digest {
    /// How many bytes a signature has.
    pub fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}
