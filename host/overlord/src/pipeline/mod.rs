//! The ways of what is asked of the house, as lists of stages: a question, a run, a history, a session as
//! a whole, each in a file of its own. Nothing else is in here, and nothing here knows HTTP.

mod ask;
pub mod history;
mod runs;
pub mod sessions;

use std::time::Duration;

use crate::capability::files::Directory;
use crate::capability::state::State;
use crate::generation::Current;
use crate::runs::Runs;
use crate::stages::{Admission, Agent, Recorder, Rules, Titles};

pub use ask::{ask, words};
pub use runs::{cancel, has_room, recall_interrupted, run, runs};

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
    /// What sessions are called.
    pub titles: Titles,
    /// For how many days deleted sessions can be restored.
    pub deleted_keep_days: u32,
    /// What is on its way.
    pub runs: Runs,
    /// How long a run goes on that nobody listens to; none for as long as it takes.
    pub abandoned_after: Option<Duration>,
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
