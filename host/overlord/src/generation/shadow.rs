//! What another generation would have decided: it is asked what the one that serves was asked, on a copy
//! of what that one remembered, and its word counts for nothing but a comparison. No answer waits for it:
//! what comes while it is busy is dropped and counted. Owns no decision.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::standing::Divergence;
use super::{Chains, LimitEntry};
use crate::capability::state::Cell;
use crate::capability::{background, clock};
use crate::domain::{Event, Instant, Principal, Recent, Verdict};
use crate::sandbox::hooks::{Judgement, Load, Request};
use crate::sandbox::{Broken, SlotName, in_one_line};

/// How many decisions wait to be compared. One takes some microseconds.
const WAITING_MAX: usize = 256;

/// How many divergences are kept to be looked at, the newest.
const SAMPLES_MAX: usize = 100;

/// The most characters of either side of a divergence that are kept.
const SAID_CHARACTERS_MAX: usize = 500;

/// A comparison that goes on until it is dropped.
#[derive(Debug)]
pub struct Shadow {
    asked: HashSet<(SlotName, Arc<str>)>,
    questions: mpsc::Sender<Asked>,
    seen: Arc<Seen>,
}

/// How it went so far.
#[derive(Debug)]
pub struct Seen {
    compared: AtomicU64,
    diverged: AtomicU64,
    dropped: AtomicU64,
    samples: Recent<Divergence>,
}

/// One decision of the generation that serves.
#[derive(Debug)]
pub struct Asked {
    /// Of which entry.
    pub entry: Arc<str>,
    /// What it was asked, and what it said.
    pub about: About,
}

/// What a decision was about.
#[derive(Debug)]
pub enum About {
    /// Who is asking?
    Auth {
        /// The request.
        request: Request,
        /// The time.
        now: Instant,
        /// What was said.
        said: Judgement,
    },
    /// May they ask now?
    Limit {
        /// Who.
        caller: Principal,
        /// The time.
        now: Instant,
        /// What they were at.
        load: Load,
        /// What was remembered.
        cell: Option<Cell>,
        /// What was said.
        said: Verdict,
    },
    /// How is it written down?
    Audit {
        /// What happened.
        event: Event,
        /// What was said.
        said: String,
    },
}

impl About {
    fn slot(&self) -> SlotName {
        match self {
            Self::Auth { .. } => SlotName::Auth,
            Self::Limit { .. } => SlotName::Limit,
            Self::Audit { .. } => SlotName::Audit,
        }
    }
}

impl Shadow {
    /// Compares these entries of another generation with those of the same names.
    pub(super) fn start(other: Chains, entries: impl Iterator<Item = (SlotName, Arc<str>)>) -> Self {
        let (questions, mut waiting) = mpsc::channel(WAITING_MAX);
        let seen = Arc::new(Seen {
            compared: AtomicU64::new(0),
            diverged: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            samples: Recent::new(SAMPLES_MAX),
        });
        let notes = Arc::clone(&seen);
        background::spawn(async move {
            while let Some(asked) = waiting.recv().await {
                notes.compare(&other, asked).await;
            }
        });
        Self { asked: entries.collect(), questions, seen }
    }

    /// Has a decision compared, where this is a decision that it compares. Never waits.
    pub fn offer(&self, slot: SlotName, entry: &Arc<str>, about: impl FnOnce() -> About) {
        if !self.asked.contains(&(slot, Arc::clone(entry))) {
            return;
        }
        // A place first: what is dropped is not copied either.
        match self.questions.try_reserve() {
            Ok(place) => place.send(Asked { entry: Arc::clone(entry), about: about() }),
            Err(_) => drop(self.seen.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// How it went so far.
    pub fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }
}

impl Seen {
    /// How many decisions were compared.
    pub fn compared(&self) -> u64 {
        self.compared.load(Ordering::Relaxed)
    }

    /// How many of these came out otherwise.
    pub fn diverged(&self) -> u64 {
        self.diverged.load(Ordering::Relaxed)
    }

    /// How many were not compared for want of time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Some of those that came out otherwise, the newest first.
    pub fn samples(&self) -> Vec<Divergence> {
        self.samples.newest_first()
    }

    async fn compare(&self, other: &Chains, asked: Asked) {
        let slot = asked.about.slot();
        let Some((user, serving, candidate)) = said_twice(other, &asked.entry, asked.about).await else {
            return;
        };
        self.compared.fetch_add(1, Ordering::Relaxed);
        if serving != candidate {
            self.diverged.fetch_add(1, Ordering::Relaxed);
            other.tally(slot, &asked.entry).inspect(|tally| tally.diverged());
            self.samples.push(Divergence {
                at: clock::now().0,
                slot,
                entry: asked.entry.to_string(),
                user,
                serving: shown(&serving),
                candidate: shown(&candidate),
            });
        }
    }
}

/// About whom it was, what was said, and what the other one says; none where the other has no such entry.
async fn said_twice(other: &Chains, entry: &str, about: About) -> Option<(Option<String>, String, String)> {
    Some(match about {
        About::Auth { request, now, said } => {
            let policy = &other.auth.iter().find(|known| *known.name == *entry)?.policy;
            let again = policy.authenticate(&request, now).await;
            let user = match &said {
                Judgement::Admitted(who) => Some(who.user.clone()),
                Judgement::Denied(_) => None,
            };
            (user, judged(&said), again.map_or_else(broken, |said| judged(&said)))
        }
        About::Limit { caller, now, load, cell, said } => {
            let entry = other.limit.iter().find(|known| *known.name == *entry)?;
            let again = decided_again(entry, &caller, now, load, cell).await;
            (Some(caller.user), decided(&said), again.map_or_else(broken, |said| decided(&said)))
        }
        About::Audit { event, said } => {
            let policy = &other.audit.iter().find(|known| *known.name == *entry)?.policy;
            let user = event.fields.iter().find_map(|(name, value)| match value {
                crate::domain::Value::Text(user) if *name == "user" => Some(user.clone()),
                _ => None,
            });
            (user, said, policy.format(&event).await.unwrap_or_else(broken))
        }
    })
}

async fn decided_again(
    entry: &LimitEntry,
    caller: &Principal,
    now: Instant,
    load: Load,
    cell: Option<Cell>,
) -> Result<Verdict, Broken> {
    let remembered = entry.policy.understood(cell.as_ref()).await?;
    Ok(entry.policy.admit(caller, now, load, &remembered).await?.0)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what ends a result")]
fn broken(error: Broken) -> String {
    format!("no decision: {error}")
}

fn judged(said: &Judgement) -> String {
    match said {
        Judgement::Admitted(who) => format!("admitted {:?}, roles {:?}", who.user, who.roles),
        // Why is for the log and may be worded otherwise; whether the answer differs is what counts.
        Judgement::Denied(crate::sandbox::hooks::Denial::Forbidden(_)) => "forbidden".to_owned(),
        Judgement::Denied(_) => "denied".to_owned(),
    }
}

fn decided(said: &Verdict) -> String {
    match said {
        Verdict::Admit => "admitted".to_owned(),
        Verdict::Wait => "to wait".to_owned(),
        Verdict::Refuse(refusal) => {
            let retry = refusal.retry_after_s.map_or_else(String::new, |s| format!(", retry after {s} s"));
            format!("refused {}: {:?}{retry}", refusal.event, refusal.message)
        }
    }
}

fn shown(said: &str) -> String {
    let cut: String = said.chars().take(SAID_CHARACTERS_MAX).collect();
    let rest = if cut.len() < said.len() { "…" } else { "" };
    format!("{}{rest}", in_one_line(&cut))
}
