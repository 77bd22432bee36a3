//! Runs as their askers see them: looked at, listened to, stopped. To everybody but its asker and
//! admins a run does not exist.

use std::sync::Arc;

use super::House;
use crate::capability::clock;
use crate::capability::state::{Change, RunChange, StateError};
use crate::domain::{Cancelled, Instant, RunId, RunState, SessionId};
use crate::runs::{Asked, KEEP_INTERRUPTED_MS, LISTENERS_MAX, Run};
use crate::stages::Caller;

/// The run of this id, for this caller.
pub fn run(house: &House, caller: &Caller, id: RunId) -> Option<Arc<Run>> {
    house.runs.find(id).filter(|run| is_theirs(caller, run))
}

/// The caller's runs, of one session or of all; `ended`: also those that have ended lately. An admin who
/// names a session sees whosever runs there are in it.
pub fn runs(house: &House, caller: &Caller, session: Option<SessionId>, ended: bool) -> Vec<Arc<Run>> {
    house.runs.list(|run| {
        let asked = run.asked();
        let theirs =
            if session.is_some() { is_theirs(caller, run) } else { asked.user == caller.principal().user };
        theirs
            && session.is_none_or(|session| session == asked.session)
            && (ended || run.ended_at().is_none())
    })
}

/// Whether somebody more may listen to a run.
pub fn has_room(house: &House, run: &Run) -> bool {
    house.runs.listeners(&run.asked().user) < LISTENERS_MAX
}

/// Stops a run on its asker's wish; how far it is.
pub fn cancel(run: &Run) -> RunState {
    run.cancel(Cancelled::OnWish)
}

/// Takes up what an earlier host left behind: what was under way then is interrupted, and says so.
pub async fn recall_interrupted(house: &House) -> Result<(), StateError> {
    let now = clock::now();
    let mut newly = 0;
    for (id, mut record) in house.state.runs()? {
        let at = Instant(record.interrupted_at.unwrap_or(now.0));
        let session = SessionId::parse(&record.session);
        let (Some(session), true) = (session, now.0.saturating_sub(at.0) <= KEEP_INTERRUPTED_MS) else {
            house.state.write(Change { run: Some(RunChange::Ended(id)), ..Change::default() }).await?;
            continue;
        };
        let asked = Asked {
            session,
            user: record.user.clone(),
            message: record.message.clone(),
            at: Instant(record.asked_at),
        };
        house.runs.was_interrupted(id, asked, at);
        if record.interrupted_at.is_none() {
            newly += 1;
            record.interrupted_at = Some(now.0);
            house
                .state
                .write(Change { run: Some(RunChange::Begun(id, record)), ..Change::default() })
                .await?;
        }
    }
    if newly > 0 {
        tracing::warn!("{newly} questions were under way when the last host with this data folder ended");
    }
    Ok(())
}

fn is_theirs(caller: &Caller, run: &Run) -> bool {
    let who = caller.principal();
    run.asked().user == who.user || who.is_admin()
}
