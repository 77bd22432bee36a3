//! The one place that makes a generation serve. Whatever the reason, it goes the same way: the bytes are
//! kept, the journal is on disk, the pointer is swapped, the change is written down. Knows nothing of what
//! the reasons are.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::canary::Canary;
use super::candidate::{Candidate, Shelf};
use super::journal::{Journal, Member, Record};
use super::kept::Kept;
use super::shadow::Shadow;
use super::standing::{ChangeError, Stage};
use super::witness::Witness;
use super::{Current, Generation, Plan, Rules};
use crate::capability::clock;
use crate::capability::state::{Space, Spaces, State, StateError};
use crate::config::Budget;
use crate::domain::{Actor, Event, Value};
use crate::sandbox::package::Digest;
use crate::sandbox::{LoadError, Loader, SlotName, in_one_line};

/// Makes and publishes generations, one at a time.
#[derive(Debug)]
pub struct Publisher {
    pub(super) loader: Loader,
    pub(super) shelf: Shelf,
    pub(super) kept: Kept,
    pub(super) state: State,
    pub(super) witness: Arc<dyn Witness>,
    /// How many generations that served are remembered.
    pub(super) previous_max: usize,
    pub(super) budget: Budget,
    pub(super) current: Current,
    pub(super) publishing: Mutex<Publishing>,
}

/// What a publisher works with.
#[derive(Debug)]
pub struct Tools {
    /// Makes policies of bytes.
    pub loader: Loader,
    /// The components' folder.
    pub shelf: Shelf,
    /// The host's own copies.
    pub kept: Kept,
    /// Where the journal is, and the cells.
    pub state: State,
    /// Who is told.
    pub witness: Arc<dyn Witness>,
    /// How many generations that served are remembered.
    pub previous_max: usize,
    /// When the host changes the rules by itself.
    pub budget: Budget,
}

#[derive(Debug)]
pub(super) struct Publishing {
    /// What the configuration asks for.
    pub(super) configured: Plan,
    /// What serves: another plan, where an earlier generation serves again.
    pub(super) plan: Plan,
    pub(super) journal: Journal,
    pub(super) trial: Option<Trial>,
    pub(super) looking_back: Option<LookingBack>,
    /// When each component was loaded, by its digest, in milliseconds since the Unix epoch.
    pub(super) loaded: HashMap<Digest, u64>,
    /// What has been refused, so that it is not tried again until the file changes.
    pub(super) refused: HashSet<(SlotName, String, Digest)>,
    /// Why a component's file cannot be read, as it was said, so that it is not said again.
    pub(super) unreadable: HashMap<(SlotName, String), String>,
    /// Where the cells lie of every limiter that may still run.
    pub(super) running: Vec<Weak<[Space]>>,
}

/// A candidate.
#[derive(Debug)]
pub(super) struct Trial {
    /// What in it differs from what serves, by slot and place.
    pub(super) changed: Candidates,
    pub(super) generation: Arc<Generation>,
    /// The comparison, while there is one.
    pub(super) shadow: Option<Arc<Shadow>>,
}

/// For a while after a promotion what served before is compared with what serves.
#[derive(Debug)]
pub(super) struct LookingBack {
    pub(super) shadow: Arc<Shadow>,
    /// What was promoted.
    pub(super) digest: Digest,
    pub(super) until: Instant,
}

/// A policy for each entry, by its slot and its place there.
pub(super) type Candidates = HashMap<(SlotName, usize), Candidate>;

/// A change of what serves: what for, in words.
pub(super) struct Change<'a> {
    pub(super) event: &'static str,
    pub(super) by: &'a Actor,
    pub(super) why: String,
    /// The files that are heeded with it.
    pub(super) seen: Vec<(String, Digest)>,
}

impl<'a> Change<'a> {
    /// A change for which no file is heeded.
    pub(super) fn new(event: &'static str, by: &'a Actor, why: impl Into<String>) -> Self {
        Self { event, by, why: why.into(), seen: Vec::new() }
    }
}

impl Publisher {
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
        let publishing = self.publishing.lock().await;
        let mut names: Vec<_> =
            publishing.plan.files().into_iter().map(|(_, name)| name.to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What serves, with these entries replaced, as a generation of its own.
    pub(super) fn made(
        &self,
        publishing: &mut Publishing,
        plan: &Plan,
        replaced: &Candidates,
    ) -> Arc<Generation> {
        let before = self.current.pin();
        let number = publishing.journal.number();
        let journal = &mut publishing.journal;
        let taken = |slot, place: usize| match replaced.get(&(slot, place)) {
            Some(candidate) => {
                Some((candidate.clone(), spaces(journal, plan, slot, place, candidate.digest())))
            }
            None => before.held(slot, place),
        };
        let made = Generation::assemble(number, plan, &self.current.alive, taken);
        let made = made.expect("what serves has a policy for each entry that is not replaced");
        publishing.running.extend(made.limit.iter().map(|entry| Arc::downgrade(&entry.spaces)));
        Arc::new(made)
    }

    /// Lets a generation serve: when this returns it does, its record is on disk, and the change is
    /// written down. On an error nothing has changed.
    pub(super) async fn serve(
        &self,
        publishing: &mut Publishing,
        plan: Plan,
        next: Arc<Generation>,
        change: Change<'_>,
    ) -> Result<(), StateError> {
        let before =
            publishing.journal.serving.as_ref().map_or_else(Vec::new, |record| record.members.clone());
        let record = Record {
            number: next.number,
            since: clock::now().0,
            until: None,
            by: change.by.to_string(),
            why: change.why.clone(),
            members: next.members(),
            plan: Some(Arc::new(plan.clone())),
        };
        let changed = differing(&record.members, &before);
        let mut journal = publishing.journal.clone();
        journal.serve(record, self.previous_max);
        journal.seen.extend(change.seen.iter().cloned());
        journal.keep(&self.state).await?;
        let last = self.current.pin();
        publishing.journal = journal;
        publishing.looking_back = None;
        publishing.plan = plan;
        last.compare(None);
        self.current.pointer.store(Arc::new(Rules { serving: Arc::clone(&next), canary: None }));
        // After that: whoever reads it is answered by it.
        announce(&next);
        publishing.running.retain(|spaces| spaces.strong_count() > 0);
        publishing.running.extend(next.limit.iter().map(|entry| Arc::downgrade(&entry.spaces)));
        // With nothing before there was nothing to change.
        for (member, from) in changed.iter().filter(|_| !before.is_empty()) {
            self.note(&next, &change, member, from.as_ref()).await;
        }
        if changed.is_empty() {
            self.note_all(&next, &change, None).await;
        }
        self.rebase(publishing).await;
        self.tidy_up(publishing);
        Ok(())
    }

    /// Writes a change of one entry down.
    pub(super) async fn note(
        &self,
        generation: &Arc<Generation>,
        change: &Change<'_>,
        member: &Member,
        from: Option<&Digest>,
    ) {
        let digest =
            |digest: Option<&Digest>| digest.map_or(Value::Absent, |digest| digest.to_string().into());
        let fields = vec![
            ("user", change.by.to_string().into()),
            ("generation", generation.number.into()),
            ("slot", member.slot.as_str().into()),
            ("entry", member.entry.as_str().into()),
            ("from", digest(from)),
            ("to", digest(Some(&member.digest))),
            ("why", change.why.as_str().into()),
        ];
        let event = Event { name: change.event.into(), at: clock::now(), fields };
        self.witness.note(generation, &event).await;
    }

    /// Writes down a change that is none of one entry; `digest`: the component that it is about, if any.
    pub(super) async fn note_all(
        &self,
        generation: &Arc<Generation>,
        change: &Change<'_>,
        digest: Option<Digest>,
    ) {
        let about = digest.map(|digest| ("to", digest.to_string().into()));
        let fields = [("user", change.by.to_string().into()), ("generation", generation.number.into())];
        let fields = fields.into_iter().chain(about).chain([("why", change.why.as_str().into())]).collect();
        let event = Event { name: change.event.into(), at: clock::now(), fields };
        self.witness.note(generation, &event).await;
    }

    /// Makes the candidate one of what serves now: its unchanged entries are those. One that has no place
    /// there any more is let go of.
    async fn rebase(&self, publishing: &mut Publishing) {
        let Some(trial) = publishing.trial.take() else { return };
        let record = publishing.journal.candidate.clone();
        let plan = publishing.plan.clone();
        let serving = self.current.pin().members();
        let at_home = |(&(slot, place), candidate): (&(SlotName, usize), &Candidate)| {
            let entry = plan.entries(slot).get(place);
            record.as_ref().is_some_and(|record| {
                record.changed.iter().any(|member| {
                    member.slot == slot
                        && member.digest == candidate.digest()
                        && entry.is_some_and(|entry| {
                            entry.name == member.entry
                                && entry.component == member.component
                                && entry.terms == *candidate.terms()
                        })
                        && !serving.iter().any(|now| {
                            (now.slot, &now.entry, now.digest) == (slot, &member.entry, member.digest)
                        })
                })
            })
        };
        if !trial.changed.iter().all(at_home) {
            tracing::warn!(
                "the candidate was let go of: what serves has changed in the entries that it changes"
            );
            publishing.journal.candidate = None;
            if let Err(error) = publishing.journal.keep(&self.state).await {
                tracing::error!("cannot keep that there is no candidate: {error}");
            }
            return;
        }
        let generation = self.made(publishing, &plan, &trial.changed);
        publishing.trial = Some(Trial { generation, shadow: None, ..trial });
        self.keep_changed(publishing).await;
        self.set_stage(publishing);
    }

    /// Keeps where the candidate's cells lie, now that it is one of what serves now.
    pub(super) async fn keep_changed(&self, publishing: &mut Publishing) {
        let Some(trial) = &publishing.trial else { return };
        let changed = differing(&trial.generation.members(), &self.current.pin().members());
        let changed = changed.into_iter().map(|(member, _)| member).collect();
        let Some(record) = publishing.journal.candidate.as_mut().filter(|r| r.changed != changed) else {
            return;
        };
        record.changed = changed;
        if let Err(error) = publishing.journal.keep(&self.state).await {
            tracing::error!("cannot keep where the candidate's cells lie: {error}");
        }
    }

    /// Does with the candidate what the journal says: nothing, a comparison, a share of the callers.
    pub(super) fn set_stage(&self, publishing: &mut Publishing) {
        let serving = self.current.pin();
        let mut canary = None;
        let mut shadow = publishing.looking_back.as_ref().map(|back| Arc::clone(&back.shadow));
        if let (Some(record), Some(trial)) = (&publishing.journal.candidate, &mut publishing.trial) {
            match record.stage {
                Stage::Loaded => {}
                Stage::Shadow => {
                    let entries =
                        record.changed.iter().map(|member| (member.slot, member.entry.as_str().into()));
                    shadow = Some(Arc::new(Shadow::start(trial.generation.chains(), entries)));
                }
                Stage::Canary => {
                    let digests = record.changed.iter().map(|member| member.digest);
                    canary = Some(Canary::new(Arc::clone(&trial.generation), record.share, digests));
                }
            }
            // What was seen of a comparison can still be looked at when it is over.
            if record.stage == Stage::Shadow {
                trial.shadow.clone_from(&shadow);
            }
        }
        serving.compare(shadow);
        self.current.pointer.store(Arc::new(Rules { serving, canary }));
    }

    /// Forgets the components that cannot serve again, and removes their copies.
    pub(super) fn tidy_up(&self, publishing: &mut Publishing) {
        let digests = publishing.journal.digests();
        publishing.loaded.retain(|digest, _| digests.contains(digest));
        if let Err(error) = self.kept.only(&digests) {
            tracing::warn!("cannot remove copies of components that are not needed any more: {error}");
        }
    }
}

/// Where the cells of a component in an entry are to lie.
pub(super) fn spaces(
    journal: &mut Journal,
    plan: &Plan,
    slot: SlotName,
    place: usize,
    digest: Digest,
) -> Spaces {
    let Some(entry) = plan.entries(slot).get(place).filter(|_| slot == SlotName::Limit) else {
        return [].into();
    };
    // What serves some callers goes on where it remembers them, whatever else changes around it.
    let own = journal.tried(&entry.name, &entry.component, digest);
    match journal.lineage(&entry.name, &entry.component).cloned() {
        None => [].into(),
        Some(last) if last.digest == digest => last.spaces.into(),
        Some(last) => {
            let own = own.filter(|own| !last.spaces.contains(own));
            let first = own.unwrap_or_else(|| journal.space());
            std::iter::once(first).chain(last.spaces).collect()
        }
    }
}

/// The members of which there was none, or another digest, before; with that one.
pub(super) fn differing(now: &[Member], before: &[Member]) -> Vec<(Member, Option<Digest>)> {
    let last = |member: &Member| {
        before
            .iter()
            .find(|known| (known.slot, &known.entry) == (member.slot, &member.entry))
            .map(|known| known.digest)
    };
    let changed = now.iter().map(|member| (member.clone(), last(member)));
    changed.filter(|(member, last)| *last != Some(member.digest)).collect()
}

/// Loads bytes for all entries of a slot that hold this component; returns how many cases there were.
pub(super) async fn load(
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

/// The sentence of an error for whoever wanted a change.
pub(super) fn not_kept(error: &StateError) -> ChangeError {
    ChangeError::Broken(format!("nothing has changed, since the record of it cannot be kept: {error}"))
}

/// One line for whoever reads the log.
pub(super) fn said(error: &LoadError) -> String {
    in_one_line(&error.to_string())
}

/// Says what serves: a slot's entries in their order, with a comma between them.
pub(super) fn announce(generation: &Generation) {
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
