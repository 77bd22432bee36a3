//! The way of a candidate: proposed, compared, serving some, serving all, or let go of. Each step changes
//! what serves or nothing, and is written down. Owns what may follow on what.

use std::sync::Arc;

use tokio::time::Instant;

use super::Generation;
use super::canary::{percent_of, share_of};
use super::files::may_serve;
use super::journal::{Member, TrialRecord};
use super::publish::{
    Candidates, Change, LookingBack, Publisher, Publishing, Trial, differing, load, not_kept, said,
};
use super::shadow::Shadow;
use super::standing::{ChangeError, Divergence, Stage, Standing};
use crate::capability::clock;
use crate::capability::state::{Spaces, StateError};
use crate::domain::Actor;
use crate::sandbox::SlotName;
use crate::sandbox::package::Digest;

/// What is answered to a change.
type Outcome = Result<Standing, ChangeError>;

impl Publisher {
    /// Which rules stand where.
    pub async fn standing(&self) -> Standing {
        Standing::of(&*self.publishing.lock().await, self.current.alive())
    }

    /// Loads a component as part of the candidate, for the entry of this name or the slot's first one,
    /// and all others of the slot that hold the same component.
    pub async fn propose(&self, slot: SlotName, entry: Option<&str>, bytes: &[u8], by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        let plan = publishing.plan.clone();
        let found = match entry {
            None => plan.entries(slot).first(),
            Some(name) => plan.entries(slot).iter().find(|known| known.name == name),
        };
        let Some(found) = found else {
            let names: Vec<_> = plan.entries(slot).iter().map(|entry| entry.name.as_str()).collect();
            return Err(ChangeError::Unknown(format!(
                "the slot {slot} has no entry {:?}; it has {}",
                entry.unwrap_or_default(),
                names.join(", ")
            )));
        };
        let name = found.component.clone();
        let stage = publishing.journal.candidate.as_ref().map(|record| record.stage);
        if stage == Some(Stage::Canary) {
            return Err(ChangeError::NotNow(
                "the candidate serves callers already; promote or abort it before another one comes"
                    .to_owned(),
            ));
        }
        let digest = Digest::of(bytes);
        if publishing.journal.serving(slot, &found.name, &name).is_some_and(|now| now.digest == digest) {
            return Err(ChangeError::NotNow(format!("{}@{} serves already", name, digest.short())));
        }
        may_serve(&publishing.journal, digest).map_err(ChangeError::NotGood)?;
        let loaded = load(&self.loader, &plan, slot, &name, bytes).await;
        let (loaded, _) = loaded.map_err(|error| ChangeError::NotGood(said(&error)))?;
        self.kept.keep(digest, bytes).map_err(|error| {
            ChangeError::Broken(format!("nothing has changed, since the component cannot be kept: {error}"))
        })?;
        publishing.loaded.insert(digest, clock::now().0);
        let mut changed =
            publishing.trial.as_ref().map_or_else(Candidates::new, |trial| trial.changed.clone());
        changed.extend(loaded);
        let generation = self.made(&mut publishing, &plan, &changed);
        let members = differing(&generation.members(), &self.current.pin().members());
        let proposed: Vec<_> = members
            .iter()
            .filter(|(member, _)| (member.slot, member.digest) == (slot, digest))
            .cloned()
            .collect();
        let candidate = TrialRecord {
            stage: Stage::Loaded,
            share: 0,
            since: clock::now().0,
            by: by.to_string(),
            changed: members.into_iter().map(|(member, _)| member).collect(),
        };
        let trial = Trial { changed, generation, shadow: None };
        let before = publishing.trial.replace(trial);
        if let Err(error) = self.put(&mut publishing, Some(candidate)).await {
            publishing.trial = before;
            return Err(error);
        }
        let change = Change::new("rules_proposed", by, "a candidate was loaded");
        self.note_each(&proposed, &change).await;
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Compares the candidate on live traffic.
    pub async fn shadow(&self, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        let record = candidate(&publishing)?;
        if !record.changed.iter().any(|member| compared(member.slot)) {
            return Err(ChangeError::NotNow(
                "a candidate for history or agent cannot be compared, since it would have to read and run \
                 everything twice; let it serve a few callers (canary) instead"
                    .to_owned(),
            ));
        }
        let next = TrialRecord { stage: Stage::Shadow, share: 0, ..renewed(record, by) };
        self.put(&mut publishing, Some(next)).await?;
        let change = Change::new("rules_shadowed", by, "it is compared on live traffic");
        self.note_candidate(&publishing, &change).await;
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Lets the candidate serve a share of the callers, in per cent.
    pub async fn canary(&self, percent: f64, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        let record = candidate(&publishing)?;
        let Some(share) = share_of(percent) else {
            return Err(ChangeError::NotGood(format!(
                "{percent} is no share of the callers; it must be from 0.01 to 100 per cent"
            )));
        };
        let next = TrialRecord { stage: Stage::Canary, share, ..renewed(record, by) };
        self.put(&mut publishing, Some(next)).await?;
        let why = format!("it serves {} per cent of the callers", percent_of(share));
        self.note_candidate(&publishing, &Change::new("rules_canaried", by, why)).await;
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Makes the candidate serve everybody.
    pub async fn promote(&self, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        candidate(&publishing)?;
        let trial = publishing.trial.take().ok_or_else(none)?;
        let record = publishing.journal.candidate.take();
        let plan = publishing.plan.clone();
        let change = Change::new("rules_promoted", by, "the candidate was promoted");
        let before = self.current.pin();
        if let Err(error) = self.serve(&mut publishing, plan, Arc::clone(&trial.generation), change).await {
            publishing.journal.candidate = record;
            publishing.trial = Some(trial);
            return Err(not_kept(&error));
        }
        if self.budget.automatic && self.budget.divergences_max.is_some() {
            let changed = record.map_or_else(Vec::new, |record| record.changed);
            self.look_back(&mut publishing, &before, &changed);
        }
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Has what served before compared with what serves, for one window of the budget.
    fn look_back(&self, publishing: &mut Publishing, before: &Generation, changed: &[Member]) {
        let Some(first) = changed.iter().find(|member| compared(member.slot)) else { return };
        let entries = changed.iter().map(|member| (member.slot, member.entry.as_str().into()));
        publishing.looking_back = Some(LookingBack {
            shadow: Arc::new(Shadow::start(before.chains(), entries)),
            digest: first.digest,
            until: Instant::now() + self.budget.window,
        });
        self.set_stage(publishing);
    }

    /// Lets go of the candidate.
    pub async fn abort(&self, by: &Actor) -> Outcome {
        self.abort_since("the candidate was let go of", by).await
    }

    /// Lets go of the candidate for a reason.
    pub(super) async fn abort_since(&self, why: &str, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        self.abort_candidate(&mut publishing, by, why).await?;
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Sampled decisions that the candidate made otherwise, the newest first.
    pub async fn divergences(&self) -> Vec<Divergence> {
        let publishing = self.publishing.lock().await;
        let shadow = publishing.trial.as_ref().and_then(|trial| trial.shadow.as_ref());
        shadow.map_or_else(Vec::new, |shadow| shadow.seen().samples())
    }

    /// Gives up the spaces of cells that there is no way back to. Takes as long as the disk does; others
    /// who change the rules wait for one space at the most.
    pub async fn settle(&self) -> Result<(), StateError> {
        while self.settle_one().await? {}
        Ok(())
    }

    /// Gives up one of them; whether there was one. With it gone, another may be the last in its chain.
    async fn settle_one(&self) -> Result<bool, StateError> {
        let mut publishing = self.publishing.lock().await;
        let publishing = &mut *publishing;
        publishing.running.retain(|spaces| spaces.strong_count() > 0);
        let filled = self.state.spaces()?;
        let held: Vec<Spaces> = publishing.running.iter().filter_map(std::sync::Weak::upgrade).collect();
        let forgotten = publishing.journal.forget_empty(&filled, &held);
        let Some(settle) = publishing.journal.unsettled(&filled, &held).into_iter().next() else {
            if forgotten {
                publishing.journal.keep(&self.state).await?;
            }
            return Ok(false);
        };
        self.state.settle(settle).await?;
        publishing.journal.settled(settle.space());
        publishing.journal.keep(&self.state).await?;
        Ok(true)
    }

    /// Takes up the candidate that an earlier host left.
    pub(super) async fn take_up(&self, publishing: &mut Publishing) {
        let Some(record) = publishing.journal.candidate.clone() else { return };
        let plan = publishing.plan.clone();
        let mut changed = Candidates::new();
        for member in &record.changed {
            let Some(bytes) = self.kept.read(member.digest) else { continue };
            if may_serve(&publishing.journal, member.digest).is_err() {
                continue;
            }
            match load(&self.loader, &plan, member.slot, &member.component, &bytes).await {
                Ok((candidates, _)) => changed.extend(candidates),
                Err(error) => tracing::warn!(
                    "the candidate of the slot {} cannot be used: {}",
                    member.slot,
                    said(&error)
                ),
            }
            publishing.loaded.insert(member.digest, clock::now().0);
        }
        let generation = self.made(publishing, &plan, &changed);
        let whole = record.changed.iter().all(|member| {
            generation.members().iter().any(|made| {
                (made.slot, &made.entry, made.digest) == (member.slot, &member.entry, member.digest)
            })
        });
        if changed.is_empty() || !whole {
            tracing::warn!(
                "the candidate that there was when the host stopped was let go of: not all of it is there"
            );
            publishing.journal.candidate = None;
            if let Err(error) = publishing.journal.keep(&self.state).await {
                tracing::error!("cannot keep that there is no candidate: {error}");
            }
            return;
        }
        publishing.trial = Some(Trial { changed, generation, shadow: None });
        self.keep_changed(publishing).await;
        self.set_stage(publishing);
    }

    pub(super) async fn abort_candidate(
        &self,
        publishing: &mut Publishing,
        by: &Actor,
        why: &str,
    ) -> Result<(), ChangeError> {
        candidate(publishing)?;
        let members = self.members_of_candidate(publishing);
        self.put(publishing, None).await?;
        publishing.trial = None;
        self.note_each(&members, &Change::new("rules_aborted", by, why)).await;
        self.tidy_up(publishing);
        Ok(())
    }

    /// Keeps what the candidate is now, and does so.
    async fn put(&self, publishing: &mut Publishing, record: Option<TrialRecord>) -> Result<(), ChangeError> {
        let before = std::mem::replace(&mut publishing.journal.candidate, record);
        if let Err(error) = publishing.journal.keep(&self.state).await {
            publishing.journal.candidate = before;
            return Err(not_kept(&error));
        }
        self.set_stage(publishing);
        Ok(())
    }

    fn members_of_candidate(&self, publishing: &Publishing) -> Vec<(Member, Option<Digest>)> {
        let Some(trial) = &publishing.trial else { return Vec::new() };
        differing(&trial.generation.members(), &self.current.pin().members())
    }

    async fn note_candidate(&self, publishing: &Publishing, change: &Change<'_>) {
        self.note_each(&self.members_of_candidate(publishing), change).await;
    }

    async fn note_each(&self, members: &[(Member, Option<Digest>)], change: &Change<'_>) {
        let serving = self.current.pin();
        for (member, from) in members {
            self.note(&serving, change, member, from.as_ref()).await;
        }
    }
}

/// The candidate as it is kept.
fn candidate(publishing: &Publishing) -> Result<TrialRecord, ChangeError> {
    publishing.journal.candidate.clone().ok_or_else(none)
}

fn none() -> ChangeError {
    ChangeError::NotNow(
        "there is no candidate; load one first (`overlord rules load FILE --slot SLOT`)".to_owned(),
    )
}

fn renewed(record: TrialRecord, by: &Actor) -> TrialRecord {
    TrialRecord { since: clock::now().0, by: by.to_string(), ..record }
}

/// Whether decisions of a slot can be made twice.
fn compared(slot: SlotName) -> bool {
    matches!(slot, SlotName::Auth | SlotName::Limit | SlotName::Audit)
}
