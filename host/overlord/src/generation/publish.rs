//! The one place that makes a generation: at the start, when a file has changed, when the
//! configuration has. A candidate that fails changes nothing.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::candidate::{Candidate, CandidateError, Shelf};
use super::{Alive, Current, Generation, Plan};
use crate::sandbox::package::Digest;
use crate::sandbox::{Loader, SlotName, Terms, in_one_line};

/// Makes and publishes generations, one at a time.
#[derive(Debug)]
pub struct Publisher {
    loader: Loader,
    shelf: Shelf,
    current: Current,
    state: Mutex<Publishing>,
}

#[derive(Debug)]
struct Publishing {
    plan: Plan,
    /// What has been refused, so that it is not tried again until the file changes.
    refused: HashSet<(SlotName, Digest)>,
    /// Why a slot's file cannot be read, as it was said, so that it is not said again.
    unreadable: HashMap<SlotName, String>,
}

/// What the start found in the place of a component that may serve.
enum Bad {
    Refused(Digest),
    Unreadable(String),
}

/// Why a host cannot start: for every slot without a policy, why.
#[derive(Debug, thiserror::Error)]
pub struct StartError {
    problems: Vec<(SlotName, String)>,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot start, since not every slot has a component that may serve:")?;
        for (slot, problem) in &self.problems {
            write!(f, "\n  {slot}: {problem}")?;
        }
        f.write_str("\n`make components` builds those that belong to Overlord; `components` (OVERLORD_COMPONENTS) says where they are")
    }
}

/// How often a file that changes while it is read is read again.
const READ_TRIES: u32 = 3;

impl Publisher {
    /// Loads what the plan names and publishes the first generation. A slot whose file is bad is
    /// served by the last good bytes, loudly.
    pub async fn start(loader: Loader, shelf: Shelf, plan: Plan) -> Result<Self, StartError> {
        let slots = SlotName::ALL.map(|slot| first(&loader, &shelf, &plan, slot));
        let mut candidates = Vec::new();
        let mut problems = Vec::new();
        let (mut refused, mut unreadable) = (HashSet::new(), HashMap::new());
        for (slot, outcome) in SlotName::ALL.into_iter().zip(futures_util::future::join_all(slots).await) {
            match outcome {
                Ok((candidate, bad)) => {
                    candidates.push(candidate);
                    match bad {
                        None => {}
                        Some(Bad::Refused(digest)) => {
                            refused.insert((slot, digest));
                        }
                        Some(Bad::Unreadable(why)) => {
                            unreadable.insert(slot, why);
                        }
                    }
                }
                Err(problem) => problems.push((slot, problem)),
            }
        }
        let alive = Arc::new(AtomicUsize::new(0));
        let Some(generation) = assemble(candidates, &alive) else { return Err(StartError { problems }) };
        announce(&generation);
        let current = Current { pointer: Arc::new(ArcSwap::from_pointee(generation)), alive };
        let state = Mutex::new(Publishing { plan, refused, unreadable });
        Ok(Self { loader, shelf, current, state })
    }

    /// The pointer to what serves.
    pub fn current(&self) -> Current {
        self.current.clone()
    }

    /// The folder that holds the components.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The components that some slot holds, by name.
    pub async fn names(&self) -> Vec<String> {
        let state = self.state.lock().await;
        let mut names: Vec<_> =
            SlotName::ALL.map(|slot| state.plan.component(slot).to_owned()).into_iter().collect();
        names.sort();
        names.dedup();
        names
    }

    /// A component's file has changed: tries it in each slot that names it.
    pub async fn file_changed(&self, name: &str) {
        let mut state = self.state.lock().await;
        for slot in SlotName::ALL {
            if state.plan.component(slot) == name {
                let terms = state.plan.terms(slot).clone();
                if let Some(candidate) = self.try_slot(&mut state, slot, name, terms).await {
                    self.publish(candidate);
                }
            }
        }
    }

    /// The configuration has changed: all slots of the new plan, or nothing of it.
    pub async fn plan_changed(&self, plan: Plan) -> Result<(), CandidateError> {
        let mut state = self.state.lock().await;
        if state.plan == plan {
            return Ok(());
        }
        let mut candidates = Vec::new();
        for slot in SlotName::ALL {
            let (name, terms) = (plan.component(slot).to_owned(), plan.terms(slot).clone());
            let taken = self.shelf.take(slot, &name, &terms.trust)?;
            let (candidate, _) = Candidate::load(&self.loader, slot, &name, &taken.bytes, terms)
                .await
                .map_err(|error| CandidateError::Load { path: self.shelf.path(&name), error })?;
            taken.say(slot, &name);
            self.keep(slot, &name, &taken.bytes);
            candidates.push(candidate);
        }
        let mut next = assemble(candidates, &self.current.alive).expect("one candidate for each slot");
        next.number = self.current.pin().number + 1;
        announce(&next);
        self.current.pointer.store(Arc::new(next));
        state.plan = plan;
        state.refused.clear();
        state.unreadable.clear();
        Ok(())
    }

    /// Loads the file of a slot, unless it is what serves or what was refused before.
    async fn try_slot(
        &self,
        state: &mut Publishing,
        slot: SlotName,
        name: &str,
        terms: Terms,
    ) -> Option<Candidate> {
        let current = self.current.pin();
        for _ in 0..READ_TRIES {
            let taken = match self.shelf.take(slot, name, &terms.trust) {
                Ok(taken) => taken,
                Err(error) => {
                    let why = error.to_string();
                    if state.unreadable.get(&slot) != Some(&why) {
                        tracing::warn!("generation {} serves on: {why}", current.number);
                        state.unreadable.insert(slot, why);
                    }
                    return None;
                }
            };
            state.unreadable.remove(&slot);
            let digest = Digest::of(&taken.bytes);
            if digest == current.digest(slot) || state.refused.contains(&(slot, digest)) {
                return None;
            }
            let loaded = Candidate::load(&self.loader, slot, name, &taken.bytes, terms.clone()).await;
            // What was replaced while it was tried is not what the operator wants any more.
            let now = self.shelf.take(slot, name, &terms.trust);
            if now.is_ok_and(|now| Digest::of(&now.bytes) != digest) {
                continue;
            }
            match loaded {
                Ok((candidate, cases)) => {
                    say_cases(name, cases);
                    taken.say(slot, name);
                    self.keep(slot, name, &taken.bytes);
                    return Some(candidate);
                }
                Err(error) => {
                    state.refused.insert((slot, digest));
                    tracing::error!(
                        slot = %slot, component = name, digest = %digest.short(),
                        "{} was not taken, generation {} serves on: {}",
                        self.shelf.path(name).display(), current.number, in_one_line(&error.to_string())
                    );
                    return None;
                }
            }
        }
        tracing::warn!("{} keeps changing; it is tried when it rests", self.shelf.path(name).display());
        None
    }

    fn keep(&self, slot: SlotName, name: &str, bytes: &[u8]) {
        if let Err(error) = self.shelf.keep(slot, name, bytes) {
            tracing::warn!("cannot keep a copy of the {slot} component for a start with a bad file: {error}");
        }
    }

    fn publish(&self, candidate: Candidate) {
        let before = self.current.pin();
        let next = before.replaced(candidate, &self.current.alive);
        announce(&next);
        self.current.pointer.store(Arc::new(next));
    }
}

/// The first policy of a slot, with what is wrong with its file where that does not serve; or why there
/// is none.
async fn first(
    loader: &Loader,
    shelf: &Shelf,
    plan: &Plan,
    slot: SlotName,
) -> Result<(Candidate, Option<Bad>), String> {
    let name = plan.component(slot);
    let bad;
    let problem = match shelf.take(slot, name, &plan.terms(slot).trust) {
        Ok(taken) => {
            match Candidate::load(loader, slot, name, &taken.bytes, plan.terms(slot).clone()).await {
                Ok((candidate, cases)) => {
                    say_cases(name, cases);
                    taken.say(slot, name);
                    if let Err(error) = shelf.keep(slot, name, &taken.bytes) {
                        tracing::warn!("cannot keep a copy of the {slot} component: {error}");
                    }
                    return Ok((candidate, None));
                }
                Err(error) => {
                    bad = Bad::Refused(Digest::of(&taken.bytes));
                    CandidateError::Load { path: shelf.path(name), error }.to_string()
                }
            }
        }
        Err(error) => {
            bad = Bad::Unreadable(error.to_string());
            error.to_string()
        }
    };
    let Some(kept) = shelf.kept(slot, name) else { return Err(problem) };
    match Candidate::load(loader, slot, name, &kept, plan.terms(slot).clone()).await {
        Ok((candidate, _)) => {
            tracing::error!(
                slot = %slot, component = name, digest = %candidate.digest().short(),
                "{problem}; THE LAST GOOD COPY SERVES INSTEAD until the file is mended"
            );
            Ok((candidate, Some(bad)))
        }
        Err(error) => {
            let why = in_one_line(&error.to_string());
            Err(format!("{problem}; the last good copy cannot serve either: {why}"))
        }
    }
}

fn say_cases(name: &str, cases: usize) {
    if cases == 0 {
        tracing::warn!("component {name} carries no cases: nothing was tried but that it starts");
    } else {
        tracing::debug!("component {name}: its {cases} cases hold");
    }
}

fn announce(generation: &Generation) {
    let mut slots = String::new();
    for slot in SlotName::ALL {
        let _ = write!(slots, " {slot}={}@{}", generation.name(slot), generation.digest(slot).short());
    }
    tracing::info!("generation {}{slots}", generation.number);
}

/// The first generation of these; none where a slot has no candidate.
fn assemble(candidates: Vec<Candidate>, alive: &Arc<AtomicUsize>) -> Option<Generation> {
    let (mut auth, mut limit, mut history, mut audit, mut agent) = (None, None, None, None, None);
    for candidate in candidates {
        match candidate {
            Candidate::Auth(policy) => auth = Some(policy),
            Candidate::Limit(policy) => limit = Some(policy),
            Candidate::History(policy) => history = Some(policy),
            Candidate::Audit(policy) => audit = Some(policy),
            Candidate::Agent(policy) => agent = Some(policy),
        }
    }
    Some(Generation {
        number: 1,
        auth: auth?,
        limit: limit?,
        history: history?,
        audit: audit?,
        agent: agent?,
        _alive: Alive::one_more(alive),
    })
}

impl Generation {
    /// What the slot's file hashed to.
    pub fn digest(&self, slot: SlotName) -> Digest {
        match slot {
            SlotName::Auth => self.auth.digest(),
            SlotName::Limit => self.limit.digest(),
            SlotName::History => self.history.digest(),
            SlotName::Audit => self.audit.digest(),
            SlotName::Agent => self.agent.digest(),
        }
    }

    /// The name of the slot's component.
    pub fn name(&self, slot: SlotName) -> &str {
        match slot {
            SlotName::Auth => self.auth.name(),
            SlotName::Limit => self.limit.name(),
            SlotName::History => self.history.name(),
            SlotName::Audit => self.audit.name(),
            SlotName::Agent => self.agent.name(),
        }
    }

    /// The next generation: this one with one slot replaced.
    fn replaced(&self, candidate: Candidate, alive: &Arc<AtomicUsize>) -> Self {
        let mut next = Self {
            number: self.number + 1,
            auth: Arc::clone(&self.auth),
            limit: Arc::clone(&self.limit),
            history: Arc::clone(&self.history),
            audit: Arc::clone(&self.audit),
            agent: Arc::clone(&self.agent),
            _alive: Alive::one_more(alive),
        };
        match candidate {
            Candidate::Auth(policy) => next.auth = policy,
            Candidate::Limit(policy) => next.limit = policy,
            Candidate::History(policy) => next.history = policy,
            Candidate::Audit(policy) => next.audit = policy,
            Candidate::Agent(policy) => next.agent = policy,
        }
        next
    }
}
