//! Which files may serve: whose signatures count, where one must be, which digests are pinned. Checks no
//! file.

use super::keys::Key;
use super::read::Reader;
use super::values::Raw;
use crate::sandbox::SlotName;
use crate::sandbox::package::Digest;
use crate::sandbox::signature::PublicKey;

/// The most keys that are listed: each signature of a file is compared with them.
const KEYS_MAX: usize = 32;

/// The most digests that are pinned for one slot: what serves, and what it may be rolled back to.
pub(super) const PINS_MAX: usize = 32;

/// The word that stands for every slot.
const ALL: &str = "all";

/// Which files may serve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SigningConfig {
    /// Whose signatures count.
    pub keys: Vec<PublicKey>,
    /// In which slots one of them must be there.
    pub required: Vec<SlotName>,
    /// For each slot the digests that may serve, none for any; in the order of [`SlotName::ALL`].
    pins: [Vec<Digest>; 5],
}

impl SigningConfig {
    /// The digests that may serve in a slot; none for any.
    pub fn pins(&self, slot: SlotName) -> &[Digest] {
        &self.pins[slot as usize]
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let config = Self {
            keys: reader.read("signing.keys", Vec::new(), |raw| {
                raw.list(|_| true)?.iter().map(|text| PublicKey::parse(text).ok()).collect()
            }),
            required: reader.read("signing.required", Vec::new(), slots),
            pins: SlotName::ALL.map(|slot| reader.read(pin_of(slot), Vec::new(), digests)),
        };
        config.check(reader);
        config
    }

    fn check(&self, reader: &mut Reader<'_>) {
        if self.keys.len() > KEYS_MAX {
            let reason = format!("signing.keys has {} keys, and {KEYS_MAX} are allowed", self.keys.len());
            reader.refuse("signing.keys", reason, "list those that are in use".to_owned());
        }
        let twice = |(place, key): (usize, &PublicKey)| {
            self.keys[..place].iter().any(|other| other.name() == key.name()).then(|| key.name().to_owned())
        };
        if let Some(name) = self.keys.iter().enumerate().find_map(twice) {
            let reason = format!("signing.keys has two keys of the name {name:?}");
            reader.refuse("signing.keys", reason, "give each a name of its own".to_owned());
        }
        if self.keys.is_empty() && !self.required.is_empty() && reader.sound(&["signing.keys"]) {
            let reason = "signing.required asks for signatures, and signing.keys names no key".to_owned();
            let way_out = "list the public keys, or leave out signing.required".to_owned();
            reader.refuse("signing.required", reason, way_out);
        }
        for slot in SlotName::ALL {
            let count = self.pins(slot).len();
            if count > PINS_MAX {
                let reason = format!("{} has {count} digests, and {PINS_MAX} are allowed", pin_of(slot));
                reader.refuse(pin_of(slot), reason, "pin those that may serve".to_owned());
            }
        }
    }
}

fn pin_of(slot: SlotName) -> &'static str {
    Key::find(&format!("{slot}.digest")).map(|key| key.path).expect("the table has a pin for each slot")
}

/// One text or a list of them.
fn texts(raw: &Raw) -> Option<Vec<String>> {
    match raw {
        Raw::Text(text) => Some(vec![text.clone()]),
        raw => raw.list(|_| true),
    }
}

fn slots(raw: &Raw) -> Option<Vec<SlotName>> {
    let words = texts(raw)?;
    if words == [ALL] {
        return Some(SlotName::ALL.into());
    }
    let meant = |word: &String| SlotName::ALL.into_iter().find(|slot| slot.as_str() == word);
    let mut slots: Vec<_> = words.iter().map(meant).collect::<Option<_>>()?;
    slots.sort();
    slots.dedup();
    Some(slots)
}

/// One digest or a list of them.
pub(super) fn digests(raw: &Raw) -> Option<Vec<Digest>> {
    texts(raw)?.iter().map(|text| Digest::parse(&text.to_ascii_lowercase())).collect()
}
