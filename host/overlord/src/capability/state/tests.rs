//! What the state promises: whole changes, one winner, cells that are kept apart.

use super::*;

fn key(spaces: &[Space], user: &str) -> CellKey {
    CellKey { spaces: spaces.into(), entry: "limit-window".into(), whose: format!("user:{user}") }
}

fn bytes(bytes: &[u8]) -> Cell {
    Cell { form: String::new(), bytes: bytes.to_vec() }
}

/// A change of a cell; nothing before stands for no cell at all.
fn cell_of(key: CellKey, before: &[u8], after: &[u8]) -> Change {
    let before = (!before.is_empty()).then(|| bytes(before));
    Change { cells: vec![CellChange { key, before, after: bytes(after) }], ..Change::default() }
}

fn cell(before: &[u8], after: &[u8]) -> Change {
    cell_of(key(&[], "a"), before, after)
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
    let stolen = Change { claim: claim("b"), ..cell_of(key(&[], "b"), b"", &[1]) };
    assert_eq!(state.write(stolen).await.expect("answered"), Outcome::Owned);
    assert_eq!(state.cell(&key(&[], "b")).expect("read"), None, "nothing of a refused change is there");
    let moved = Change { claim: Some((SessionId::fresh(), "a".into())), ..cell(b"", b"2") };
    let other = moved.claim.as_ref().expect("claimed").0;
    assert_eq!(state.write(moved).await.expect("answered"), Outcome::CellMoved);
    assert_eq!(state.owner(other).expect("read"), None);
    assert_eq!(state.write(cell(b"1", b"2")).await.expect("answered"), Outcome::Written);
    assert_eq!(state.cell(&key(&[], "a")).expect("read"), Some(bytes(b"2")));
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
    assert_eq!(again.cell(&key(&[], "a")).expect("read"), Some(bytes(b"kept")));
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
    let refused = Change { run: Some(RunChange::Begun(RunId::fresh(), record.clone())), ..cell(b"no", b"") };
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
    assert!(matches!(State::open(folder.path()), Err(StateError::Schema(_, 3))));
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

#[tokio::test]
async fn cells_of_two_versions_are_kept_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(folder.path()).expect("open");
    let (old, new) = (key(&[1], "a"), key(&[2, 1], "a"));
    state.write(cell_of(old.clone(), b"", b"old")).await.expect("written");
    assert_eq!(state.cell(&new).expect("read"), Some(bytes(b"old")), "the newer one goes on from there");
    let change = cell_of(new.clone(), b"old", b"new");
    assert_eq!(state.write(change).await.expect("answered"), Outcome::Written);
    assert_eq!(state.cell(&old).expect("read"), Some(bytes(b"old")), "going back finds its own");
    assert_eq!(state.cell(&new).expect("read"), Some(bytes(b"new")));
    assert_eq!(state.cell(&key(&[], "a")).expect("read"), None);
    let late = cell_of(new, b"old", b"newer");
    assert_eq!(state.write(late).await.expect("answered"), Outcome::CellMoved);
    assert_eq!(state.spaces().expect("read"), [1, 2]);
}

#[tokio::test]
async fn a_space_is_settled_or_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(folder.path()).expect("open");
    // More than one commit takes.
    let users: Vec<_> = (0..2500).map(|n| format!("{n:04}")).collect();
    for space in [3, 4, u64::MAX] {
        let writes =
            users.iter().map(|user| state.write(cell_of(key(&[space], user), b"", &space.to_be_bytes())));
        futures_util::future::try_join_all(writes).await.expect("written");
    }
    state.settle(Settle::Forget(4)).await.expect("settled");
    assert_eq!(state.spaces().expect("read"), [3, u64::MAX]);
    assert_eq!(state.cell(&key(&[4], "0007")).expect("read"), None);
    state.settle(Settle::Keep(3)).await.expect("settled");
    assert_eq!(state.spaces().expect("read"), [u64::MAX]);
    for user in &users {
        assert_eq!(state.cell(&key(&[], user)).expect("read"), Some(bytes(&3_u64.to_be_bytes())));
    }
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::create(folder.path().join("state.redb")).expect("made");
    let transaction = database.begin_write().expect("begun");
    transaction.open_table(META).expect("a table").insert("schema", FIRST_SCHEMA).expect("written");
    {
        let first: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("cells");
        transaction
            .open_table(first)
            .expect("a table")
            .insert(("limit", "a"), b"kept".as_slice())
            .expect("written");
    }
    transaction.commit().expect("committed");
    drop(database);
    let state = State::open(folder.path()).expect("open");
    assert_eq!(state.cell(&key(&[5], "a")).expect("read"), Some(bytes(b"kept")));
}

#[tokio::test]
async fn the_rules_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(folder.path()).expect("open");
    assert_eq!(state.rules().expect("read"), None);
    state.write(Change { rules: Some("{}".into()), ..Change::default() }).await.expect("written");
    assert_eq!(state.rules().expect("read").as_deref(), Some("{}"));
}

#[tokio::test]
async fn all_cells_of_a_change_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(folder.path()).expect("open");
    let shared = CellKey { spaces: [].into(), entry: "house".into(), whose: "all".into() };
    let both = |all: &[u8]| {
        let mut change = cell(b"", b"1");
        change.cells.extend(cell_of(shared.clone(), all, b"2").cells);
        change
    };
    assert_eq!(state.write(both(b"no")).await.expect("answered"), Outcome::CellMoved);
    assert_eq!(state.cell(&key(&[], "a")).expect("read"), None, "the first is not there without the second");
    assert_eq!(state.write(both(b"")).await.expect("answered"), Outcome::Written);
    let there = [key(&[], "a"), shared].map(|key| state.cell(&key).expect("read"));
    assert_eq!(there, [Some(bytes(b"1")), Some(bytes(b"2"))]);
}
