//! The keys that say which files may serve: whose signature they need, and which digests are pinned.

use super::super::keys::{Key, Preset, Shape};

/// In the order in which they are printed; the pins come last in the sections of their slots.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "signing.keys",
        shape: Shape::PublicKeys,
        preset: Preset::Value("[]"),
        original: None,
        about: "The public keys whose signatures count, each as `overlord component keygen` prints it:\n\
                NAME:BASE64.",
    },
    Key {
        path: "signing.required",
        shape: Shape::Slots,
        preset: Preset::Value("[]"),
        original: None,
        about: "The slots whose components must be signed with one of the keys, or \"all\".",
    },
    pin("auth.digest"),
    pin("limit.digest"),
    pin("history.digest"),
    pin("audit.digest"),
    pin("agent.digest"),
];

const fn pin(path: &'static str) -> Key {
    let about = "Where one or several SHA-256 digests stand here, only a component with one of them serves,\n\
                 under whichever name its file lies in the components directory.";
    Key { path, shape: Shape::Digests, preset: Preset::Value("[]"), original: None, about }
}
