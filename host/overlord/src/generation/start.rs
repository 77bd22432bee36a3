//! The first generation of a host: what served last, with what has changed meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::journal::Journal;
use super::publish::{Candidates, Change, Publisher, Publishing, Tools, announce, spaces};
use super::{Current, Generation, Plan, Rules};
use crate::capability::clock;
use crate::capability::state::StateError;
use crate::domain::Actor;
use crate::sandbox::SlotName;

/// Why a host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// For every slot without a policy, why.
    #[error("{}", Problems(.0))]
    Slots(Vec<(SlotName, String)>),
    /// What served last cannot be read, or kept.
    #[error(transparent)]
    State(#[from] StateError),
}

struct Problems<'a>(&'a [(SlotName, String)]);

impl std::fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot start, since not every slot has a component that may serve:")?;
        for (slot, problem) in self.0 {
            write!(f, "\n  {slot}: {problem}")?;
        }
        f.write_str("\n`make components` builds those that belong to Overlord; `components` (OVERLORD_COMPONENTS) says where they are")
    }
}

impl Publisher {
    /// Publishes the first generation: what served last, with what has changed since in the files and the
    /// configuration. An entry whose file is bad is served by what served last, loudly.
    pub async fn start(tools: Tools, plan: Plan) -> Result<Self, StartError> {
        let Tools { loader, shelf, kept, state, witness, previous_max, budget } = tools;
        let mut journal = Journal::read(&state)?;
        let files = plan.files();
        let firsts = files
            .iter()
            .map(|(slot, name)| super::files::first(&loader, &shelf, &kept, &journal, &plan, *slot, name));
        let mut candidates = Candidates::new();
        let mut problems = Vec::new();
        let (mut refused, mut unreadable) = (HashSet::new(), HashMap::new());
        let outcomes = futures_util::future::join_all(firsts).await;
        for ((slot, name), outcome) in files.iter().zip(outcomes) {
            match outcome {
                Ok(first) => {
                    candidates.extend(first.candidates);
                    if let Some(digest) = first.seen {
                        journal.seen.insert((*name).to_owned(), digest);
                    }
                    if let Some(digest) = first.refused {
                        refused.insert((*slot, (*name).to_owned(), digest));
                    }
                    if let Some(why) = first.unreadable {
                        unreadable.insert((*slot, (*name).to_owned()), why);
                    }
                }
                Err(problem) => problems.push((*slot, problem)),
            }
        }
        let alive = Arc::new(AtomicUsize::new(0));
        let number = journal.serving.as_ref().map_or(1, |record| record.number);
        let mut drawn = journal.clone();
        let taken = |slot, place: usize| {
            let candidate = candidates.remove(&(slot, place))?;
            let spaces = spaces(&mut drawn, &plan, slot, place, candidate.digest());
            Some((candidate, spaces))
        };
        let Some(first) = Generation::assemble(number, &plan, &alive, taken) else {
            return Err(StartError::Slots(problems));
        };
        journal.spaced = drawn.spaced;
        journal.numbered = journal.numbered.max(number);
        let as_before = journal.serving.as_ref().is_some_and(|last| last.members == first.members());
        let first = Arc::new(first);
        let rules = Rules { serving: Arc::clone(&first), canary: None };
        let current = Current { pointer: Arc::new(ArcSwap::from_pointee(rules)), alive };
        let publishing = Publishing {
            configured: plan.clone(),
            plan,
            journal,
            trial: None,
            looking_back: None,
            loaded: HashMap::new(),
            refused,
            unreadable,
            running: Vec::new(),
        };
        let publishing = Mutex::new(publishing);
        let publisher =
            Self { loader, shelf, kept, state, witness, previous_max, budget, current, publishing };
        publisher.begin(first, as_before).await?;
        Ok(publisher)
    }

    /// Announces the first generation, as a new one where it is not what served last; takes up the
    /// candidate that there was.
    async fn begin(&self, first: Arc<Generation>, as_before: bool) -> Result<(), StateError> {
        let mut publishing = self.publishing.lock().await;
        let now = clock::now().0;
        for member in first.members() {
            publishing.loaded.insert(member.digest, now);
        }
        if as_before {
            announce(&first);
            publishing.running.extend(first.limit.iter().map(|entry| Arc::downgrade(&entry.spaces)));
            let plan = Arc::new(publishing.plan.clone());
            if let Some(record) = &mut publishing.journal.serving {
                record.plan = Some(plan);
            }
            publishing.journal.keep(&self.state).await?;
        } else {
            let known = publishing.journal.serving.is_some();
            let (by, why) = if known {
                (Actor::File, "the components or the configuration changed while no host was running")
            } else {
                (Actor::Host, "the first start")
            };
            let number = if known { publishing.journal.number() } else { first.number };
            let first = renumbered(&first, number, &publishing.plan, &self.current);
            let change = Change::new("rules_changed", &by, why);
            let plan = publishing.plan.clone();
            self.serve(&mut publishing, plan, first, change).await?;
        }
        self.take_up(&mut publishing).await;
        self.tidy_up(&mut publishing);
        Ok(())
    }
}

/// The same generation under another number.
fn renumbered(generation: &Generation, number: u64, plan: &Plan, current: &Current) -> Arc<Generation> {
    let same = Generation::assemble(number, plan, &current.alive, |slot, place| generation.held(slot, place));
    Arc::new(same.expect("it is whole"))
}
