//! Whose is a session? Whoever first asks in it through Overlord owns it; to others it looks like one
//! that does not exist.

use crate::capability::state::{Change, State, StateError};
use crate::domain::{Principal, SessionId};

use super::identify::Caller;

/// The configuration's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Sessions that nobody owns (made before, or on the command line) are for admins only.
    pub unowned_for_admins: bool,
    /// Every session is open to everyone signed in, as in the original.
    pub open: bool,
}

/// What a session is to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Theirs, or as good as theirs.
    Open,
    /// Nobody's yet: whoever asks in it first owns it.
    Unclaimed,
    /// Somebody else's: it does not exist for them.
    Hidden,
}

impl Rules {
    /// What a session is to a caller now.
    pub fn look(self, state: &State, caller: &Caller, session: SessionId) -> Result<Ownership, StateError> {
        let who = caller.principal();
        Ok(match state.owner(session)? {
            Some(owner) if owner == who.user || who.is_admin() || self.open => Ownership::Open,
            Some(_) => Ownership::Hidden,
            None => Ownership::Unclaimed,
        })
    }

    /// Whether a caller may use a session that nobody owns. `started`: whether it has a file, so that
    /// it was made elsewhere; a fresh id is anybody's.
    pub fn may_take(self, caller: &Caller, started: bool) -> bool {
        !started || !self.unowned_for_admins || self.open || caller.principal().is_admin()
    }

    /// Whether a session is listed for a caller. One that nobody owns may have been anybody's before
    /// Overlord: whoever knows its id may use it, but no list tells the id.
    pub fn lists(self, who: &Principal, owner: Option<&str>) -> bool {
        self.open || owner.map_or_else(|| who.is_admin(), |owner| owner == who.user)
    }
}

/// Makes `user` the owner of a session that nobody owns; leaves one that somebody does.
pub async fn claim(state: &State, session: SessionId, user: &str) -> Result<(), StateError> {
    let change = Change { claim: Some((session, user.to_owned())), ..Change::default() };
    state.write(change).await.map(drop)
}
