//! A session is deleted, restored, and in the end gone for good. What is to be is written down before
//! the file is moved, so that a host which is killed in between finds it and ends what it began.

use crate::capability::files::{Directory, NotMoved};
use crate::capability::state::{Change, Deleted, Mark, Outcome, State, StateError};
use crate::domain::SessionId;

/// Why a session was not deleted or restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShelved {
    /// There is nothing to delete or restore, or it has become somebody else's.
    Missing,
    /// A file of the session is there already.
    Taken,
    /// The state or the disk does not do it; the log says what.
    Failed,
}

/// Moves a session aside. `claim`: for whom, where nobody owns it yet.
pub async fn shelve(
    state: &State,
    directory: Directory,
    session: SessionId,
    deleted: Deleted,
    claim: Option<String>,
) -> Result<(), NotShelved> {
    let claim = claim.map(|user| (session, user));
    let mark = Some((session, Mark::Deleted(deleted.clone())));
    match state.write(Change { claim, mark, ..Change::default() }).await.map_err(|error| failed(&error))? {
        Outcome::Written => {}
        Outcome::Owned | Outcome::CellMoved => return Err(NotShelved::Missing),
    }
    let moved = on_disk(move || directory.set_aside(&deleted.path, &deleted.aside)).await;
    if moved.is_err() {
        unmark(state, session).await?;
    }
    moved
}

/// Puts a session back.
pub async fn bring_back(
    state: &State,
    directory: Directory,
    session: SessionId,
    deleted: Deleted,
) -> Result<(), NotShelved> {
    let moved = on_disk(move || match directory.put_back(&deleted.path, &deleted.aside) {
        // A host was killed after it had moved the file and before it had written that down, or the
        // other way round.
        Err(NotMoved::Missing) if directory.plain(&deleted.path).is_ok_and(|file| file.is_some()) => Ok(()),
        moved => moved,
    });
    moved.await?;
    unmark(state, session).await
}

/// Removes one session that lies aside for good where its time has come, and moves one aside that a
/// killed host has left in its place. `is_over`: whether its time has come.
pub async fn purge(
    state: &State,
    directory: Directory,
    session: SessionId,
    deleted: Deleted,
    is_over: bool,
) -> Result<(), NotShelved> {
    let removed = tokio::task::spawn_blocking(move || {
        let stamp = directory.plain(&deleted.path).ok().flatten().and_then(|file| file.stamp().ok());
        // Any other file there is a new one.
        if stamp.is_some_and(|found| (found.size, found.modified) == (deleted.size, deleted.modified)) {
            let _ = directory.set_aside(&deleted.path, &deleted.aside);
        }
        if is_over { directory.purge(&deleted.aside) } else { Ok(()) }
    });
    if let Err(error) = removed.await.map_err(|error| failed(&error))? {
        tracing::warn!("a deleted session is not removed for good: {error}");
        return Err(NotShelved::Failed);
    }
    if !is_over {
        return Ok(());
    }
    let change = Change { mark: Some((session, Mark::Purged)), ..Change::default() };
    state.write(change).await.map(drop).map_err(|error| failed(&error))
}

/// The name under which a session lies aside: nobody can guess it, and a person can read it.
pub fn name_aside(session: SessionId) -> String {
    format!("{session}.{}", SessionId::fresh())
}

async fn unmark(state: &State, session: SessionId) -> Result<(), NotShelved> {
    let change = Change { mark: Some((session, Mark::Restored)), ..Change::default() };
    state.write(change).await.map(drop).map_err(|error: StateError| failed(&error))
}

async fn on_disk(work: impl FnOnce() -> Result<(), NotMoved> + Send + 'static) -> Result<(), NotShelved> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(NotMoved::Missing)) => Err(NotShelved::Missing),
        Ok(Err(NotMoved::Taken)) => Err(NotShelved::Taken),
        Ok(Err(error @ (NotMoved::Strange(_) | NotMoved::Refused(..)))) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &dyn std::fmt::Display) -> NotShelved {
    tracing::error!("a session is not deleted or restored: {error}");
    NotShelved::Failed
}
