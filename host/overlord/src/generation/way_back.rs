//! The way back: to a generation that served before, by hand or since a component has to be kept from
//! serving. What comes back finds the cells that it left.

use std::collections::HashMap;
use std::sync::Arc;

use super::candidate::Candidate;
use super::files::may_serve;
use super::journal::{Journal, Member, Record};
use super::publish::{Change, Publisher, Publishing, not_kept, said};
use super::standing::{ChangeError, Quarantined, Standing};
use super::{Generation, Plan};
use crate::capability::clock;
use crate::capability::state::Spaces;
use crate::domain::Actor;
use crate::sandbox::SlotName;
use crate::sandbox::package::Digest;

/// The longest reason that is kept, in characters.
const WHY_CHARACTERS_MAX: usize = 500;

/// What is answered to a change.
type Outcome = Result<Standing, ChangeError>;

impl Publisher {
    /// Lets a generation that served before serve again; the last one, where none is named.
    pub async fn roll_back(&self, to: Option<u64>, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        let previous = &publishing.journal.previous;
        let found = match to {
            None => previous.first(),
            Some(number) => previous.iter().find(|record| record.number == number),
        };
        let Some(target) = found.cloned() else {
            let known: Vec<_> = previous.iter().map(|record| record.number.to_string()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ChangeError::Unknown(match to {
                None => "there is no generation before this one".to_owned(),
                Some(number) => format!("no generation {number} is remembered; these are: {known}"),
            }));
        };
        let why = format!("back to generation {}", target.number);
        self.bring_back(&mut publishing, &target, by, why).await?;
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Keeps a component from serving: brings back the last generation without it where it serves, lets
    /// go of the candidate where it is in that.
    pub async fn quarantine(&self, digest: Digest, why: &str, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        let why: String = why.chars().take(WHY_CHARACTERS_MAX).collect();
        let known = records(&publishing.journal).find(|member| member.digest == digest).cloned();
        let holds = |members: &[Member]| members.iter().any(|member| member.digest == digest);
        let serves = publishing.journal.serving.as_ref().is_some_and(|record| holds(&record.members));
        let back = serves.then(|| {
            let journal = &publishing.journal;
            let good =
                |member: &Member| member.digest != digest && journal.quarantined(member.digest).is_none();
            let good = journal.previous.iter().find(|record| record.members.iter().all(good));
            good.cloned().ok_or_else(|| {
                ChangeError::NotNow(format!(
                    "{} serves, and no generation before it is without it and without what is in quarantine; \
                     let another component serve first",
                    digest.short()
                ))
            })
        });
        let back = back.transpose()?;
        let entry = Quarantined {
            digest,
            slot: known.as_ref().map(|member| member.slot),
            component: known.as_ref().map(|member| member.component.clone()),
            at: clock::now().0,
            by: by.to_string(),
            why: why.clone(),
        };
        let serving = self.current.pin();
        if publishing.journal.candidate.as_ref().is_some_and(|record| holds(&record.changed)) {
            self.abort_candidate(&mut publishing, by, "it is to be in quarantine").await?;
        }
        let before = publishing.journal.clone();
        publishing.journal.quarantine(entry);
        // In one commit with the way back: what is in quarantine never is what serves, whenever the host ends.
        let outcome = match back {
            Some(target) => {
                let why = format!("back to generation {}: {why}", target.number);
                self.bring_back(&mut publishing, &target, by, why).await
            }
            None => publishing.journal.keep(&self.state).await.map_err(|error| not_kept(&error)),
        };
        if let Err(error) = outcome {
            publishing.journal = before;
            return Err(error);
        }
        if let Some(member) = &known {
            self.note(&serving, &Change::new("rules_quarantined", by, why), member, None).await;
        } else {
            // One that no generation here has had.
            self.note_all(&serving, &Change::new("rules_quarantined", by, why), Some(digest)).await;
        }
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Lets a component out of quarantine. It does not serve by that.
    pub async fn release(&self, digest: Digest, by: &Actor) -> Outcome {
        let mut publishing = self.publishing.lock().await;
        let before = publishing.journal.clone();
        publishing.journal.quarantined.retain(|known| known.digest != digest);
        if publishing.journal.quarantined.len() == before.quarantined.len() {
            return Err(ChangeError::Unknown(format!("{digest} is not in quarantine")));
        }
        if let Err(error) = publishing.journal.keep(&self.state).await {
            publishing.journal = before;
            return Err(not_kept(&error));
        }
        publishing.refused.retain(|(_, _, refused)| *refused != digest);
        let change = Change::new("rules_released", by, "it may serve again");
        self.note_all(&self.current.pin(), &change, Some(digest)).await;
        Ok(Standing::of(&publishing, self.current.alive()))
    }

    /// Lets the rules of a record serve again, with the cells that they had.
    async fn bring_back(
        &self,
        publishing: &mut Publishing,
        target: &Record,
        by: &Actor,
        why: String,
    ) -> Result<(), ChangeError> {
        let plan = target.plan.as_deref().unwrap_or(&publishing.configured).clone();
        let serving = self.current.pin();
        let mut policies = HashMap::new();
        for slot in SlotName::ALL {
            for (place, entry) in plan.entries(slot).iter().enumerate() {
                let found = target.members.iter().find(|member| {
                    (member.slot, &member.entry, &member.component) == (slot, &entry.name, &entry.component)
                });
                let Some(member) = found else {
                    return Err(ChangeError::NotNow(format!(
                        "generation {} cannot be brought back: the configuration has another entry {}/{} by now",
                        target.number, slot, entry.name
                    )));
                };
                may_serve(&publishing.journal, member.digest).map_err(ChangeError::NotNow)?;
                let candidate = self.policy_of(&serving, &plan, member, place).await?;
                policies.insert((slot, place), (candidate, Spaces::from(member.spaces.as_slice())));
            }
        }
        let number = publishing.journal.number();
        let taken = |slot, place| policies.remove(&(slot, place));
        let next = Generation::assemble(number, &plan, &self.current.alive, taken).ok_or_else(|| {
            ChangeError::NotNow(format!(
                "generation {} cannot be brought back: it is not whole",
                target.number
            ))
        })?;
        let change = Change::new("rules_rolled_back", by, why);
        self.serve(publishing, plan, Arc::new(next), change).await.map_err(|error| not_kept(&error))
    }

    /// The policy of a member: the one that serves where it is the same, or else made of its bytes.
    async fn policy_of(
        &self,
        serving: &Generation,
        plan: &Plan,
        member: &Member,
        place: usize,
    ) -> Result<Candidate, ChangeError> {
        let terms = plan.entries(member.slot)[place].terms.clone();
        if let Some((held, _)) = serving.held(member.slot, place)
            && held.digest() == member.digest
            && *held.terms() == terms
        {
            return Ok(held);
        }
        let Some(bytes) = self.kept.read(member.digest) else {
            return Err(ChangeError::Broken(format!(
                "the copy of {}@{} in the data folder is missing or damaged",
                member.component,
                member.digest.short()
            )));
        };
        Candidate::again(&self.loader, member.slot, &member.component, &bytes, terms)
            .await
            .map_err(|error| ChangeError::Broken(said(&error)))
    }
}

fn records(journal: &Journal) -> impl Iterator<Item = &Member> {
    let generations = journal.serving.iter().chain(&journal.previous).flat_map(|record| &record.members);
    generations.chain(journal.candidate.iter().flat_map(|trial| &trial.changed))
}
