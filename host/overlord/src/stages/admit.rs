//! May they ask now? One step a caller: the limiter decides, the place is taken, the cell and the
//! session's owner are on disk, before anybody else's decision about the same caller begins.

use std::sync::Arc;

use crate::capability::clock;
use crate::capability::state::{CellChange, Change, Outcome, State, StateError};
use crate::domain::{Refusal, SessionId, Verdict};
use crate::sandbox::SlotName;

use super::identify::Caller;
use super::places::{Closed, Place, Places};

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
    session: SessionId,
    place: Arc<Place>,
}

impl Permit {
    /// Whose.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// In which session.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// What keeps the place taken.
    pub(super) fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }
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
}

impl Admission {
    /// Decides about one question. `claim`: whether the caller becomes the session's owner with it.
    pub async fn admit(
        &self,
        caller: &Caller,
        session: SessionId,
        claim: bool,
    ) -> Result<Permit, NotAdmitted> {
        let user = &caller.principal().user;
        let _turn = self.places.turn(user).await;
        for _ in 0..TRIES_MAX {
            let before = self.state.cell(SlotName::Limit.as_str(), user).map_err(|error| broken(&error))?;
            let running = self.places.running(user);
            let decision =
                caller.generation().limit.admit(caller.principal(), clock::now(), running, &before).await;
            let (verdict, after) = decision.map_err(|_| NotAdmitted::Broken)?;
            let place = match &verdict {
                Verdict::Admit => match self.places.take(user, session) {
                    Ok(place) => Ok(place),
                    // Counted by the limiter, as the original counts a question that it blocks.
                    Err(Closed::Session) => Err(still_processed()),
                    Err(Closed::Full) => return Err(NotAdmitted::Full),
                    Err(Closed::Stopping) => return Err(NotAdmitted::Stopping),
                },
                Verdict::Wait => Err(still_processed()),
                Verdict::Refuse(refusal) => Err(refusal.clone()),
            };
            let cell = after.map(|after| CellChange {
                slot: SlotName::Limit.as_str(),
                user: user.clone(),
                before,
                after,
            });
            let claim = (claim && place.is_ok()).then(|| (session, user.clone()));
            if cell.is_some() || claim.is_some() {
                match self
                    .state
                    .write(Change { cell, claim, ..Change::default() })
                    .await
                    .map_err(|error| broken(&error))?
                {
                    Outcome::Written => {}
                    Outcome::CellMoved => continue,
                    Outcome::Owned => return Err(NotAdmitted::Hidden),
                }
            }
            return match place {
                Ok(place) => Ok(Permit { caller: caller.clone(), session, place: Arc::new(place) }),
                Err(refusal) => Err(NotAdmitted::Refused(refusal)),
            };
        }
        tracing::error!("the cell of a caller changed {TRIES_MAX} times while a decision was made");
        Err(NotAdmitted::Broken)
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
