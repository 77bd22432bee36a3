//! The ways of what is asked of the house, as lists of stages: a question, a run, a history, a session as
//! a whole, each in a file of its own. Nothing else is in here, and nothing here knows HTTP.

mod ask;
pub mod history;
mod runs;
pub mod sessions;

use std::time::Duration;

use crate::capability::files::Directory;
use crate::capability::state::State;
use crate::domain::{Instant, Recent, beginning};
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
    /// Who was refused lately, and why.
    pub refusals: Recent<Refused>,
    /// What is on its way.
    pub runs: Runs,
    /// How long a run goes on that nobody listens to; none for as long as it takes.
    pub abandoned_after: Option<Duration>,
}

/// How many refusals are kept in memory for administrators.
pub const REFUSALS_MAX: usize = 100;

/// Somebody whom the limiter did not let ask.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Who.
    pub user: String,
    /// The audit event.
    pub event: String,
    /// What they were told; its beginning where it is long.
    pub message: String,
}

impl Refused {
    /// How much of a text is kept: the components' own sentences have some 60 bytes.
    const BYTES_MAX: usize = 512;

    fn new(at: Instant, user: &str, event: &str, message: &str) -> Self {
        let cut = |text| beginning(text, Self::BYTES_MAX);
        Self { at: at.0, user: cut(user), event: cut(event), message: cut(message) }
    }
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
