//! What is known of sessions besides their owners: the titles that users gave, and which sessions were
//! deleted and lie aside.

use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{OWNERS, State, StateError, unreadable};
use crate::domain::{Instant, SessionId, Title};

/// The titles that users gave.
const TITLES: TableDefinition<'_, [u8; 16], &str> = TableDefinition::new("titles");
/// The sessions that lie aside, each as JSON.
const DELETED: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("deleted");

/// A session that was deleted and can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// In whose home it lay.
    pub home_of: String,
    /// Where its file was, below the lent directory.
    pub path: String,
    /// Under which name it lies aside.
    pub aside: String,
    /// What it was called.
    pub title: Option<String>,
    /// When its file was last written to.
    pub modified: u64,
    /// Its file's size in bytes.
    pub size: u64,
}

/// What is to be known of a session.
#[derive(Debug)]
pub enum Mark {
    /// The title that a user gave; none to forget it.
    Titled(Option<Title>),
    /// It lies aside.
    Deleted(Deleted),
    /// It does not lie aside any longer.
    Restored,
    /// It is gone for good: nothing is known of it but its owner, so that its id is nobody else's.
    Purged,
}

/// What is known of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Who owns it.
    pub owner: Option<String>,
    /// The title that a user gave.
    pub title: Option<Title>,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl State {
    /// What is known of each of these sessions, all at one moment.
    pub fn known(&self, sessions: impl Iterator<Item = SessionId>) -> Result<Vec<Known>, StateError> {
        let read = || -> Result<Vec<Known>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let (owners, titles) = (transaction.open_table(OWNERS)?, transaction.open_table(TITLES)?);
            let deleted = transaction.open_table(DELETED)?;
            sessions
                .map(|session| {
                    let key = session.as_bytes();
                    Ok(Known {
                        owner: owners.get(key)?.map(|owner| owner.value().to_owned()),
                        title: titles.get(key)?.and_then(|title| Title::found(title.value())),
                        deleted: deleted.get(key)?.is_some(),
                    })
                })
                .collect()
        };
        read().map_err(|error| unreadable(&error))
    }

    /// How a session was deleted, if it was.
    pub fn deleted(&self, session: SessionId) -> Result<Option<Deleted>, StateError> {
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = self.database.begin_read()?.open_table(DELETED)?;
            Ok(table.get(session.as_bytes())?.map(|found| found.value().to_vec()))
        };
        let found = read().map_err(|error| unreadable(&error))?;
        found.map(|json| serde_json::from_slice(&json).map_err(|error| unreadable(&error))).transpose()
    }

    /// All sessions that lie aside, each with its owner.
    pub fn all_deleted(&self) -> Result<Vec<(SessionId, Option<String>, Deleted)>, StateError> {
        let read = || -> Result<Vec<_>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let owners = transaction.open_table(OWNERS)?;
            let mut all = Vec::new();
            for entry in transaction.open_table(DELETED)?.iter()? {
                let (key, json) = entry?;
                let owner = owners.get(key.value())?.map(|owner| owner.value().to_owned());
                all.push((SessionId::from_bytes(key.value()), owner, json.value().to_vec()));
            }
            Ok(all)
        };
        let all = read().map_err(|error| unreadable(&error))?;
        all.into_iter()
            .map(|(session, owner, json)| {
                let deleted = serde_json::from_slice(&json).map_err(|error| unreadable(&error))?;
                Ok((session, owner, deleted))
            })
            .collect()
    }
}

/// Makes the tables.
pub(super) fn prepare(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    Marks::open(transaction).map(drop)
}

/// The tables, open for writing.
pub(super) struct Marks<'a> {
    titles: redb::Table<'a, [u8; 16], &'static str>,
    deleted: redb::Table<'a, [u8; 16], &'static [u8]>,
}

impl<'a> Marks<'a> {
    pub(super) fn open(transaction: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self { titles: transaction.open_table(TITLES)?, deleted: transaction.open_table(DELETED)? })
    }

    pub(super) fn set(&mut self, session: SessionId, mark: &Mark) -> Result<(), redb::Error> {
        let key = session.as_bytes();
        match mark {
            Mark::Titled(Some(title)) => drop(self.titles.insert(key, title.as_str())?),
            Mark::Titled(None) => drop(self.titles.remove(key)?),
            Mark::Deleted(deleted) => {
                let json = serde_json::to_vec(deleted).expect("text and numbers are JSON");
                drop(self.deleted.insert(key, json.as_slice())?);
            }
            Mark::Restored => drop(self.deleted.remove(key)?),
            Mark::Purged => {
                drop(self.deleted.remove(key)?);
                drop(self.titles.remove(key)?);
            }
        }
        Ok(())
    }
}

impl Deleted {
    /// Until when it can be restored, where it is kept for `days`.
    pub fn until(&self, days: u32) -> Instant {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        Instant(self.at.saturating_add(DAY_MS * u64::from(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Outcome};
    use super::*;

    #[tokio::test]
    async fn what_is_marked_is_known_until_it_is_purged() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("open");
        let (session, other) = (SessionId::fresh(), SessionId::fresh());
        let write = async |mark| {
            let change = Change {
                claim: Some((session, "a".to_owned())),
                mark: Some((session, mark)),
                ..Change::default()
            };
            assert_eq!(state.write(change).await.expect("answered"), Outcome::Written);
        };
        let deleted = Deleted {
            at: 1000,
            home_of: "a".into(),
            path: "p/s.jsonl".into(),
            aside: "s.x".into(),
            title: Some("own".into()),
            modified: 5,
            size: 7,
        };
        write(Mark::Titled(Title::given("t").expect("a title"))).await;
        write(Mark::Deleted(deleted.clone())).await;
        let known = state.known([session, other].into_iter()).expect("read");
        assert_eq!((known[0].owner.as_deref(), known[0].deleted), (Some("a"), true));
        assert_eq!(known[0].title.as_ref().map(Title::as_str), Some("t"));
        assert_eq!(known[1], Known::default());
        assert_eq!(state.all_deleted().expect("read"), [(session, Some("a".to_owned()), deleted.clone())]);
        assert_eq!(deleted.until(1), Instant(86_401_000));
        write(Mark::Restored).await;
        assert_eq!(state.deleted(session).expect("read"), None);
        assert!(state.known([session].into_iter()).expect("read")[0].title.is_some());
        write(Mark::Purged).await;
        let known = state.known([session].into_iter()).expect("read");
        assert_eq!((known[0].owner.as_deref(), known[0].title.clone()), (Some("a"), None));
        let stolen = Change {
            claim: Some((session, "b".to_owned())),
            mark: Some((session, Mark::Titled(Title::given("b's").expect("a title")))),
            ..Change::default()
        };
        assert_eq!(state.write(stolen).await.expect("answered"), Outcome::Owned);
        assert_eq!(state.known([session].into_iter()).expect("read")[0].title, None);
    }
}
