//! What each slot is to hold: the configuration's part of a generation. Knows nothing of files and of
//! what becomes of a plan.

use std::path::PathBuf;

use crate::domain::Whose;
use crate::sandbox::{SlotName, Terms};

/// One component in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which no other entry of the slot has.
    pub name: String,
    /// The component's name: its file's without the ending.
    pub component: String,
    /// How it is called.
    pub terms: Terms,
    /// On whose cell it decides. Means something to a limiter alone.
    pub whose: Whose,
    /// Where its lines go, where that is not the audit log. Means something to an audit format alone.
    pub file: Option<PathBuf>,
}

/// The entries of each slot in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    slots: [Vec<Entry>; 5],
}

impl Plan {
    /// The entries of each slot, asked for in the order of [`SlotName::ALL`]. Each slot has at least
    /// one, history and agent just one.
    pub fn new(slot: impl FnMut(SlotName) -> Vec<Entry>) -> Self {
        Self { slots: SlotName::ALL.map(slot) }
    }

    /// A slot's entries.
    pub fn entries(&self, slot: SlotName) -> &[Entry] {
        &self.slots[slot as usize]
    }

    /// The files that are needed: a slot and a component's name, each pair once, in the order of a
    /// question's way.
    pub fn files(&self) -> Vec<(SlotName, &str)> {
        let mut files = Vec::new();
        for slot in SlotName::ALL {
            for entry in self.entries(slot) {
                if !files.contains(&(slot, entry.component.as_str())) {
                    files.push((slot, entry.component.as_str()));
                }
            }
        }
        files
    }

    /// The entries of a slot that hold this component, by their place in the slot.
    pub fn holding<'a>(
        &'a self,
        slot: SlotName,
        component: &'a str,
    ) -> impl Iterator<Item = (usize, &'a Entry)> {
        self.entries(slot).iter().enumerate().filter(move |(_, entry)| entry.component == component)
    }
}
