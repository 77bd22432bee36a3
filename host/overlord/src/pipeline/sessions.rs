//! The way of what is done to whole sessions: listed, renamed, deleted, restored, taken away. What is
//! not the caller's is looked for like what does not exist, so that not even the time tells them apart.

use std::fmt::Display;
use std::sync::Arc;

use super::House;
use crate::capability::clock;
use crate::capability::files::Directory;
use crate::capability::state::{Change, Deleted, Mark, Outcome, StateError};
use crate::domain::{Event, Instant, SessionId, Title};
use crate::runs::Run;
use crate::sandbox::hooks::Listed;
use crate::stages::{
    self, Caller, Format, Hold, Listing, NotShelved, Ownership, Pieces, Recollection, Unreadable, Wanted,
};

/// Why nothing was done to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDone {
    /// For this caller there is no such session.
    NoSession,
    /// It was deleted, and can be restored.
    Deleted,
    /// A question of it is being answered, or something else is being done to it.
    Busy,
    /// It cannot be put back: there is a file of it again.
    Taken,
    /// The state or the disk does not do it; the log says why.
    Failed,
}

/// A session to take away.
#[derive(Debug)]
pub struct Exported {
    /// What it is called.
    pub title: Option<Title>,
    /// The file.
    pub pieces: Pieces,
}

/// What goes on in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A question is being answered.
    Running,
    /// A question waits.
    Queued,
}

/// A session as this caller may use it: their own, one that is nobody's, or one that does not exist.
pub(super) struct Theirs {
    session: SessionId,
    unclaimed: bool,
    home_of: String,
    directory: Directory,
}

/// The session's home, for what is remembered of its file.
type Home = Arc<str>;

impl From<Unreadable> for NotDone {
    fn from(_: Unreadable) -> Self {
        Self::Failed
    }
}

impl From<NotShelved> for NotDone {
    fn from(why: NotShelved) -> Self {
        match why {
            NotShelved::Missing => Self::NoSession,
            NotShelved::Taken => Self::Taken,
            NotShelved::Failed => Self::Failed,
        }
    }
}

impl House {
    /// Whether something is going on in a session: the one place that knows.
    pub fn activity(&self, session: SessionId) -> Option<Activity> {
        if self.admission.places.busy(session) {
            return Some(Activity::Running);
        }
        let waits = |run: &Run| run.asked().session == session && run.ended_at().is_none();
        (!self.runs.list(waits).is_empty()).then_some(Activity::Queued)
    }

    /// Keeps a session free of questions while something is done to its file; none where something is
    /// going on in it.
    fn hold(&self, session: SessionId) -> Option<Hold> {
        let hold = self.admission.places.hold(session)?;
        let waits = |run: &Run| run.asked().session == session && run.ended_at().is_none();
        self.runs.list(waits).is_empty().then_some(hold)
    }

    /// What a user's home is remembered as.
    fn home(&self, user: &str) -> Home {
        if self.agent.homes.separate() { user.into() } else { "".into() }
    }
}

impl Theirs {
    pub(super) fn look(house: &House, caller: &Caller, session: SessionId) -> Result<Self, NotLooked> {
        let ownership = house.rules.look(&house.state, caller, session)?;
        let hidden = ownership == Ownership::Hidden
            || (ownership == Ownership::Unclaimed && !house.rules.may_take(caller, true));
        let session = if hidden { SessionId::fresh() } else { session };
        let owner = house.state.owner(session)?;
        let home_of = owner.unwrap_or_else(|| caller.principal().user.clone());
        let directory = house.lent_directory(&home_of)?;
        Ok(Self { session, unclaimed: ownership == Ownership::Unclaimed, home_of, directory })
    }

    /// How it was deleted, if it was.
    pub(super) fn deleted(&self, house: &House) -> Result<Option<Deleted>, StateError> {
        house.state.deleted(self.session)
    }

    pub(super) fn recollection(&self, caller: &Caller) -> Recollection {
        Recollection::new(caller, self.directory.clone(), self.session)
    }

    /// Where its file is, and what it is; an error where there is none.
    async fn file(&self, house: &House, caller: &Caller) -> Result<(String, Listed), NotDone> {
        if self.deleted(house).map_err(|error| failed(&error))?.is_some() {
            return Err(NotDone::Deleted);
        }
        let (path, stamp) = self.recollection(caller).stamp().await?.ok_or(NotDone::NoSession)?;
        let listed = Listed { session: self.session, modified: Instant(stamp.modified), size: stamp.size };
        Ok((path, listed))
    }

    /// What it is called by its file.
    async fn own_title(&self, house: &House, caller: &Caller, listed: Listed) -> Option<Title> {
        let home = house.home(&self.home_of);
        let (titles, _) = house.titles.of(caller.generation(), &home, &self.directory, &[listed]).await;
        titles.into_iter().next().flatten()
    }

    /// For whom it is claimed by a change to it, where it is nobody's.
    fn claim(&self, caller: &Caller) -> Option<String> {
        self.unclaimed.then(|| caller.principal().user.clone())
    }
}

/// The caller's sessions.
pub async fn list(house: &House, caller: &Caller, wanted: &Wanted) -> Result<Listing, NotDone> {
    let user = &caller.principal().user;
    let directory = house.lent_directory(user).map_err(|error| failed(&error))?;
    let place = (&house.home(user), &directory);
    Ok(stages::list(caller, house.rules, &house.state, &house.titles, place, wanted).await?)
}

/// The caller's sessions that were deleted and can be restored, and for how many days they are kept.
pub async fn list_deleted(
    house: &Arc<House>,
    caller: &Caller,
    wanted: Wanted,
) -> Result<(Listing, u32), NotDone> {
    let (of, caller, kept) = (Arc::clone(house), caller.clone(), house.deleted_keep_days);
    let listing = tokio::task::spawn_blocking(move || {
        stages::list_deleted(&caller, of.rules, &of.state, (kept, clock::now()), &wanted)
    });
    Ok((listing.await.map_err(|error| failed(&error))??, kept))
}

/// Calls a session what its user calls it, or again what its file does. Returns what it is called now.
pub async fn rename(
    house: &House,
    caller: &Caller,
    session: SessionId,
    title: Option<Title>,
) -> Result<Option<Title>, NotDone> {
    let theirs = Theirs::look(house, caller, session).map_err(|error| failed(&error))?;
    let (_, listed) = theirs.file(house, caller).await?;
    let change = Change {
        claim: theirs.claim(caller).map(|user| (session, user)),
        mark: Some((session, Mark::Titled(title.clone()))),
        ..Change::default()
    };
    match house.state.write(change).await.map_err(|error| failed(&error))? {
        Outcome::Written => {}
        Outcome::Owned | Outcome::CellMoved => return Err(NotDone::NoSession),
    }
    record(house, caller, session, "session_renamed").await;
    match title {
        Some(title) => Ok(Some(title)),
        None => Ok(theirs.own_title(house, caller, listed).await),
    }
}

/// Moves a session aside. Returns until when it can be restored; that is safe to ask for again.
pub async fn delete(house: Arc<House>, caller: Caller, session: SessionId) -> Result<Instant, NotDone> {
    // A task of its own: what has begun ends, whether anybody waits for it or not.
    let work = tokio::spawn(async move {
        let theirs = Theirs::look(&house, &caller, session).map_err(|error| failed(&error))?;
        let _hold = house.hold(theirs.session).ok_or(NotDone::Busy)?;
        let days = house.deleted_keep_days;
        if let Some(deleted) = theirs.deleted(&house).map_err(|error| failed(&error))? {
            return Ok(deleted.until(days));
        }
        let (path, listed) = theirs.file(&house, &caller).await?;
        let title = theirs.own_title(&house, &caller, listed).await;
        let deleted = Deleted {
            at: clock::now().0,
            home_of: theirs.home_of.clone(),
            path,
            aside: stages::name_aside(session),
            title: title.map(|title| title.as_str().to_owned()),
            modified: listed.modified.0,
            size: listed.size,
        };
        let until = deleted.until(days);
        let (claim, directory) = (theirs.claim(&caller), theirs.directory.clone());
        stages::shelve(&house.state, directory.clone(), session, deleted.clone(), claim).await?;
        record(&house, &caller, session, "session_deleted").await;
        if until <= clock::now() {
            // Nothing is kept here. What cannot be removed now is tried again.
            let _ = stages::purge(&house.state, directory, session, deleted, true).await;
        }
        Ok(until)
    });
    work.await.map_err(|error| failed(&error))?
}

/// Puts a session back. One that was never deleted is there: that is safe to ask for again.
pub async fn restore(house: Arc<House>, caller: Caller, session: SessionId) -> Result<(), NotDone> {
    let work = tokio::spawn(async move {
        let theirs = Theirs::look(&house, &caller, session).map_err(|error| failed(&error))?;
        let _hold = house.hold(theirs.session).ok_or(NotDone::Busy)?;
        let Some(deleted) = theirs.deleted(&house).map_err(|error| failed(&error))? else {
            return theirs.file(&house, &caller).await.map(drop);
        };
        stages::bring_back(&house.state, theirs.directory.clone(), session, deleted).await?;
        record(&house, &caller, session, "session_restored").await;
        Ok(())
    });
    work.await.map_err(|error| failed(&error))?
}

/// A session to take away.
pub async fn export(
    house: &House,
    caller: &Caller,
    session: SessionId,
    format: Format,
) -> Result<Exported, NotDone> {
    let theirs = Theirs::look(house, caller, session).map_err(|error| failed(&error))?;
    let (path, listed) = theirs.file(house, caller).await?;
    let known = house.state.known(std::iter::once(session)).map_err(|error| failed(&error))?;
    let title = match known.into_iter().next().and_then(|known| known.title) {
        Some(title) => Some(title),
        None => theirs.own_title(house, caller, listed).await,
    };
    let from = theirs.recollection(caller);
    let pieces = stages::export(from, path, format, session, title.clone()).await?;
    Ok(Exported { title, pieces })
}

/// Removes for good what was deleted long enough ago at the time `now`, and ends what a killed host had
/// begun.
pub async fn purge(house: &House, now: Instant) {
    let all = match house.state.all_deleted() {
        Ok(all) => all,
        Err(error) => return tracing::error!("deleted sessions are not looked at: {error}"),
    };
    for (session, _, _) in all {
        let Some(_hold) = house.hold(session) else { continue };
        // It may have been restored since.
        let Ok(Some(deleted)) = house.state.deleted(session) else { continue };
        let is_over = deleted.until(house.deleted_keep_days) <= now;
        match house.lent_directory(&deleted.home_of) {
            Ok(directory) => {
                let purged = stages::purge(&house.state, directory, session, deleted, is_over).await;
                if is_over && purged.is_ok() {
                    tracing::info!("the deleted session {session} was removed for good");
                }
            }
            Err(error) => tracing::warn!("the deleted session {session} is not looked at: {error}"),
        }
    }
}

/// Why it is not known whose a session is.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotLooked {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot open the folder that its file would be in: {0}")]
    Home(#[from] std::io::Error),
}

async fn record(house: &House, caller: &Caller, session: SessionId, name: &'static str) {
    let user = caller.principal().user.as_str().into();
    let fields = vec![("user", user), ("session_id", session.to_string().into())];
    let event = Event { name: name.into(), at: clock::now(), fields };
    let _ = house.recorder.record(caller.generation(), &event.of(caller.request())).await;
}

fn failed(error: &dyn Display) -> NotDone {
    tracing::error!("nothing is done to a session: {error}");
    NotDone::Failed
}
