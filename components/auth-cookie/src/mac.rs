//! HMAC as RFC 2104 has it, and a comparison whose time tells nothing. Knows neither keys' origin nor
//! what is signed.

use sha1::digest::core_api::{Block, BlockSizeUser};
use sha1::digest::{Digest, Output};
use subtle::ConstantTimeEq as _;

/// What the key is combined with for the inner hash.
const INNER: u8 = 0x36;

/// The same for the outer one.
const OUTER: u8 = 0x5c;

/// The MAC of `message` with `key`, which may have any length.
pub fn mac<D: Digest + BlockSizeUser>(key: &[u8], message: &[u8]) -> Output<D> {
    let mut block = Block::<D>::default();
    if key.len() <= block.len() {
        block[..key.len()].copy_from_slice(key);
    } else {
        block[..<D as Digest>::output_size()].copy_from_slice(&D::digest(key));
    }
    let padded = |pad: u8| D::new().chain_update(block.iter().map(|byte| byte ^ pad).collect::<Block<D>>());
    let inner = padded(INNER).chain_update(message).finalize();
    padded(OUTER).chain_update(inner).finalize()
}

/// Whether the two are the same; takes as long for any two of one length.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use sha1::Sha1;
    use sha2::{Sha256, Sha512};

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes all");
            hex
        })
    }

    #[test]
    fn the_rfcs_vectors_hold() {
        // RFC 2202, cases 1, 2 and 6: a short key, one of text, and one that is longer than a block.
        let long = [0xaa; 80];
        let longer = "Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(hex(&mac::<Sha1>(&[0x0b; 20], b"Hi There")), "b617318655057264e28bc0b6fb378c8ef146be00");
        assert_eq!(
            hex(&mac::<Sha1>(b"Jefe", b"what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(hex(&mac::<Sha1>(&long, longer.as_bytes())), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
        // RFC 4231, cases 2 and 6.
        let long = [0xaa; 131];
        assert_eq!(
            hex(&mac::<Sha256>(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&mac::<Sha256>(&long, longer.as_bytes())),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        assert_eq!(
            hex(&mac::<Sha512>(&long, longer.as_bytes())),
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
        );
    }

    #[test]
    fn a_key_of_one_block_is_not_hashed_and_one_byte_more_is() {
        let block = mac::<Sha256>(&[7; 64], b"m");
        let hashed = mac::<Sha256>(&Sha256::digest([7; 64]), b"m");
        assert_ne!(block, hashed);
        assert_eq!(mac::<Sha256>(&[7; 65], b"m"), mac::<Sha256>(&Sha256::digest([7; 65]), b"m"));
    }

    #[test]
    fn only_the_same_is_the_same() {
        assert!(same(b"", b"") && same(b"ab", b"ab"));
        assert!(!same(b"ab", b"aB") && !same(b"ab", b"a") && !same(b"", b"a"));
    }
}
