//! Which sessions are a caller's, the last used first, a page at a time, and perhaps only those whose
//! titles contain a text. Ownership is looked at first, so that nobody pays for others' titles.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use super::identify::Caller;
use super::own::Rules;
use super::readers::{Reading, reading};
use super::recall::Unreadable;
use super::titles::Titles;
use crate::capability::files::{Directory, ENTRIES_MAX};
use crate::capability::state::{Deleted, State};
use crate::domain::{Instant, SessionId, Title, fold};
use crate::sandbox::hooks::Listed;

/// How many lines a page has where nobody says.
pub const PAGE_LINES: usize = 50;

/// The most that may be asked for: what a person looks through, and some megabytes to read.
pub const PAGE_LINES_MAX: usize = 200;

/// A search ends early after so many files were looked at, 64 MiB of them; its page says where to go on.
const SEARCHED_MAX: usize = 512;

/// How many titles a search looks at before it asks whether it has enough.
const SEARCHED_AT_ONCE: usize = 64;

/// What is wanted of the list.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Only those whose title contains this, whatever the case.
    pub text: Option<String>,
    /// At most so many.
    pub lines: usize,
    /// Only what comes behind this place.
    pub after: Option<Cursor>,
}

/// A place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    at: Instant,
    session: SessionId,
}

/// One session.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub session: SessionId,
    /// What to call it.
    pub title: Option<Title>,
    /// When its file was last written to.
    pub modified: Instant,
    /// Its file's size in bytes.
    pub size: u64,
    /// When it was deleted, if it was.
    pub deleted: Option<Deleted>,
}

/// A page of the list.
#[derive(Debug, Default)]
pub struct Listing {
    /// The last used first, or the last deleted.
    pub lines: Vec<Line>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, session) = text.split_once('.')?;
        let at = Some(at).filter(|at| at.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some(Self { at: Instant(at.parse().ok()?), session: SessionId::parse(session)? })
    }

    /// What the list is ordered by.
    fn key(self) -> (Reverse<Instant>, SessionId) {
        (Reverse(self.at), self.session)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.0, self.session)
    }
}

impl From<&Listed> for Cursor {
    fn from(listed: &Listed) -> Self {
        Self { at: listed.modified, session: listed.session }
    }
}

impl From<&Line> for Cursor {
    fn from(line: &Line) -> Self {
        let at = line.deleted.as_ref().map_or(line.modified, |deleted| Instant(deleted.at));
        Self { at, session: line.session }
    }
}

/// The caller's sessions in a directory. `home`: whose it is, where each user has one.
pub async fn list(
    caller: &Caller,
    rules: Rules,
    state: &State,
    titles: &Titles,
    (home, directory): (&Arc<str>, &Directory),
    wanted: &Wanted,
) -> Result<Listing, Unreadable> {
    let reading = Arc::new(reading(&caller.principal().user).await);
    let mine = mine(caller, rules, state, directory, wanted.after, Arc::clone(&reading)).await?;
    let text = wanted.text.as_deref().map(fold);
    let mut listing = Listing::default();
    let (mut at, mut looked) = (0, 0);
    while at < mine.len() && listing.lines.len() < wanted.lines && looked < SEARCHED_MAX {
        let missing = wanted.lines - listing.lines.len();
        let count = if text.is_some() { SEARCHED_AT_ONCE } else { missing };
        let batch = &mine[at..mine.len().min(at + count)];
        let unnamed: Vec<Listed> =
            batch.iter().filter(|(_, title)| title.is_none()).map(|(listed, _)| *listed).collect();
        let (found, read) = titles.of(caller.generation(), home, directory, &unnamed).await;
        looked += read;
        let mut found = found.into_iter();
        for (listed, given) in batch {
            if listing.lines.len() == wanted.lines {
                break;
            }
            at += 1;
            let title = given.clone().or_else(|| found.next().flatten());
            let is_wanted = |text: &String| title.as_ref().is_some_and(|title| title.contains(text));
            if text.as_ref().is_none_or(is_wanted) {
                let Listed { session, modified, size } = *listed;
                listing.lines.push(Line { session, title, modified, size, deleted: None });
            }
        }
    }
    listing.next = (at < mine.len()).then(|| Cursor::from(&mine[at - 1].0));
    Ok(listing)
}

/// Those of the caller behind a place, each with the title that a user gave.
async fn mine(
    caller: &Caller,
    rules: Rules,
    state: &State,
    directory: &Directory,
    after: Option<Cursor>,
    reading: Arc<Reading>,
) -> Result<Vec<(Listed, Option<Title>)>, Unreadable> {
    let (generation, who) = (Arc::clone(caller.generation()), caller.principal().clone());
    let (state, directory) = (state.clone(), directory.clone());
    let runtime = tokio::runtime::Handle::current();
    // On a thread of its own: there may be very many, and all of it is the disk's.
    let looking = tokio::task::spawn_blocking(move || {
        // It goes with the work, which goes on where the reader has left.
        let _reading = reading;
        let max = u32::try_from(ENTRIES_MAX).unwrap_or(u32::MAX);
        let listed = runtime.block_on(generation.history.sessions(directory, max));
        let mut listed = listed.map_err(|_| Unreadable)?;
        if let Some(after) = after {
            listed.retain(|listed| Cursor::from(listed).key() > after.key());
        }
        // The order is the list's own promise, whatever the policy's.
        listed.sort_unstable_by_key(|listed| Cursor::from(listed).key());
        let known = state.known(listed.iter().map(|listed| listed.session)).map_err(|error| {
            tracing::error!("cannot list sessions: {error}");
            Unreadable
        })?;
        let mine = listed
            .into_iter()
            .zip(known)
            .filter(|(_, known)| !known.deleted && rules.lists(&who, known.owner.as_deref()));
        Ok(mine.map(|(listed, known)| (listed, known.title)).collect())
    });
    looking.await.map_err(|_| Unreadable)?
}

/// The caller's deleted sessions that can still be restored at the time `now`, where they are kept for
/// `days`.
pub fn list_deleted(
    caller: &Caller,
    rules: Rules,
    state: &State,
    (days, now): (u32, Instant),
    wanted: &Wanted,
) -> Result<Listing, Unreadable> {
    let broken = |error: &dyn fmt::Display| {
        tracing::error!("cannot list deleted sessions: {error}");
        Unreadable
    };
    let who = caller.principal();
    let mut all = state.all_deleted().map_err(|error| broken(&error))?;
    all.retain(|(_, owner, deleted)| rules.lists(who, owner.as_deref()) && deleted.until(days) > now);
    let known = state.known(all.iter().map(|(session, ..)| *session)).map_err(|error| broken(&error))?;
    let text = wanted.text.as_deref().map(fold);
    let lines = all.into_iter().zip(known).map(|((session, _, deleted), known)| Line {
        session,
        title: known.title.or_else(|| Title::found(deleted.title.as_deref()?)),
        modified: Instant(deleted.modified),
        size: deleted.size,
        deleted: Some(deleted),
    });
    let is_wanted = |line: &Line| {
        let named = |text: &String| line.title.as_ref().is_some_and(|title| title.contains(text));
        text.as_ref().is_none_or(named)
            && wanted.after.is_none_or(|after| Cursor::from(line).key() > after.key())
    };
    let mut lines: Vec<Line> = lines.filter(is_wanted).collect();
    lines.sort_unstable_by_key(|line| Cursor::from(line).key());
    let more = lines.len() > wanted.lines;
    lines.truncate(wanted.lines);
    let next = lines.last().filter(|_| more).map(Cursor::from);
    Ok(Listing { lines, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_was_given_out_and_nothing_else() {
        let cursor = Cursor { at: Instant(u64::MAX), session: SessionId::fresh() };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in [
            "",
            ".",
            "1",
            "1.",
            "+1.0f8fad5b-d9cb-469f-a165-70867728950e",
            "1.x",
            "99999999999999999999.0f8fad5b-d9cb-469f-a165-70867728950e",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
