//! The way of a question and of what else is asked of the house, as lists of stages. Nothing else is in
//! here, and nothing here knows HTTP.

mod ask;
mod runs;

use std::time::Duration;

use crate::capability::files::Directory;
use crate::capability::state::State;
use crate::domain::SessionId;
use crate::generation::Current;
use crate::runs::Runs;
use crate::stages::{
    self, Admission, Agent, Caller, Ownership, Recalled, Recollection, Recorder, Rules, Unreadable,
};

pub use ask::{ask, words};
pub use runs::{cancel, recall_interrupted, run, runs};

/// All that a question meets on its way.
#[derive(Debug)]
pub struct House {
    /// The rules that serve.
    pub current: Current,
    /// Cells and owners.
    pub state: State,
    /// Who may ask now.
    pub admission: Admission,
    /// What is written down.
    pub recorder: Recorder,
    /// The program.
    pub agent: Agent,
    /// Whose a session is.
    pub rules: Rules,
    /// What is on its way.
    pub runs: Runs,
    /// How long a run goes on that nobody listens to; none for as long as it takes.
    pub abandoned_after: Option<Duration>,
}

/// What was said in a session, for this caller.
pub async fn history(house: &House, caller: &Caller, session: SessionId) -> Result<Recalled, Unreadable> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::warn!("failed to read session {session}: {error}");
        Unreadable
    };
    let ownership = house.rules.look(&house.state, caller, session).map_err(|error| unreadable(&error))?;
    let hidden = ownership == Ownership::Hidden
        || (ownership == Ownership::Unclaimed && !house.rules.may_take(caller, true));
    // One that is none of the caller's business is looked for like one that does not exist, so that not
    // even the time tells them apart.
    let session = if hidden { SessionId::fresh() } else { session };
    let owner = house.state.owner(session).map_err(|error| unreadable(&error))?;
    let directory = house
        .lent_directory(owner.as_deref().unwrap_or(&caller.principal().user))
        .map_err(|error| unreadable(&error))?;
    stages::recall(Recollection::new(caller, directory, session)).await
}

impl House {
    /// The directory that a history policy is lent: the client's own, for this user.
    pub fn lent_directory(&self, user: &str) -> std::io::Result<Directory> {
        self.agent.homes.history(user)
    }

    /// Whether there is a folder of session files, as the original's health tells it. Where each user
    /// has a home, whether there is a folder of homes.
    pub async fn has_sessions(&self) -> bool {
        if self.agent.homes.separate() {
            return self.agent.homes.have_root();
        }
        let Ok(directory) = self.lent_directory("") else { return false };
        let generation = self.current.pin();
        match generation.history.directory(directory.clone()).await {
            Ok(path) => directory.has_directory(&path),
            Err(_) => false,
        }
    }
}
