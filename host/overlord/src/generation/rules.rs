//! A generation as the stages use it: the policies of all slots, those of a chain in their order. Knows
//! what it is made of; knows nothing of files and of what comes before and after it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwapOption;

use super::Alive;
use super::candidate::Candidate;
use super::journal::{Member, cells_of};
use super::plan::Plan;
use super::shadow::Shadow;
use crate::capability::state::{CellKey, Space, Spaces};
use crate::domain::{Principal, Whose};
use crate::sandbox::package::Digest;
use crate::sandbox::{Agent, Audit, Auth, History, Limit, Policy, SlotName, Tally};

/// All rules of the house at one time.
#[derive(Debug)]
pub struct Generation {
    /// Counted from 1 since the host started.
    pub number: u64,
    /// Who is asking? At least one.
    pub auth: Vec<AuthEntry>,
    /// May they ask now? At least one.
    pub limit: Vec<LimitEntry>,
    /// What was said?
    pub history: Arc<Policy<History>>,
    /// How is it written down? At least one.
    pub audit: Vec<AuditEntry>,
    /// How is the program driven?
    pub agent: Arc<Policy<Agent>>,
    /// What another generation would decide is compared here, while it is.
    shadow: ArcSwapOption<Shadow>,
    _alive: Alive,
}

/// The entries of those slots that may hold several.
#[derive(Debug, Clone)]
pub struct Chains {
    /// Who is asking?
    pub auth: Vec<AuthEntry>,
    /// May they ask now?
    pub limit: Vec<LimitEntry>,
    /// How is it written down?
    pub audit: Vec<AuditEntry>,
}

/// One of those that are asked who somebody is.
#[derive(Debug, Clone)]
pub struct AuthEntry {
    /// Its name in the slot.
    pub name: Arc<str>,
    /// What is asked.
    pub policy: Arc<Policy<Auth>>,
}

/// One of those that are asked whether somebody may ask.
#[derive(Debug, Clone)]
pub struct LimitEntry {
    /// Its name in the slot.
    pub name: Arc<str>,
    /// What is asked.
    pub policy: Arc<Policy<Limit>>,
    /// On whose cell it decides.
    pub whose: Whose,
    /// Under which name its cells lie.
    pub cells: Arc<str>,
    /// Where they lie.
    pub spaces: Spaces,
}

impl LimitEntry {
    /// The cell on which it decides about a caller; none where the caller has no part in one.
    pub fn key(&self, caller: &Principal) -> Option<CellKey> {
        Some(CellKey {
            spaces: Arc::clone(&self.spaces),
            entry: Arc::clone(&self.cells),
            whose: self.whose.key(caller)?,
        })
    }
}

/// One of those that write down what happens.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Its name in the slot.
    pub name: Arc<str>,
    /// What formats.
    pub policy: Arc<Policy<Audit>>,
    /// Where its lines go; none for the audit log.
    pub file: Option<PathBuf>,
}

/// What serves in one place, as it is told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The slot.
    pub slot: SlotName,
    /// The entry's name.
    pub entry: String,
    /// The component's name.
    pub component: String,
    /// What its file hashed to.
    pub digest: Digest,
}

impl Chains {
    /// What the component of an entry has done so far.
    pub(super) fn tally(&self, slot: SlotName, entry: &str) -> Option<&Arc<Tally>> {
        match slot {
            SlotName::Auth => self.auth.iter().find(|known| *known.name == *entry).map(|e| e.policy.tally()),
            SlotName::Limit => {
                self.limit.iter().find(|known| *known.name == *entry).map(|e| e.policy.tally())
            }
            SlotName::Audit => {
                self.audit.iter().find(|known| *known.name == *entry).map(|e| e.policy.tally())
            }
            SlotName::History | SlotName::Agent => None,
        }
    }
}

impl Generation {
    /// The generation of this number; `candidate` gives the policy of each entry of the plan, by its
    /// slot and its place there, and where its cells lie. None where one is missing or of another slot.
    pub(super) fn assemble(
        number: u64,
        plan: &Plan,
        alive: &Arc<AtomicUsize>,
        mut candidate: impl FnMut(SlotName, usize) -> Option<(Candidate, Spaces)>,
    ) -> Option<Self> {
        let (mut auth, mut limit, mut history, mut audit, mut agent) = (vec![], vec![], None, vec![], None);
        for slot in SlotName::ALL {
            for (place, entry) in plan.entries(slot).iter().enumerate() {
                let name = Arc::from(entry.name.as_str());
                let (candidate, spaces) = candidate(slot, place)?;
                match (slot, candidate) {
                    (SlotName::Auth, Candidate::Auth(policy)) => auth.push(AuthEntry { name, policy }),
                    (SlotName::Limit, Candidate::Limit(policy)) => {
                        let cells = cells_of(&entry.name, &entry.component).into();
                        limit.push(LimitEntry { name, policy, whose: entry.whose.clone(), cells, spaces });
                    }
                    (SlotName::History, Candidate::History(policy)) => history = Some(policy),
                    (SlotName::Audit, Candidate::Audit(policy)) => {
                        audit.push(AuditEntry { name, policy, file: entry.file.clone() });
                    }
                    (SlotName::Agent, Candidate::Agent(policy)) => agent = Some(policy),
                    _ => return None,
                }
            }
        }
        let whole = !auth.is_empty() && !limit.is_empty() && !audit.is_empty();
        whole.then_some(Self {
            number,
            auth,
            limit,
            history: history?,
            audit,
            agent: agent?,
            shadow: ArcSwapOption::empty(),
            _alive: Alive::one_more(alive),
        })
    }

    /// What serves in one place of a slot, as a candidate for the next generation, and where its cells
    /// lie.
    pub(super) fn held(&self, slot: SlotName, place: usize) -> Option<(Candidate, Spaces)> {
        let nowhere = Spaces::from([]);
        Some(match slot {
            SlotName::Auth => (Candidate::Auth(Arc::clone(&self.auth.get(place)?.policy)), nowhere),
            SlotName::Limit => {
                let entry = self.limit.get(place)?;
                (Candidate::Limit(Arc::clone(&entry.policy)), Arc::clone(&entry.spaces))
            }
            SlotName::History => (Candidate::History(Arc::clone(&self.history)), nowhere),
            SlotName::Audit => (Candidate::Audit(Arc::clone(&self.audit.get(place)?.policy)), nowhere),
            SlotName::Agent => (Candidate::Agent(Arc::clone(&self.agent)), nowhere),
        })
    }

    /// What is compared with it, if anything is.
    pub fn shadow(&self) -> arc_swap::Guard<Option<Arc<Shadow>>> {
        self.shadow.load()
    }

    /// Has something compared with it, or nothing any more.
    pub(super) fn compare(&self, shadow: Option<Arc<Shadow>>) {
        self.shadow.store(shadow);
    }

    /// Whether it asks the same policies as another one who somebody is.
    pub fn asks_who_as(&self, other: &Self) -> bool {
        self.auth.len() == other.auth.len()
            && self
                .auth
                .iter()
                .zip(&other.auth)
                .all(|(one, another)| Arc::ptr_eq(&one.policy, &another.policy))
    }

    /// The entries of the slots that may hold several.
    pub(super) fn chains(&self) -> Chains {
        Chains { auth: self.auth.clone(), limit: self.limit.clone(), audit: self.audit.clone() }
    }

    /// What its components have done so far, each once.
    pub fn tallies(&self) -> Vec<Arc<Tally>> {
        let auth = self.auth.iter().map(|entry| entry.policy.tally());
        let limit = self.limit.iter().map(|entry| entry.policy.tally());
        let audit = self.audit.iter().map(|entry| entry.policy.tally());
        let mut all: Vec<Arc<Tally>> = Vec::new();
        for tally in auth.chain(limit).chain(audit).chain([self.history.tally(), self.agent.tally()]) {
            if !all.iter().any(|known| Arc::ptr_eq(known, tally)) {
                all.push(Arc::clone(tally));
            }
        }
        all
    }

    /// What it consists of, as the journal keeps it.
    pub(super) fn members(&self) -> Vec<Member> {
        let spaces = |serving: &Serving| -> Vec<Space> {
            let limit = self.limit.iter().filter(|_| serving.slot == SlotName::Limit);
            let found = limit.into_iter().find(|entry| *entry.name == serving.entry);
            found.map_or_else(Vec::new, |entry| entry.spaces.to_vec())
        };
        let member = |serving: Serving| Member {
            spaces: spaces(&serving),
            slot: serving.slot,
            entry: serving.entry,
            component: serving.component,
            digest: serving.digest,
        };
        self.serving().into_iter().map(member).collect()
    }

    /// All that serves, in the order of a question's way.
    pub fn serving(&self) -> Vec<Serving> {
        let auth = self.auth.iter().map(|entry| of(&entry.name, &entry.policy));
        let limit = self.limit.iter().map(|entry| of(&entry.name, &entry.policy));
        let audit = self.audit.iter().map(|entry| of(&entry.name, &entry.policy));
        auth.chain(limit)
            .chain([of(self.history.name(), &self.history)])
            .chain(audit)
            .chain([of(self.agent.name(), &self.agent)])
            .collect()
    }
}

fn of<W: crate::sandbox::World>(entry: &str, policy: &Policy<W>) -> Serving {
    Serving {
        slot: W::SLOT,
        entry: entry.to_owned(),
        component: policy.name().to_owned(),
        digest: policy.digest(),
    }
}

impl std::fmt::Display for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.entry != self.component {
            write!(f, "{}:", self.entry)?;
        }
        write!(f, "{}@{}", self.component, self.digest.short())
    }
}
