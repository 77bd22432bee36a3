//! What a slot asks of a file before anything of it is compiled: a signature by a listed key, a digest
//! that is pinned. Knows no file names: where a pinned file lies is the shelf's.

use super::package::Digest;
use super::signature::{self, PublicKey, SignatureError};
use super::world::SlotName;

/// What a slot asks of a component's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Whose signatures count.
    pub keys: Vec<PublicKey>,
    /// Whether one of them must be there.
    pub required: bool,
    /// The digests that may serve; none for any.
    pub pins: Vec<Digest>,
}

/// Why a file is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Another digest than those that are pinned.
    #[error(
        "it has the digest {found}, and `{slot}.digest` in the configuration pins {pinned}; put the pinned \
         component into the components folder, under any name, or change the pin"
    )]
    Pinned {
        /// The slot.
        slot: SlotName,
        /// The file's digest.
        found: Digest,
        /// Those that may serve.
        pinned: String,
    },
    /// Nobody signed it.
    #[error(
        "it carries no signature, and `signing.required` in the configuration asks for one in the slot \
         `{slot}`; `overlord component sign` makes one"
    )]
    Unsigned {
        /// The slot.
        slot: SlotName,
    },
    /// Somebody unknown signed it.
    #[error(
        "it is signed by {signers}, and none of them is in `signing.keys` of the configuration, as \
         `signing.required` asks for in the slot `{slot}`"
    )]
    Strangers {
        /// The slot.
        slot: SlotName,
        /// Their keys.
        signers: String,
    },
    /// What it carries is no signature of these bytes.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Trust {
    /// Whether a file of this digest may serve, as far as pins go.
    pub fn pinned(&self, digest: Digest) -> bool {
        self.pins.is_empty() || self.pins.contains(&digest)
    }

    /// Refuses what the slot does not ask for. Costs nothing where it asks for nothing.
    pub fn check(&self, slot: SlotName, digest: Digest, bytes: &[u8]) -> Result<(), TrustError> {
        if !self.pinned(digest) {
            let pins: Vec<_> = self.pins.iter().map(Digest::to_string).collect();
            return Err(TrustError::Pinned { slot, found: digest, pinned: pins.join(" or ") });
        }
        if !self.required {
            return Ok(());
        }
        let signers = signature::signers(bytes)?;
        if signers.count() == 0 {
            return Err(TrustError::Unsigned { slot });
        }
        match signers.known(&self.keys) {
            Some(_) => Ok(()),
            None => Err(TrustError::Strangers { slot, signers: signers.shown(&[]).join(", ") }),
        }
    }
}
