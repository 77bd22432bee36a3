//! What the state keeps of the rules: which generation serves, which served before it, which candidate
//! is being tried, what may never serve. One JSON document, replaced as a whole in one commit: after a
//! power cut it is the old one or the new one. Holds no component; those lie by their digest in
//! [`super::kept`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::standing::{Quarantined, Stage};
use crate::capability::state::{Change, Settle, Space, Spaces, State, StateError};
use crate::sandbox::SlotName;
use crate::sandbox::package::Digest;

/// How many quarantined digests are remembered; the oldest are forgotten. A person put each of them
/// right one day, or built another component.
const QUARANTINED_MAX: usize = 1000;

/// All that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The last generation's number.
    pub numbered: u64,
    /// The last space of cells that was given out.
    pub spaced: Space,
    /// What serves; none before the first start.
    pub serving: Option<Record>,
    /// What served, the last one first.
    pub previous: Vec<Record>,
    /// What is being tried.
    pub candidate: Option<TrialRecord>,
    /// What may not serve, the last one first.
    pub quarantined: Vec<Quarantined>,
    /// What each component's file was when it was last heeded: only a file that is another one is a
    /// wish to change something.
    pub seen: BTreeMap<String, Digest>,
}

/// A generation that serves or served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub number: u64,
    /// Since when it serves, in milliseconds since the Unix epoch.
    pub since: u64,
    /// Until when it served.
    pub until: Option<u64>,
    /// Who made it serve.
    pub by: String,
    /// Why.
    pub why: String,
    /// What it consists of.
    pub members: Vec<Member>,
    /// What it was to hold, settings and all, as far as this host has seen it: settings may be secrets and
    /// are not kept.
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
}

/// One entry of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its slot.
    pub slot: SlotName,
    /// Its name.
    pub entry: String,
    /// Its component's name.
    pub component: String,
    /// Its component's bytes.
    pub digest: Digest,
    /// Where its cells are, the newest space first; empty for what has no cells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<Space>,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// How far it has come.
    pub stage: Stage,
    /// The share of the callers that it serves, in hundredths of a per cent.
    pub share: u32,
    /// Since when it is at this stage, in milliseconds since the Unix epoch.
    pub since: u64,
    /// Who brought it there.
    pub by: String,
    /// What in it differs from what serves.
    pub changed: Vec<Member>,
}

impl Record {
    /// Whether both are the same rules, whenever they served.
    fn is_as(&self, other: &Self) -> bool {
        let planned = match (&self.plan, &other.plan) {
            (Some(one), Some(another)) => one == another,
            // Of settings that no host remembers nothing can be brought back.
            _ => true,
        };
        planned && self.members == other.members
    }
}

impl Member {
    /// The name under which its cells lie: no other component's.
    pub fn cells(&self) -> String {
        cells_of(&self.entry, &self.component)
    }
}

/// The name under which the cells of a component in an entry lie.
pub fn cells_of(entry: &str, component: &str) -> String {
    if entry == component { component.to_owned() } else { format!("{entry}:{component}") }
}

impl Journal {
    /// Reads what an earlier host kept; a fresh one at the first start.
    pub fn read(state: &State) -> Result<Self, StateError> {
        let Some(json) = state.rules()? else { return Ok(Self::default()) };
        serde_json::from_str(&json).map_err(|error| {
            StateError::Broken(
                "state.redb".to_owned(),
                format!("its record of the rules cannot be read: {error}"),
            )
        })
    }

    /// Keeps it; on disk when this returns.
    pub async fn keep(&self, state: &State) -> Result<(), StateError> {
        let json = serde_json::to_string(self).expect("text and numbers are JSON");
        state.write(Change { rules: Some(json), ..Change::default() }).await.map(drop)
    }

    /// A number for one more generation.
    pub fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// A space for one more component.
    pub fn space(&mut self) -> Space {
        self.spaced += 1;
        self.spaced
    }

    /// Why a component may not serve.
    pub fn quarantined(&self, digest: Digest) -> Option<&Quarantined> {
        self.quarantined.iter().find(|known| known.digest == digest)
    }

    /// Puts a component into quarantine; anew where it is there already.
    pub fn quarantine(&mut self, entry: Quarantined) {
        self.quarantined.retain(|known| known.digest != entry.digest);
        self.quarantined.insert(0, entry);
        self.quarantined.truncate(QUARANTINED_MAX);
    }

    /// Lets another generation serve: what serves becomes the last of those before, of which `max` are
    /// remembered, each of them once.
    pub fn serve(&mut self, next: Record, max: usize) {
        let last = self.serving.take().map(|last| Record { until: Some(next.since), ..last });
        if let Some(last) = last {
            self.previous.retain(|known| !known.is_as(&last));
            self.previous.insert(0, last);
        }
        self.previous.retain(|known| !known.is_as(&next));
        self.previous.truncate(max);
        self.serving = Some(next);
    }

    /// The component that serves in an entry, where that is of this name.
    pub fn serving(&self, slot: SlotName, entry: &str, component: &str) -> Option<&Member> {
        let members = &self.serving.as_ref()?.members;
        members.iter().find(|m| m.slot == slot && m.entry == entry && m.component == component)
    }

    /// Every component that may have to serve again.
    pub fn digests(&self) -> BTreeSet<Digest> {
        self.members().map(|member| member.digest).collect()
    }

    /// What is to become of the spaces that hold cells. `held`: where components that still run look,
    /// such as those of a generation that a last request has not left.
    pub fn unsettled(&self, filled: &[Space], held: &[Spaces]) -> Vec<Settle> {
        let mut chains: BTreeMap<String, Vec<&[Space]>> = BTreeMap::new();
        for member in self.members().filter(|member| member.slot == SlotName::Limit) {
            chains.entry(member.cells()).or_default().push(&member.spaces);
        }
        let written = |space| held.iter().any(|spaces| spaces.first() == Some(&space));
        let retained = |space| self.members().any(|member| member.spaces.first() == Some(&space));
        let fate = |&space: &Space| {
            let of_one = chains.values().find(|chains| chains.iter().any(|spaces| spaces.contains(&space)));
            match of_one {
                _ if written(space) && !retained(space) => None,
                None => Some(Settle::Forget(space)),
                Some(all) if all.iter().all(|spaces| spaces.last() == Some(&space)) => {
                    Some(Settle::Keep(space))
                }
                Some(_) => None,
            }
        };
        filled.iter().filter_map(fate).collect()
    }

    /// Nobody need look in a space any longer.
    pub fn settled(&mut self, space: Space) {
        self.look_only_where(|known| known != space);
    }

    /// Nobody need look where nothing is and nobody writes any more; whether there was such a space.
    pub fn forget_empty(&mut self, filled: &[Space], held: &[Spaces]) -> bool {
        let written = self.members().filter_map(|member| member.spaces.first());
        let written = written.chain(held.iter().filter_map(|spaces| spaces.first())).copied();
        let wanted: BTreeSet<Space> = written.chain(filled.iter().copied()).collect();
        self.look_only_where(|space| wanted.contains(&space))
    }

    fn look_only_where(&mut self, wanted: impl Fn(Space) -> bool) -> bool {
        let records =
            self.serving.iter_mut().chain(&mut self.previous).flat_map(|record| &mut record.members);
        let mut changed = false;
        for member in records.chain(self.candidate.iter_mut().flat_map(|trial| &mut trial.changed)) {
            let before = member.spaces.len();
            member.spaces.retain(|&space| wanted(space));
            changed |= member.spaces.len() < before;
        }
        changed
    }

    /// Where a component that comes to serve in a limiter's entry finds what was remembered there: what
    /// serves now, or else what served last under the same names, goes before.
    pub fn lineage(&self, entry: &str, component: &str) -> Option<&Member> {
        let records = self.serving.iter().chain(&self.previous).flat_map(|record| &record.members);
        let mut limits = records.filter(|member| member.slot == SlotName::Limit);
        limits.find(|member| member.entry == entry && member.component == component)
    }

    /// Where a component that is being tried in a limiter's entry writes.
    pub fn tried(&self, entry: &str, component: &str, digest: Digest) -> Option<Space> {
        let mut changed = self.candidate.as_ref()?.changed.iter();
        let member = changed.find(|member| {
            (member.slot, member.digest) == (SlotName::Limit, digest)
                && (member.entry.as_str(), member.component.as_str()) == (entry, component)
        });
        member?.spaces.first().copied()
    }

    fn records(&self) -> impl Iterator<Item = &[Member]> {
        let generations = self.serving.iter().chain(&self.previous).map(|record| record.members.as_slice());
        generations.chain(self.candidate.iter().map(|trial| trial.changed.as_slice()))
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.records().flatten()
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
