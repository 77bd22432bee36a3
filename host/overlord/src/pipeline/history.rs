//! The way of a history: whose session it is, whether it has changed, then what was said.

use super::House;
use super::sessions::Theirs;
use crate::domain::SessionId;
use crate::stages::{self, Caller, Part, Recalled, Side, Unreadable};

/// A history, as it is told.
#[derive(Debug)]
pub enum Told {
    /// The caller has it already; its tag.
    Same(String),
    /// The messages, and the tag of this state of them.
    Messages(String, Recalled),
}

/// Why nothing is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTold {
    /// The session was deleted, and can be restored.
    Deleted,
    /// The file is shorter than the offset that was to be gone on from; its size in bytes.
    Beyond(u64),
    /// It cannot be read; the log says why.
    Unreadable,
}

impl From<Unreadable> for NotTold {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// What was said in a session, for this caller: all of it as the original tells it, or a part. `has`:
/// whether the caller has what this tag names.
pub async fn history(
    house: &House,
    caller: &Caller,
    session: SessionId,
    part: Option<Part>,
    has: impl Fn(&str) -> bool,
) -> Result<Told, NotTold> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::warn!("failed to read session {session}: {error}");
        NotTold::Unreadable
    };
    let theirs = Theirs::look(house, caller, session).map_err(|error| unreadable(&error))?;
    if theirs.deleted(house).map_err(|error| unreadable(&error))?.is_some() {
        return Err(NotTold::Deleted);
    }
    let from = theirs.recollection(caller);
    let stamp = from.stamp().await?.map(|(_, stamp)| stamp);
    let tag = from.tag(stamp);
    if has(&tag) {
        return Ok(Told::Same(tag));
    }
    let Some(part) = part else { return Ok(Told::Messages(tag, stages::recall(from).await?)) };
    let size = stamp.map_or(0, |stamp| stamp.size);
    match part.side {
        Side::After(offset) if offset > size => Err(NotTold::Beyond(size)),
        _ => Ok(Told::Messages(tag, Recalled::Whole(stages::page(&from, part, size).await?))),
    }
}
