//! What must outlive the host: limiter cells and who owns which session, in one redb file. A change is
//! on disk before the one who asked for it hears of it; changes that come together share one commit.

mod sessions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::domain::{RunId, SessionId};

pub use sessions::{Deleted, Known, Mark};

/// The version of the tables below. A file of another one is refused and not guessed at.
const SCHEMA: u64 = 1;

/// redb's cache; its own default is 1 GiB.
const CACHE_BYTES: usize = 8 << 20;

/// How many changes wait for the disk before the next one has to wait for room.
const QUEUE_MAX: usize = 1024;

/// How many changes share one commit.
const BATCH_MAX: usize = 256;

/// What is known of the file itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// What a limiter remembers of a caller, by slot and user.
const CELLS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("cells");
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
    /// The caller's new cell in a slot: slot, user, what was read before, what is to be there now.
    pub cell: Option<CellChange>,
    /// Who is to own a session that nobody else owns: the session and the user.
    pub claim: Option<(SessionId, String)>,
    /// What is to be known of a session besides.
    pub mark: Option<(SessionId, Mark)>,
    /// A run that begins or ends.
    pub run: Option<RunChange>,
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
        self.cell.is_none() && self.claim.is_none() && self.run.is_none() && self.mark.is_none()
    }
}

/// One cell, compared and swapped.
#[derive(Debug)]
pub struct CellChange {
    /// The slot's name.
    pub slot: &'static str,
    /// The user's name.
    pub user: String,
    /// What the decision was made on.
    pub before: Vec<u8>,
    /// What it left behind.
    pub after: Vec<u8>,
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

    /// What a limiter remembers of a user; empty at first.
    pub fn cell(&self, slot: &str, user: &str) -> Result<Vec<u8>, StateError> {
        let read = || -> Result<Vec<u8>, redb::Error> {
            let table = self.database.begin_read()?.open_table(CELLS)?;
            Ok(table.get((slot, user))?.map(|cell| cell.value().to_vec()).unwrap_or_default())
        };
        read().map_err(|error| unreadable(&error))
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
        if let Some(version) = found {
            version
        } else {
            meta.insert("schema", SCHEMA)?;
            SCHEMA
        }
    };
    if schema == SCHEMA {
        transaction.open_table(CELLS)?;
        transaction.open_table(OWNERS)?;
        transaction.open_table(RUNS)?;
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
        let mut cells = transaction.open_table(CELLS)?;
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
            outcomes.push(outcome);
        }
    }
    transaction.commit()?;
    Ok(outcomes)
}

fn apply(
    change: &Change,
    cells: &mut redb::Table<'_, (&str, &str), &[u8]>,
    owners: &mut redb::Table<'_, [u8; 16], &str>,
) -> Result<Outcome, redb::Error> {
    if let Some((session, user)) = &change.claim
        && let Some(owner) = owners.get(session.as_bytes())?
        && owner.value() != user
    {
        return Ok(Outcome::Owned);
    }
    if let Some(cell) = &change.cell {
        let key = (cell.slot, cell.user.as_str());
        let same = match cells.get(key)? {
            Some(found) => found.value() == cell.before,
            None => cell.before.is_empty(),
        };
        if !same {
            return Ok(Outcome::CellMoved);
        }
        cells.insert(key, cell.after.as_slice())?;
    }
    if let Some((session, user)) = &change.claim {
        owners.insert(session.as_bytes(), user.as_str())?;
    }
    Ok(Outcome::Written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(before: &[u8], after: &[u8]) -> Change {
        let cell =
            CellChange { slot: "limit", user: "a".into(), before: before.to_vec(), after: after.to_vec() };
        Change { cell: Some(cell), ..Change::default() }
    }

    #[tokio::test]
    async fn a_change_is_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("open");
        let session = SessionId::fresh();
        assert_eq!(state.owner(session).expect("read"), None);
        let claim = |user: &str| Some((session, user.to_owned()));
        let first = Change { claim: claim("a"), ..cell(b"", b"1") };
        assert_eq!(state.write(first).await.expect("written"), Outcome::Written);
        let stolen = Change {
            claim: claim("b"),
            cell: Some(CellChange { slot: "limit", user: "b".into(), before: vec![], after: vec![1] }),
            ..Change::default()
        };
        assert_eq!(state.write(stolen).await.expect("answered"), Outcome::Owned);
        assert_eq!(state.cell("limit", "b").expect("read"), b"", "nothing of a refused change is there");
        let moved = Change { claim: Some((SessionId::fresh(), "a".into())), ..cell(b"", b"2") };
        let other = moved.claim.as_ref().expect("claimed").0;
        assert_eq!(state.write(moved).await.expect("answered"), Outcome::CellMoved);
        assert_eq!(state.owner(other).expect("read"), None);
        assert_eq!(state.write(cell(b"1", b"2")).await.expect("answered"), Outcome::Written);
        assert_eq!(state.cell("limit", "a").expect("read"), b"2");
    }

    #[tokio::test]
    async fn it_survives_and_is_not_shared() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("open");
        state.write(cell(b"", b"kept")).await.expect("written");
        assert!(matches!(State::open(folder.path()), Err(StateError::InUse(_))));
        drop(state);
        let again = loop {
            // The writer lets go of the file a moment after the last handle.
            match State::open(folder.path()) {
                Err(StateError::InUse(_)) => std::thread::yield_now(),
                other => break other.expect("open"),
            }
        };
        assert_eq!(again.cell("limit", "a").expect("read"), b"kept");
    }

    #[tokio::test]
    async fn a_run_is_known_until_it_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("open");
        let id = RunId::fresh();
        let record = RunRecord {
            user: "a".into(),
            session: SessionId::fresh().to_string(),
            message: "?".into(),
            asked_at: 7,
            interrupted_at: None,
        };
        let run = Some(RunChange::Begun(id, record.clone()));
        let refused =
            Change { run: Some(RunChange::Begun(RunId::fresh(), record.clone())), ..cell(b"no", b"") };
        assert_eq!(state.write(refused).await.expect("answered"), Outcome::CellMoved);
        state.write(Change { run, ..Change::default() }).await.expect("written");
        assert_eq!(state.runs().expect("read"), [(id, record)], "nothing of the refused change is there");
        state.write(Change { run: Some(RunChange::Ended(id)), ..Change::default() }).await.expect("written");
        assert!(state.runs().expect("read").is_empty());
    }

    #[test]
    fn another_schema_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::create(folder.path().join("state.redb")).expect("made");
        let transaction = database.begin_write().expect("begun");
        transaction.open_table(META).expect("a table").insert("schema", SCHEMA + 1).expect("written");
        transaction.commit().expect("committed");
        drop(database);
        assert!(matches!(State::open(folder.path()), Err(StateError::Schema(_, 2))));
    }

    #[tokio::test]
    async fn of_two_at_once_one_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("open");
        let tries = (0..50_u8).map(|n| {
            let state = state.clone();
            async move { state.write(cell(b"", &[n + 1])).await.expect("answered") }
        });
        let outcomes = futures_util::future::join_all(tries).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Written).count(), 1);
    }
}
