//! Which rules stand where: what serves, what may serve next, what has served and what may not. Plain
//! values as they are told to administrators; owns no change of them.

use serde::{Deserialize, Serialize};

use super::canary::percent_of;
use super::journal::{Member, Record};
use super::publish::Publishing;
use crate::sandbox::SlotName;
use crate::sandbox::package::Digest;

/// All that there is to know of the rules at one time. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The generation that serves.
    pub serving: Served,
    /// What may serve next.
    pub candidate: Option<Proposed>,
    /// What has served, newest first, as far back as it can be brought back.
    pub previous: Vec<Served>,
    /// What may not serve.
    pub quarantined: Vec<Quarantined>,
    /// How many generations are alive: the one that serves, the candidate, and those that requests hold.
    pub alive: usize,
}

impl Standing {
    /// What there is to know. `alive`: how many generations are.
    pub(super) fn of(publishing: &Publishing, alive: usize) -> Self {
        let journal = &publishing.journal;
        let entry = |member: &Member| StandingEntry {
            slot: member.slot,
            entry: member.entry.clone(),
            component: member.component.clone(),
            digest: member.digest,
            loaded: publishing.loaded.get(&member.digest).copied().unwrap_or_default(),
        };
        let served = |record: &Record| Served {
            number: record.number,
            since: record.since,
            until: record.until,
            by: record.by.clone(),
            why: record.why.clone(),
            entries: record.members.iter().map(entry).collect(),
        };
        let candidate = journal.candidate.as_ref().zip(publishing.trial.as_ref()).map(|(record, trial)| {
            let seen = trial.shadow.as_ref().map(|shadow| shadow.seen());
            Proposed {
                stage: record.stage,
                percent: percent_of(record.share),
                since: record.since,
                by: record.by.clone(),
                entries: trial.generation.members().iter().map(entry).collect(),
                changed: record
                    .changed
                    .iter()
                    .map(|member| format!("{}/{}", member.slot, member.entry))
                    .collect(),
                compared: seen.map_or(0, |seen| seen.compared()),
                diverged: seen.map_or(0, |seen| seen.diverged()),
                dropped: seen.map_or(0, |seen| seen.dropped()),
            }
        });
        Self {
            serving: served(journal.serving.as_ref().expect("something serves")),
            candidate,
            previous: journal.previous.iter().map(served).collect(),
            quarantined: journal.quarantined.clone(),
            alive,
        }
    }
}

/// A generation that serves or has served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Counts up with each activation.
    pub number: u64,
    /// Since when it serves or served.
    pub since: u64,
    /// Until when it served; none for the one that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Who made it serve: an [`Actor`](crate::domain::Actor) as it is written down.
    pub by: String,
    /// Why, in a few words.
    pub why: String,
    /// What it is made of, in the order of a question's way.
    pub entries: Vec<StandingEntry>,
}

/// One component in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingEntry {
    /// Its slot.
    pub slot: SlotName,
    /// Its name, unique in the slot.
    pub entry: String,
    /// The component's name.
    pub component: String,
    /// What its file hashed to.
    pub digest: Digest,
    /// When it was loaded.
    pub loaded: u64,
}

/// How far a candidate has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It may serve, and is asked nothing.
    Loaded,
    /// It is asked beside what serves, and only compared.
    Shadow,
    /// It serves a share of the callers.
    Canary,
}

/// What may serve next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// How far it has come.
    pub stage: Stage,
    /// The share of the callers that it serves, in a canary; 0 before.
    pub percent: f64,
    /// Since when it is at this stage.
    pub since: u64,
    /// Who brought it there.
    pub by: String,
    /// All of its entries.
    pub entries: Vec<StandingEntry>,
    /// Which of them differ from what serves, as `slot/entry`.
    pub changed: Vec<String>,
    /// How many of its decisions were compared.
    pub compared: u64,
    /// How many of these came out otherwise.
    pub diverged: u64,
    /// How many were not compared, since the host had other things to do.
    pub dropped: u64,
}

/// What may not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// What its file hashes to.
    pub digest: Digest,
    /// Where it served, if it did.
    pub slot: Option<SlotName>,
    /// What it was called there.
    pub component: Option<String>,
    /// Since when.
    pub at: u64,
    /// Who put it there.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A decision that the candidate made otherwise than what serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// When.
    pub at: u64,
    /// In which slot.
    pub slot: SlotName,
    /// Of which entry.
    pub entry: String,
    /// About whom, where it was about somebody.
    pub user: Option<String>,
    /// What the one that serves said, in one line.
    pub serving: String,
    /// What the candidate said.
    pub candidate: String,
}

/// Why the rules were not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Not as things stand: what would have to be otherwise.
    #[error("{0}")]
    NotNow(String),
    /// What was given may not serve, or is out of bounds.
    #[error("{0}")]
    NotGood(String),
    /// There is nothing of that name or number.
    #[error("{0}")]
    Unknown(String),
    /// Something of the host's own is broken.
    #[error("{0}")]
    Broken(String),
}
