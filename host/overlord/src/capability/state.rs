//! What must outlive the host: limiter cells, who owns which session, which rules serve, in one redb
//! file. A change is on disk before the one who asked for it hears of it; changes that come together share one commit.

mod cells;
mod sessions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::domain::{RunId, SessionId};

pub use cells::{Cell, CellChange, CellKey, GROUND, Settle, Space, Spaces};
pub use sessions::{Deleted, Known, Mark};

/// The version of the tables. A file of the first is brought up to it; one of another is refused and not
/// guessed at.
const SCHEMA: u64 = 2;

/// The version in which a cell did not say whose it is.
const FIRST_SCHEMA: u64 = 1;

/// redb's cache; its own default is 1 GiB.
const CACHE_BYTES: usize = 8 << 20;

/// How many changes wait for the disk before the next one has to wait for room.
const QUEUE_MAX: usize = 1024;

/// How many changes share one commit.
const BATCH_MAX: usize = 256;

/// What is known of the file itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Which rules serve and served, as JSON, under the one key [`RULES_KEY`].
const RULES: TableDefinition<'_, &str, &str> = TableDefinition::new("rules");
/// The key of the rules.
const RULES_KEY: &str = "journal";
/// Runs that have not ended, as JSON.
const RUNS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("runs");
/// Who owns a session.
const OWNERS: TableDefinition<'_, [u8; 16], &str> = TableDefinition::new("owners");

/// The state of one data folder.
#[derive(Debug, Clone)]
pub struct State {
    database: Arc<Database>,
    changes: mpsc::Sender<(Change, oneshot::Sender<Result<Outcome, StateError>>)>,
}

/// What is to be written in one step.
#[derive(Debug, Default)]
pub struct Change {
    /// The new cells of a decision, all of them or none.
    pub cells: Vec<CellChange>,
    /// Who is to own a session that nobody else owns: the session and the user.
    pub claim: Option<(SessionId, String)>,
    /// What is to be known of a session besides.
    pub mark: Option<(SessionId, Mark)>,
    /// A run that begins or ends.
    pub run: Option<RunChange>,
    /// Which rules serve, as JSON.
    pub rules: Option<String>,
    /// A space of cells that is given up.
    pub settle: Option<Settle>,
}

/// What becomes of a run.
#[derive(Debug)]
pub enum RunChange {
    /// It is under way: should the host end before it does, this is what is known of it.
    Begun(RunId, RunRecord),
    /// There is nothing to be known any more.
    Ended(RunId),
}

/// What is known of a run after the host that it ran in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Who asked.
    pub user: String,
    /// In which session.
    pub session: String,
    /// What.
    pub message: String,
    /// When, in milliseconds since the Unix epoch.
    pub asked_at: u64,
    /// When a host found it without its end.
    pub interrupted_at: Option<u64>,
}

impl Change {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
            && self.claim.is_none()
            && self.run.is_none()
            && self.mark.is_none()
            && self.rules.is_none()
            && self.settle.is_none()
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is on disk.
    Written,
    /// Nothing was written: the cell is no longer what the decision was made on.
    CellMoved,
    /// Nothing was written: somebody else owns the session.
    Owned,
}

/// Why the state cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StateError {
    /// Another host has the file open.
    #[error(
        "the data folder {0} is in use by another host; stop that one, or give this one a folder of its own (`data`, OVERLORD_DATA)"
    )]
    InUse(String),
    /// Written by a version that this one does not know.
    #[error(
        "the state in {0} has schema version {1}, and this version of Overlord knows {SCHEMA}; use the version that wrote it, or start with a new data folder"
    )]
    Schema(String, u64),
    /// Anything else.
    #[error("cannot use the state file {0}: {1}; look at the disk and at the file's owner")]
    Broken(String, String),
}

impl State {
    /// Opens or makes the file `state.redb` in a data folder.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let file = folder.join("state.redb");
        let broken = |error: String| StateError::Broken(file.display().to_string(), error);
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create(&file).map_err(|error| match error {
                redb::DatabaseError::DatabaseAlreadyOpen => StateError::InUse(folder.display().to_string()),
                error => broken(error.to_string()),
            })?;
        match prepare(&database) {
            Ok(SCHEMA) => {}
            Ok(other) => return Err(StateError::Schema(file.display().to_string(), other)),
            Err(error) => return Err(broken(error.to_string())),
        }
        let database = Arc::new(database);
        let (changes, queue) = mpsc::channel(QUEUE_MAX);
        let writer = Arc::clone(&database);
        std::thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || write_all(&writer, queue))
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { database, changes })
    }

    /// Who owns a session, if anybody does.
    pub fn owner(&self, session: SessionId) -> Result<Option<String>, StateError> {
        let read = || -> Result<Option<String>, redb::Error> {
            let table = self.database.begin_read()?.open_table(OWNERS)?;
            Ok(table.get(session.as_bytes())?.map(|owner| owner.value().to_owned()))
        };
        read().map_err(|error| unreadable(&error))
    }

    /// The runs that have not ended; those of an earlier host among them. One that cannot be read is
    /// left out.
    pub fn runs(&self) -> Result<Vec<(RunId, RunRecord)>, StateError> {
        let read = || -> Result<Vec<(RunId, RunRecord)>, redb::Error> {
            let table = self.database.begin_read()?.open_table(RUNS)?;
            let mut runs = Vec::new();
            for entry in table.iter()? {
                let (id, json) = entry?;
                match serde_json::from_slice(json.value()) {
                    Ok(record) => runs.push((RunId::from_bytes(id.value()), record)),
                    Err(error) => tracing::error!("the state has a run that cannot be read: {error}"),
                }
            }
            Ok(runs)
        };
        read().map_err(|error| unreadable(&error))
    }

    /// Which rules served last, as they were kept; none at the first start.
    pub fn rules(&self) -> Result<Option<String>, StateError> {
        let read = || -> Result<Option<String>, redb::Error> {
            let table = self.database.begin_read()?.open_table(RULES)?;
            Ok(table.get(RULES_KEY)?.map(|json| json.value().to_owned()))
        };
        read().map_err(|error| unreadable(&error))
    }

    /// Writes all of a change or nothing of it.
    pub async fn write(&self, change: Change) -> Result<Outcome, StateError> {
        let (answer, outcome) = oneshot::channel();
        let gone = || unreadable(&"its writer has ended");
        self.changes.send((change, answer)).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> StateError {
    super::trouble::STATE.again();
    StateError::Broken("state.redb".to_owned(), error.to_string())
}

/// Makes the tables; returns the file's schema version.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let schema = {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("schema")?.map(|version| version.value());
        match found {
            None | Some(FIRST_SCHEMA) => {
                meta.insert("schema", SCHEMA)?;
                SCHEMA
            }
            Some(version) => version,
        }
    };
    if schema == SCHEMA {
        transaction.open_table(OWNERS)?;
        transaction.open_table(RUNS)?;
        transaction.open_table(RULES)?;
        cells::prepare(&transaction)?;
        sessions::prepare(&transaction)?;
    }
    transaction.commit()?;
    Ok(schema)
}

type Waiting = (Change, oneshot::Sender<Result<Outcome, StateError>>);

/// The one writer: takes what waits, commits it together, tells everyone.
fn write_all(database: &Database, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch: Vec<Waiting> = Vec::new();
    while queue.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        let outcomes = commit(database, batch.iter().map(|(change, _)| change));
        match outcomes {
            Ok(outcomes) => {
                for ((_, answer), outcome) in batch.drain(..).zip(outcomes) {
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                tracing::error!("cannot write the state: {error}; look at the disk");
                for (_, answer) in batch.drain(..) {
                    let _ = answer.send(Err(unreadable(&error)));
                }
                // A disk that is full stays so for a while.
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn commit<'a>(
    database: &Database,
    changes: impl Iterator<Item = &'a Change>,
) -> Result<Vec<Outcome>, redb::Error> {
    let transaction = database.begin_write()?;
    let mut outcomes = Vec::new();
    {
        let mut cells = cells::Cells::open(&transaction)?;
        let mut owners = transaction.open_table(OWNERS)?;
        let mut runs = transaction.open_table(RUNS)?;
        let mut marks = sessions::Marks::open(&transaction)?;
        for change in changes {
            let outcome = apply(change, &mut cells, &mut owners)?;
            if let (Outcome::Written, Some((session, mark))) = (outcome, &change.mark) {
                marks.set(*session, mark)?;
            }
            if let (Outcome::Written, Some(run)) = (outcome, &change.run) {
                match run {
                    RunChange::Begun(id, record) => {
                        let json = serde_json::to_vec(record).expect("it is made of text and numbers");
                        runs.insert(id.as_bytes(), json.as_slice())?;
                    }
                    RunChange::Ended(id) => drop(runs.remove(id.as_bytes())?),
                }
            }
            if let (Outcome::Written, Some(json)) = (outcome, &change.rules) {
                transaction.open_table(RULES)?.insert(RULES_KEY, json.as_str())?;
            }
            if let (Outcome::Written, Some(settle)) = (outcome, change.settle) {
                cells.settle(settle)?;
            }
            outcomes.push(outcome);
        }
    }
    transaction.commit()?;
    Ok(outcomes)
}

fn apply(
    change: &Change,
    cells: &mut cells::Cells<'_>,
    owners: &mut redb::Table<'_, [u8; 16], &str>,
) -> Result<Outcome, redb::Error> {
    if let Some((session, user)) = &change.claim
        && let Some(owner) = owners.get(session.as_bytes())?
        && owner.value() != user
    {
        return Ok(Outcome::Owned);
    }
    if !cells.unmoved(&change.cells)? {
        return Ok(Outcome::CellMoved);
    }
    for cell in &change.cells {
        cells.set(cell)?;
    }
    if let Some((session, user)) = &change.claim {
        owners.insert(session.as_bytes(), user.as_str())?;
    }
    Ok(Outcome::Written)
}

#[cfg(test)]
mod tests;
