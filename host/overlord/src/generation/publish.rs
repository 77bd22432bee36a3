//! The one place that makes a generation: at the start, when a file has changed, when the
//! configuration has. A candidate that fails changes nothing.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::candidate::{Candidate, CandidateError, Shelf};
use super::{Current, Generation, Plan};
use crate::sandbox::package::Digest;
use crate::sandbox::{LoadError, Loader, SlotName, in_one_line};

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
    refused: HashSet<(SlotName, String, Digest)>,
    /// Why a component's file cannot be read, as it was said, so that it is not said again.
    unreadable: HashMap<(SlotName, String), String>,
}

/// A policy for each entry, by its slot and its place there.
type Candidates = HashMap<(SlotName, usize), Candidate>;

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
    /// Loads what the plan names and publishes the first generation. Entries whose file is bad are
    /// served by the last good bytes, loudly.
    pub async fn start(loader: Loader, shelf: Shelf, plan: Plan) -> Result<Self, StartError> {
        let files = plan.files();
        let firsts = files.iter().map(|(slot, name)| first(&loader, &shelf, &plan, *slot, name));
        let mut candidates = Candidates::new();
        let mut problems = Vec::new();
        let (mut refused, mut unreadable) = (HashSet::new(), HashMap::new());
        for ((slot, name), outcome) in files.iter().zip(futures_util::future::join_all(firsts).await) {
            match outcome {
                Ok((policies, bad)) => {
                    candidates.extend(policies);
                    match bad {
                        None => {}
                        Some(Bad::Refused(digest)) => {
                            refused.insert((*slot, (*name).to_owned(), digest));
                        }
                        Some(Bad::Unreadable(why)) => {
                            unreadable.insert((*slot, (*name).to_owned()), why);
                        }
                    }
                }
                Err(problem) => problems.push((*slot, problem)),
            }
        }
        let alive = Arc::new(AtomicUsize::new(0));
        let taken = |slot, place| candidates.remove(&(slot, place));
        let Some(generation) = Generation::assemble(1, &plan, &alive, taken) else {
            return Err(StartError { problems });
        };
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
        let mut names: Vec<_> = state.plan.files().into_iter().map(|(_, name)| name.to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// A component's file has changed: tries it in each slot that names it, in all entries there that
    /// do. They take it together or not at all, so that one file never is two rules of a slot.
    pub async fn file_changed(&self, name: &str) {
        let mut state = self.state.lock().await;
        for slot in SlotName::ALL {
            if state.plan.files().contains(&(slot, name))
                && let Some(candidates) = self.try_slot(&mut state, slot, name).await
            {
                self.publish(&state.plan, candidates);
            }
        }
    }

    /// The configuration has changed: all entries of the new plan, or nothing of it.
    pub async fn plan_changed(&self, plan: Plan) -> Result<(), CandidateError> {
        let mut state = self.state.lock().await;
        if state.plan == plan {
            return Ok(());
        }
        let mut candidates = Candidates::new();
        for (slot, name) in plan.files() {
            let bytes = self.shelf.read(name)?;
            let (loaded, _) = load(&self.loader, &plan, slot, name, &bytes)
                .await
                .map_err(|error| CandidateError::Load { path: self.shelf.path(name), error })?;
            self.keep(slot, name, &bytes);
            candidates.extend(loaded);
        }
        let number = self.current.pin().number + 1;
        let taken = |slot, place| candidates.remove(&(slot, place));
        let next = Generation::assemble(number, &plan, &self.current.alive, taken)
            .expect("there is a candidate for each entry");
        announce(&next);
        self.current.pointer.store(Arc::new(next));
        state.plan = plan;
        state.refused.clear();
        state.unreadable.clear();
        Ok(())
    }

    /// Loads a component's file for all entries of a slot that hold it, unless it is what serves or what
    /// was refused before.
    async fn try_slot(&self, state: &mut Publishing, slot: SlotName, name: &str) -> Option<Candidates> {
        let current = self.current.pin();
        for _ in 0..READ_TRIES {
            let bytes = match self.shelf.read(name) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let why = error.to_string();
                    let said = state.unreadable.insert((slot, name.to_owned()), why.clone());
                    if said.as_ref() != Some(&why) {
                        tracing::warn!("generation {} serves on: {why}", current.number);
                    }
                    return None;
                }
            };
            let at = (slot, name.to_owned());
            state.unreadable.remove(&at);
            let digest = Digest::of(&bytes);
            let refused = (at.0, at.1, digest);
            if current.digests(slot, name).iter().all(|serving| *serving == digest)
                || state.refused.contains(&refused)
            {
                return None;
            }
            let loaded = load(&self.loader, &state.plan, slot, name, &bytes).await;
            // What was replaced while it was tried is not what the operator wants any more.
            if self.shelf.read(name).is_ok_and(|now| Digest::of(&now) != digest) {
                continue;
            }
            match loaded {
                Ok((candidates, cases)) => {
                    say_cases(name, cases);
                    self.keep(slot, name, &bytes);
                    return Some(candidates);
                }
                Err(error) => {
                    state.refused.insert(refused);
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

    /// The next generation: the one that serves, with these replaced.
    fn publish(&self, plan: &Plan, mut candidates: Candidates) {
        let before = self.current.pin();
        let taken = |slot, place| candidates.remove(&(slot, place)).or_else(|| before.held(slot, place));
        let next = Generation::assemble(before.number + 1, plan, &self.current.alive, taken)
            .expect("what serves has a policy for each entry");
        announce(&next);
        self.current.pointer.store(Arc::new(next));
    }
}

/// Loads bytes for all entries of a slot that hold this component; returns how many cases there were.
async fn load(
    loader: &Loader,
    plan: &Plan,
    slot: SlotName,
    name: &str,
    bytes: &[u8],
) -> Result<(Candidates, usize), LoadError> {
    let mut candidates = Candidates::new();
    let mut cases = 0;
    for (place, entry) in plan.holding(slot, name) {
        let (candidate, held) = Candidate::load(loader, slot, name, bytes, entry.terms.clone()).await?;
        candidates.insert((slot, place), candidate);
        cases = held;
    }
    Ok((candidates, cases))
}

/// The first policies of the entries that hold a component, with what is wrong with its file where that
/// does not serve; or why there are none.
async fn first(
    loader: &Loader,
    shelf: &Shelf,
    plan: &Plan,
    slot: SlotName,
    name: &str,
) -> Result<(Candidates, Option<Bad>), String> {
    let bad;
    let problem = match shelf.read(name) {
        Ok(bytes) => match load(loader, plan, slot, name, &bytes).await {
            Ok((candidates, cases)) => {
                say_cases(name, cases);
                if let Err(error) = shelf.keep(slot, name, &bytes) {
                    tracing::warn!("cannot keep a copy of the {slot} component: {error}");
                }
                return Ok((candidates, None));
            }
            Err(error) => {
                bad = Bad::Refused(Digest::of(&bytes));
                CandidateError::Load { path: shelf.path(name), error }.to_string()
            }
        },
        Err(error) => {
            bad = Bad::Unreadable(error.to_string());
            error.to_string()
        }
    };
    let Some(kept) = shelf.kept(slot, name) else { return Err(problem) };
    match load(loader, plan, slot, name, &kept).await {
        Ok((candidates, _)) => {
            tracing::error!(
                slot = %slot, component = name, digest = %Digest::of(&kept).short(),
                "{problem}; THE LAST GOOD COPY SERVES INSTEAD until the file is mended"
            );
            Ok((candidates, Some(bad)))
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

/// Says what serves: a slot's entries in their order, with a comma between them.
fn announce(generation: &Generation) {
    let mut slots = String::new();
    let mut before = None;
    for serving in generation.serving() {
        let _ = match before.replace(serving.slot) {
            Some(slot) if slot == serving.slot => write!(slots, ",{serving}"),
            _ => write!(slots, " {}={serving}", serving.slot),
        };
    }
    tracing::info!("generation {}{slots}", generation.number);
}
