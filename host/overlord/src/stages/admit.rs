//! May they ask now? One step a caller: the limiter decides, the place is taken (one to run, or one in
//! the queue), the cell, the session's owner and the run are on disk, before anybody else's decision about
//! the same caller begins.

use std::sync::Arc;

use crate::capability::clock;
use crate::capability::state::{CellChange, Change, Outcome, RunChange, RunRecord, State, StateError};
use crate::domain::{Refusal, RunId, SessionId, Verdict};
use crate::sandbox::SlotName;
use crate::sandbox::hooks::Load;

use super::identify::Caller;
use super::places::{Closed, Place, Places};
use super::queue::{Queue, Ticket};
use super::remember::{Asked, Remember};

/// How often a decision is made again because the cell has changed meanwhile. Within one host it never
/// does; two hosts may share a store one day.
const TRIES_MAX: u32 = 5;

/// What the original says when a question of the same user, or session, is being answered.
const STILL_PROCESSED: &str = "A previous question is still being processed";

/// The audit event to that.
const CONCURRENCY_BLOCKED: &str = "concurrency_blocked";

/// The right to one run of the agent. Its place is given back when the last copy of it is dropped.
#[derive(Debug, Clone)]
pub struct Permit {
    caller: Caller,
    run: RunId,
    place: Arc<Place>,
}

impl Permit {
    /// Whose.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Which run's.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What keeps the place taken.
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }
}

/// What is decided about.
#[derive(Debug)]
pub struct Demand<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// In which session.
    pub session: SessionId,
    /// Whether the caller becomes the session's owner with it.
    pub claim: bool,
    /// The run that it will be.
    pub run: RunId,
    /// What is to be known of the run should the host end before it does.
    pub record: &'a RunRecord,
}

/// That they may ask.
#[derive(Debug)]
pub enum Admitted {
    /// Now.
    Now(Permit),
    /// When their turn comes.
    Later(Ticket),
}

/// Why somebody may not ask.
#[derive(Debug)]
pub enum NotAdmitted {
    /// The limiter says no.
    Refused(Refusal),
    /// The host runs as many programs as it may. Not counted by the limiter.
    Full,
    /// The host is stopping. Not counted by the limiter.
    Stopping,
    /// Somebody else has become the session's owner.
    Hidden,
    /// The limiter or the state is broken: nobody asks.
    Broken,
}

/// What the stage works with.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The cells and owners.
    pub state: State,
    /// The places.
    pub places: Arc<Places>,
    /// Who waits for one.
    pub queue: Arc<Queue>,
    /// Where decisions are handed over.
    pub remember: Remember,
}

/// What comes of a decision.
enum Next {
    Run(Place),
    Wait(Ticket),
    Refuse(Refusal),
}

impl Admission {
    /// Decides about one question; about one that has waited, for the second time and on.
    pub async fn admit(
        &self,
        demand: &Demand<'_>,
        mut waited: Option<Ticket>,
    ) -> Result<Admitted, NotAdmitted> {
        let user = &demand.caller.principal().user;
        let _turn = self.places.turn(user).await;
        for _ in 0..TRIES_MAX {
            let before = self.state.cell(SlotName::Limit.as_str(), user).map_err(|error| broken(&error))?;
            let load = Load {
                running: self.places.running(user),
                waiting: waited.as_ref().map_or_else(|| self.queue.length(user), Ticket::ahead),
                queued_since: waited.as_ref().map(Ticket::since),
            };
            let limit = &demand.caller.generation().limit;
            let (who, now, key) = (demand.caller.principal(), clock::now(), format!("user:{user}"));
            let asked = Asked { who, now, load, key: &key, before: &before };
            let mut deciding = self.remember.limit(limit.name(), limit, asked);
            let decision = limit.admit(who, now, load, &before).await;
            deciding.answered(&decision);
            let (verdict, after) = decision.map_err(|_| NotAdmitted::Broken)?;
            let first = waited.is_none();
            let next = self.next(demand, verdict, &mut waited)?;
            let cell = after.map(|after| CellChange {
                slot: SlotName::Limit.as_str(),
                user: user.clone(),
                before,
                after,
            });
            let runs = matches!(next, Next::Run(_));
            let change = Change {
                cell,
                claim: (demand.claim && runs).then(|| (demand.session, user.clone())),
                run: (first && !matches!(next, Next::Refuse(_)))
                    .then(|| RunChange::Begun(demand.run, demand.record.clone())),
                mark: None,
            };
            if !change.is_empty() {
                match self.state.write(change).await.map_err(|error| broken(&error))? {
                    Outcome::Written => {}
                    Outcome::CellMoved => {
                        // A place in the queue that was there before is kept.
                        if let (Next::Wait(ticket), false) = (next, first) {
                            waited = Some(ticket);
                        }
                        continue;
                    }
                    Outcome::Owned => return Err(NotAdmitted::Hidden),
                }
            }
            deciding.committed();
            return match next {
                Next::Run(place) => Ok(Admitted::Now(Permit {
                    caller: demand.caller.clone(),
                    run: demand.run,
                    place: Arc::new(place),
                })),
                Next::Wait(ticket) => Ok(Admitted::Later(ticket)),
                Next::Refuse(refusal) => Err(NotAdmitted::Refused(refusal)),
            };
        }
        tracing::error!("the cell of a caller changed {TRIES_MAX} times while a decision was made");
        Err(NotAdmitted::Broken)
    }

    /// Takes the place that a verdict gives.
    fn next(
        &self,
        demand: &Demand<'_>,
        verdict: Verdict,
        waited: &mut Option<Ticket>,
    ) -> Result<Next, NotAdmitted> {
        let user = &demand.caller.principal().user;
        Ok(match verdict {
            Verdict::Admit => match (self.places.take(user, demand.session), waited.take()) {
                (Ok(place), ticket) => {
                    // Kept on a refusal to write, so that nobody overtakes it meanwhile.
                    *waited = ticket;
                    Next::Run(place)
                }
                (Err(Closed::Stopping), _) => return Err(NotAdmitted::Stopping),
                // One that has waited waits on for the session, and for the host.
                (Err(Closed::Session | Closed::Full), Some(ticket)) => Next::Wait(ticket),
                // Counted by the limiter, as the original counts a question that it blocks.
                (Err(Closed::Session), None) => Next::Refuse(still_processed()),
                (Err(Closed::Full), None) => return Err(NotAdmitted::Full),
            },
            Verdict::Wait if self.places.closed() => return Err(NotAdmitted::Stopping),
            Verdict::Wait => match waited.take().or_else(|| self.queue.join(user, clock::now())) {
                Some(ticket) => Next::Wait(ticket),
                None => Next::Refuse(still_processed()),
            },
            Verdict::Refuse(refusal) => Next::Refuse(refusal),
        })
    }
}

fn broken(error: &StateError) -> NotAdmitted {
    tracing::error!("nobody is admitted: {error}");
    NotAdmitted::Broken
}

fn still_processed() -> Refusal {
    Refusal {
        event: CONCURRENCY_BLOCKED.to_owned(),
        message: STILL_PROCESSED.to_owned(),
        retry_after_s: None,
    }
}
