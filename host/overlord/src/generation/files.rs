//! What operators change by hand: components' files, and the configuration. A file that is what it was
//! when it was last heeded is no wish to change anything: what was promoted or brought back since goes on
//! serving. Owns what is tried and what is not tried again.

use super::Plan;
use super::candidate::{CandidateError, Shelf};
use super::journal::Journal;
use super::kept::Kept;
use super::publish::{Candidates, Change, Publisher, Publishing, load, said};
use crate::capability::clock;
use crate::capability::state::StateError;
use crate::domain::Actor;
use crate::sandbox::package::Digest;
use crate::sandbox::{Loader, SlotName};

/// How often a file that changes while it is read is read again.
const READ_TRIES: u32 = 3;

/// What a host that starts finds for the entries that hold a component.
pub(super) struct First {
    pub(super) candidates: Candidates,
    /// What the file is, where it is heeded with this.
    pub(super) seen: Option<Digest>,
    /// What the file is, where that may not serve.
    pub(super) refused: Option<Digest>,
    /// Why the file cannot be read, where it cannot.
    pub(super) unreadable: Option<String>,
}

/// Why a changed configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// A component may not serve.
    #[error(transparent)]
    Component(#[from] CandidateError),
    /// The record of it cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Publisher {
    /// A component's file has changed: tries it in each slot that names it, in all entries there that
    /// do. They take it together or not at all, so that one file never is two rules of a slot.
    pub async fn file_changed(&self, name: &str) {
        let mut publishing = self.publishing.lock().await;
        let plan = publishing.plan.clone();
        let mut taken = Candidates::new();
        let mut seen = None;
        for slot in SlotName::ALL {
            if plan.files().contains(&(slot, name))
                && let Some((candidates, digest)) = self.try_slot(&mut publishing, &plan, slot, name).await
            {
                taken.extend(candidates);
                seen = Some(digest);
            }
        }
        let Some(digest) = seen else { return };
        let next = self.made(&mut publishing, &plan, &taken);
        let change = Change {
            seen: vec![(name.to_owned(), digest)],
            ..Change::new("rules_changed", &Actor::File, format!("{name}.wasm changed"))
        };
        if let Err(error) = self.serve(&mut publishing, plan, next, change).await {
            tracing::error!("{name}.wasm was not taken, since the record of it cannot be kept: {error}");
        }
    }

    /// The configuration has changed: all entries of the new plan, or nothing of it.
    pub async fn plan_changed(&self, plan: Plan) -> Result<(), NotTaken> {
        let mut publishing = self.publishing.lock().await;
        if publishing.configured == plan {
            return Ok(());
        }
        let mut candidates = Candidates::new();
        let mut seen = Vec::new();
        for (slot, name) in plan.files() {
            let found = self.shelf.take(&self.kept, &plan, slot, name)?;
            found.say(slot, name);
            let bytes = found.bytes;
            let digest = Digest::of(&bytes);
            // What serves instead of this file goes on doing so.
            let instead = standing_in(&publishing.journal, &plan, slot, name, Some(digest));
            let bytes = instead.and_then(|instead| self.kept.read(instead)).unwrap_or(bytes);
            let tried = Digest::of(&bytes);
            let path = self.shelf.path(name);
            if let Err(why) = may_serve(&publishing.journal, tried) {
                return Err(CandidateError::Quarantined { path, why }.into());
            }
            let loaded = load(&self.loader, &plan, slot, name, &bytes).await;
            let (loaded, _) = loaded.map_err(|error| CandidateError::Load { path, error })?;
            self.keep(slot, tried, &bytes);
            publishing.loaded.insert(tried, clock::now().0);
            candidates.extend(loaded);
            seen.push((name.to_owned(), digest));
        }
        let next = self.made(&mut publishing, &plan, &candidates);
        let change =
            Change { seen, ..Change::new("rules_changed", &Actor::Config, "the configuration changed") };
        self.serve(&mut publishing, plan.clone(), next, change).await?;
        publishing.configured = plan;
        publishing.refused.clear();
        publishing.unreadable.clear();
        Ok(())
    }

    /// Loads a component's file for all entries of a slot that hold it, unless it is what serves, what was
    /// heeded or what was refused before.
    async fn try_slot(
        &self,
        publishing: &mut Publishing,
        plan: &Plan,
        slot: SlotName,
        name: &str,
    ) -> Option<(Candidates, Digest)> {
        let number = self.current.pin().number;
        let at = (slot, name.to_owned());
        for _ in 0..READ_TRIES {
            let found = match self.shelf.take(&self.kept, plan, slot, name) {
                Ok(found) => found,
                Err(error) => {
                    let why = error.to_string();
                    let said = publishing.unreadable.insert(at, why.clone());
                    if said.as_ref() != Some(&why) {
                        tracing::warn!("generation {number} serves on: {why}");
                    }
                    return None;
                }
            };
            publishing.unreadable.remove(&at);
            let bytes = &found.bytes;
            let digest = Digest::of(bytes);
            let refused = (slot, name.to_owned(), digest);
            if publishing.journal.seen.get(name) == Some(&digest) || publishing.refused.contains(&refused) {
                return None;
            }
            let serves = publishing.journal.serving.iter().flat_map(|record| &record.members);
            let mut ours = serves.filter(|member| member.slot == slot && member.component == name);
            if ours.all(|member| member.digest == digest) {
                publishing.journal.seen.insert(name.to_owned(), digest);
                return None;
            }
            let loaded = match may_serve(&publishing.journal, digest) {
                Err(why) => Err(why),
                Ok(()) => load(&self.loader, plan, slot, name, bytes).await.map_err(|error| said(&error)),
            };
            // What was replaced while it was tried is not what the operator wants any more.
            let now = self.shelf.take(&self.kept, plan, slot, name);
            if now.is_ok_and(|now| Digest::of(&now.bytes) != digest) {
                continue;
            }
            return match loaded {
                Ok((candidates, cases)) => {
                    say_cases(name, cases);
                    found.say(slot, name);
                    self.keep(slot, digest, bytes);
                    publishing.loaded.insert(digest, clock::now().0);
                    Some((candidates, digest))
                }
                Err(why) => {
                    publishing.refused.insert(refused);
                    tracing::error!(
                        slot = %slot, component = name, digest = %digest.short(),
                        "{} was not taken, generation {number} serves on: {why}",
                        self.shelf.path(name).display()
                    );
                    None
                }
            };
        }
        tracing::warn!("{} keeps changing; it is tried when it rests", self.shelf.path(name).display());
        None
    }

    fn keep(&self, slot: SlotName, digest: Digest, bytes: &[u8]) {
        if let Err(error) = self.kept.keep(digest, bytes) {
            tracing::warn!(
                "cannot keep a copy of the {slot} component, so it cannot be brought back later: {error}"
            );
        }
    }
}

/// The first policies of the entries that hold a component, with what is wrong with its file where that
/// does not serve; or why there are none.
pub(super) async fn first(
    loader: &Loader,
    shelf: &Shelf,
    kept: &Kept,
    journal: &Journal,
    plan: &Plan,
    slot: SlotName,
    name: &str,
) -> Result<First, String> {
    let mut first = First { candidates: Candidates::new(), seen: None, refused: None, unreadable: None };
    let copy = |file| {
        let instead = standing_in(journal, plan, slot, name, file)?;
        may_serve(journal, instead).ok()?;
        Some((instead, kept.read(instead)?))
    };
    let path = shelf.path(name);
    let problem = match shelf.take(kept, plan, slot, name) {
        Ok(found) => {
            found.say(slot, name);
            let bytes = found.bytes;
            let digest = Digest::of(&bytes);
            if let Some((instead, bytes)) = copy(Some(digest))
                && let Ok((candidates, _)) = load(loader, plan, slot, name, &bytes).await
            {
                tracing::info!(
                    slot = %slot, component = name, digest = %instead.short(),
                    "{name}@{} serves as before; {} is still {}, which it took the place of",
                    instead.short(), path.display(), digest.short()
                );
                return Ok(First { candidates, ..first });
            }
            let outcome = match may_serve(journal, digest) {
                Err(why) => Err(why),
                Ok(()) => load(loader, plan, slot, name, &bytes).await.map_err(|error| said(&error)),
            };
            match outcome {
                Ok((candidates, cases)) => {
                    say_cases(name, cases);
                    if let Err(error) = kept.keep(digest, &bytes) {
                        tracing::warn!("cannot keep a copy of the {slot} component: {error}");
                    }
                    return Ok(First { candidates, seen: Some(digest), ..first });
                }
                Err(why) => {
                    first.refused = Some(digest);
                    format!("{}: {why}", path.display())
                }
            }
        }
        Err(error) => {
            first.unreadable = Some(error.to_string());
            error.to_string()
        }
    };
    let Some((instead, bytes)) = copy(None) else { return Err(problem) };
    match load(loader, plan, slot, name, &bytes).await {
        Ok((candidates, _)) => {
            tracing::error!(
                slot = %slot, component = name, digest = %instead.short(),
                "{problem}; THE LAST GOOD COPY SERVES INSTEAD until the file is mended"
            );
            Ok(First { candidates, ..first })
        }
        Err(error) => Err(format!("{problem}; the last good copy cannot serve either: {}", said(&error))),
    }
}

/// What goes on serving in the entries that hold a component although its file is another one: what was
/// promoted or brought back since that file was heeded. With no file, what served last.
fn standing_in(
    journal: &Journal,
    plan: &Plan,
    slot: SlotName,
    name: &str,
    file: Option<Digest>,
) -> Option<Digest> {
    let (_, entry) = plan.holding(slot, name).next()?;
    let serving = journal.serving(slot, &entry.name, name)?.digest;
    match file {
        None => Some(serving),
        Some(file) => (serving != file && journal.seen.get(name) == Some(&file)).then_some(serving),
    }
}

/// Whether a component is not in quarantine; why it is there, where it is.
pub(super) fn may_serve(journal: &Journal, digest: Digest) -> Result<(), String> {
    let Some(found) = journal.quarantined(digest) else { return Ok(()) };
    Err(format!(
        "{} is in quarantine, by {}: {}; `overlord rules release {digest}` lets it serve again",
        digest.short(),
        found.by,
        found.why
    ))
}

fn say_cases(name: &str, cases: usize) {
    if cases == 0 {
        tracing::warn!("component {name} carries no cases: nothing was tried but that it starts");
    } else {
        tracing::debug!("component {name}: its {cases} cases hold");
    }
}
