//! Whether a key made a signature. Knows nothing of tokens.
//!
//! RS256 and ES256 are checked in the component alone: what checks them would have wasmtime built twice
//! (see the workspace's Cargo.toml). Natively nothing of theirs is genuine; the contract tests show
//! that in the component what is genuine is.

use crate::keys::Material;

/// Whether the signature is this key's, by this key's algorithm and no other.
pub fn genuine(material: &Material, signed: &[u8], signature: &[u8]) -> bool {
    match material {
        Material::Hs256(secret) => {
            signature.try_into().is_ok_and(|mac: &[u8; 32]| hmac_sha256::HMAC::verify(signed, secret, mac))
        }
        Material::EdDsa(point) => {
            let key = ed25519_compact::PublicKey::new(*point);
            ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
        }
        Material::Rs256 { modulus, exponent } => asymmetric::rs256(modulus, exponent, signed, signature),
        Material::Es256(point) => asymmetric::es256(point, signed, signature),
    }
}

/// Whether it is a key at all: a point that is not on the curve is none.
pub fn is_key(material: &Material) -> bool {
    match material {
        Material::Es256(point) => asymmetric::on_curve(point),
        Material::Hs256(_) | Material::Rs256 { .. } | Material::EdDsa(_) => true,
    }
}

#[cfg(target_arch = "wasm32")]
mod asymmetric {
    use p256::ecdsa::signature::Verifier as _;
    use p256::ecdsa::{Signature, VerifyingKey};
    use rsa::sha2::{Digest as _, Sha256};
    use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey};

    pub(super) fn rs256(modulus: &[u8], exponent: &[u8], signed: &[u8], signature: &[u8]) -> bool {
        let number = BoxedUint::from_be_slice_vartime;
        PublicKey::new(number(modulus), number(exponent)).is_ok_and(|key| {
            key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(signed), signature).is_ok()
        })
    }

    pub(super) fn es256(point: &[u8; 65], signed: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_sec1_bytes(point) else { return false };
        Signature::from_slice(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
    }

    pub(super) fn on_curve(point: &[u8; 65]) -> bool {
        VerifyingKey::from_sec1_bytes(point).is_ok()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod asymmetric {
    pub(super) fn rs256(_: &[u8], _: &[u8], _: &[u8], _: &[u8]) -> bool {
        false
    }

    pub(super) fn es256(_: &[u8; 65], _: &[u8], _: &[u8]) -> bool {
        false
    }

    pub(super) fn on_curve(_: &[u8; 65]) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn rfc_4231s_mac_is_genuine_and_a_shorter_one_is_not() {
        let key = Material::Hs256(b"Jefe".to_vec());
        let mac = bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(genuine(&key, b"what do ya want for nothing?", &mac));
        assert!(!genuine(&key, b"what do ya want for nothing!", &mac));
        assert!(!genuine(&key, b"what do ya want for nothing?", &mac[..31]));
        assert!(!genuine(&key, b"what do ya want for nothing?", &[]));
    }

    #[test]
    fn rfc_8032s_signature_is_genuine_and_another_is_not() {
        let point = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let key = Material::EdDsa(point.try_into().expect("32 bytes"));
        let mut signature = bytes(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        );
        assert!(genuine(&key, b"", &signature));
        assert!(!genuine(&key, b"x", &signature));
        signature[63] ^= 0x10;
        assert!(!genuine(&key, b"", &signature));
    }

    #[test]
    fn a_key_that_everybody_can_sign_for_signs_nothing() {
        // The identity, and a point of order 4: with either, a signature of zeros would fit.
        for point in [[&[1][..], &[0; 31]].concat(), vec![0; 32]] {
            let key = Material::EdDsa(point.clone().try_into().expect("32 bytes"));
            let signature = [point, vec![0; 32]].concat();
            assert!(!genuine(&key, b"anything", &signature));
        }
    }
}
