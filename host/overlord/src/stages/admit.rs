//! May they ask now? One step a caller: the limiters decide, one after another; the place is taken (one to
//! run, or one in the queue); the cells, the session's owner and the run are on disk, before another
//! decision about the same caller, or on a cell that callers share, begins.

use std::borrow::Cow;
use std::sync::Arc;

use crate::capability::clock;
use crate::capability::state::{
    Cell, CellChange, CellKey, Change, Outcome, RunChange, RunRecord, State, StateError,
};
use crate::domain::{Refusal, RunId, SessionId, Verdict};
use crate::generation::{About, LimitEntry};
use crate::sandbox::SlotName;
use crate::sandbox::hooks::Load;

use super::identify::Caller;
use super::places::{Closed, Place, Places};
use super::queue::{Queue, Ticket};
use super::remember::{self, Deciding, Remember};

/// How often a decision is made again because a cell has changed meanwhile. Within one host it never
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

/// A limiter that is asked about a caller.
struct Asked<'a> {
    /// Its place in the chain.
    place: usize,
    entry: &'a LimitEntry,
    /// By which its cell is kept.
    key: CellKey,
}

/// What the whole chain says.
struct Decision {
    verdict: Verdict,
    /// What is to be remembered of it.
    cells: Vec<CellChange>,
    /// The places of those who then have counted the question.
    counted: Vec<usize>,
    /// What is recorded of those whose cells these are.
    deciding: Vec<Deciding>,
}

impl Asked<'_> {
    /// What decisions on the same cell take turns for. A newline is in no name.
    fn turn(&self) -> String {
        format!("{}\n{}", self.key.entry, self.key.whose)
    }
}

/// The limiters that have a cell for the caller, in their order.
fn asked(caller: &Caller) -> Vec<Asked<'_>> {
    let entries = caller.generation().limit.iter().enumerate();
    entries
        .filter_map(|(place, entry)| Some(Asked { place, entry, key: entry.key(caller.principal())? }))
        .collect()
}

impl Admission {
    /// Decides about one question; about one that has waited, for the second time and on.
    pub async fn admit(
        &self,
        demand: &Demand<'_>,
        mut waited: Option<Ticket>,
    ) -> Result<Admitted, NotAdmitted> {
        let asked = asked(demand.caller);
        let shared = asked.iter().filter(|asked| asked.entry.whose.is_shared()).map(Asked::turn).collect();
        let user = &demand.caller.principal().user;
        let _turns = self.places.turns(user, shared).await;
        for _ in 0..TRIES_MAX {
            let Decision { verdict, cells, counted, mut deciding } =
                self.decide(demand, &asked, waited.as_ref()).await?;
            let first = waited.is_none();
            let mut next = self.next(demand, verdict, &mut waited)?;
            let runs = matches!(next, Next::Run(_));
            let change = Change {
                cells,
                claim: (demand.claim && runs).then(|| (demand.session, user.clone())),
                run: (first && !matches!(next, Next::Refuse(_)))
                    .then(|| RunChange::Begun(demand.run, demand.record.clone())),
                ..Change::default()
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
            if let Next::Wait(ticket) = &mut next {
                ticket.counted_by(counted);
            }
            deciding.iter_mut().for_each(Deciding::committed);
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
        tracing::error!("a cell changed {TRIES_MAX} times while a decision was made");
        Err(NotAdmitted::Broken)
    }

    /// Asks one limiter after another. All admit, and each has its cell changed; or one does not, and its
    /// cell alone is.
    async fn decide(
        &self,
        demand: &Demand<'_>,
        asked: &[Asked<'_>],
        waited: Option<&Ticket>,
    ) -> Result<Decision, NotAdmitted> {
        let who = demand.caller.principal();
        let (mut cells, mut counted, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for Asked { place, entry, key } in asked {
            let before = self.state.cell(key).map_err(|error| broken(&error))?;
            let remembered =
                entry.policy.understood(before.as_ref()).await.map_err(|_| NotAdmitted::Broken)?;
            let load = Load {
                running: self.places.running(&who.user),
                waiting: waited.map_or_else(|| self.queue.length(&who.user), Ticket::ahead),
                queued_since: waited.and_then(|ticket| ticket.since_for(*place)),
            };
            let now = clock::now();
            let question = remember::Asked { who, now, load, key: &key.whose, before: &remembered };
            let mut deciding = self.remember.limit(&entry.name, &entry.policy, question);
            let decision = entry.policy.admit(who, now, load, &remembered).await;
            deciding.answered(&decision);
            let (verdict, after) = decision.map_err(|_| NotAdmitted::Broken)?;
            // What was made of a cell of another form stays, also where nothing is added to it.
            let taken_over = if let Cow::Owned(bytes) = remembered { Some(bytes) } else { None };
            let after = after.or(taken_over);
            if let Some(shadow) = &*demand.caller.generation().shadow() {
                shadow.offer(SlotName::Limit, &entry.name, || About::Limit {
                    caller: who.clone(),
                    now,
                    load,
                    cell: before.clone(),
                    said: verdict.clone(),
                });
            }
            let cell = after.map(|bytes| CellChange {
                key: key.clone(),
                before,
                after: Cell { form: entry.policy.form().to_owned(), bytes },
            });
            if verdict != Verdict::Admit {
                let cells = cell.into_iter().collect();
                return Ok(Decision { verdict, cells, counted: vec![*place], deciding: vec![deciding] });
            }
            cells.extend(cell);
            counted.push(*place);
            made.push(deciding);
        }
        Ok(Decision { verdict: Verdict::Admit, cells, counted, deciding: made })
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
