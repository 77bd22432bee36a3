//! What a recording holds, before anything is made again: which entries, which components, from when to
//! when. Reads every line and keeps none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::capability::decisions::{Reading, ReadingError, Slot};

/// What was found for each entry from a time on.
#[derive(Debug, Default)]
pub struct Survey {
    /// By the entry's name.
    pub entries: BTreeMap<String, Recorded>,
    /// The time of the newest decision at all, whatever the window; none where nothing is recorded.
    pub newest: Option<u64>,
    /// Lines that cannot be read.
    pub unreadable: u64,
}

/// What is recorded of an entry.
#[derive(Debug, Default)]
pub struct Recorded {
    /// How many decisions.
    pub decisions: u64,
    /// The time of the first, in milliseconds since the Unix epoch.
    pub first_at: u64,
    /// The time of the last.
    pub last_at: u64,
    /// The number of the last.
    pub last: u64,
    /// The component that made the last one, and its digest.
    pub component: String,
    /// Its digest.
    pub digest: String,
    /// How many different components made them.
    pub digests: BTreeSet<String>,
    /// The keyed hash of the settings of the last one.
    pub settings: String,
}

/// What of a line is looked at.
#[derive(Deserialize)]
struct Head<'a> {
    number: u64,
    at: u64,
    #[serde(borrow)]
    entry: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    component: std::borrow::Cow<'a, str>,
    digest: &'a str,
    settings: &'a str,
}

/// Looks through a slot's recording from `since` on, in milliseconds since the Unix epoch.
pub fn survey(folder: &Path, slot: Slot, since: u64) -> Result<Survey, ReadingError> {
    let mut found = Survey::default();
    let mut reading = Reading::open(folder, slot, 0)?;
    while let Some(line) = reading.next_line()? {
        let Ok(head) = serde_json::from_slice::<Head<'_>>(line) else {
            found.unreadable += 1;
            continue;
        };
        found.newest = found.newest.max(Some(head.at));
        if head.at < since {
            continue;
        }
        if !found.entries.contains_key(head.entry.as_ref()) {
            let first = Recorded { first_at: head.at, ..Recorded::default() };
            found.entries.insert(head.entry.to_string(), first);
        }
        let recorded = found.entries.get_mut(head.entry.as_ref()).expect("put there above");
        recorded.decisions += 1;
        recorded.last_at = head.at;
        recorded.last = head.number;
        if recorded.digest != head.digest {
            recorded.component = head.component.to_string();
            head.digest.clone_into(&mut recorded.digest);
            recorded.digests.insert(head.digest.to_owned());
        }
        if recorded.settings != head.settings {
            head.settings.clone_into(&mut recorded.settings);
        }
    }
    Ok(found)
}
