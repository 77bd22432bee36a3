//! A generation as the stages use it: the policies of all slots, those of a chain in their order. Knows
//! what it is made of; knows nothing of files and of what comes before and after it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::Alive;
use super::candidate::Candidate;
use super::plan::Plan;
use crate::domain::Whose;
use crate::sandbox::package::Digest;
use crate::sandbox::{Agent, Audit, Auth, History, Limit, Policy, SlotName};

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
    pub(super) _alive: Alive,
}

/// One of those that are asked who somebody is.
#[derive(Debug, Clone)]
pub struct AuthEntry {
    /// Its name in the slot.
    pub name: String,
    /// What is asked.
    pub policy: Arc<Policy<Auth>>,
}

/// One of those that are asked whether somebody may ask.
#[derive(Debug, Clone)]
pub struct LimitEntry {
    /// Its name in the slot, by which its cells are kept.
    pub name: String,
    /// What is asked.
    pub policy: Arc<Policy<Limit>>,
    /// On whose cell it decides.
    pub whose: Whose,
}

/// One of those that write down what happens.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Its name in the slot.
    pub name: String,
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

impl Generation {
    /// The generation of this number; `candidate` gives the policy of each entry of the plan, by its
    /// slot and its place there. None where one is missing or of another slot.
    pub(super) fn assemble(
        number: u64,
        plan: &Plan,
        alive: &Arc<AtomicUsize>,
        mut candidate: impl FnMut(SlotName, usize) -> Option<Candidate>,
    ) -> Option<Self> {
        let (mut auth, mut limit, mut history, mut audit, mut agent) = (vec![], vec![], None, vec![], None);
        for slot in SlotName::ALL {
            for (place, entry) in plan.entries(slot).iter().enumerate() {
                let name = entry.name.clone();
                match (slot, candidate(slot, place)?) {
                    (SlotName::Auth, Candidate::Auth(policy)) => auth.push(AuthEntry { name, policy }),
                    (SlotName::Limit, Candidate::Limit(policy)) => {
                        limit.push(LimitEntry { name, policy, whose: entry.whose.clone() });
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
            _alive: Alive::one_more(alive),
        })
    }

    /// What serves in one place of a slot, as a candidate for the next generation.
    pub(super) fn held(&self, slot: SlotName, place: usize) -> Option<Candidate> {
        Some(match slot {
            SlotName::Auth => Candidate::Auth(Arc::clone(&self.auth.get(place)?.policy)),
            SlotName::Limit => Candidate::Limit(Arc::clone(&self.limit.get(place)?.policy)),
            SlotName::History => Candidate::History(Arc::clone(&self.history)),
            SlotName::Audit => Candidate::Audit(Arc::clone(&self.audit.get(place)?.policy)),
            SlotName::Agent => Candidate::Agent(Arc::clone(&self.agent)),
        })
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

    /// What the file of a slot's component hashed to, in each entry that holds it.
    pub fn digests(&self, slot: SlotName, component: &str) -> Vec<Digest> {
        let ours = |serving: &Serving| serving.slot == slot && serving.component == component;
        self.serving().into_iter().filter(ours).map(|serving| serving.digest).collect()
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
