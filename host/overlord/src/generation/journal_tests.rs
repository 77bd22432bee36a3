//! What the journal remembers, and which spaces of cells it gives up. Knows no disk.

use super::*;

fn member(digest: &[u8], spaces: &[Space]) -> Member {
    Member {
        slot: SlotName::Limit,
        entry: "limit-window".into(),
        component: "limit-window".into(),
        digest: Digest::of(digest),
        spaces: spaces.to_vec(),
    }
}

fn record(number: u64, member: Member) -> Record {
    Record {
        number,
        since: number * 10,
        until: None,
        by: "file".into(),
        why: "x".into(),
        members: vec![member],
        plan: None,
    }
}

fn numbers(journal: &Journal) -> (u64, Vec<u64>) {
    (journal.serving.as_ref().expect("serving").number, journal.previous.iter().map(|r| r.number).collect())
}

#[test]
fn what_served_before_is_remembered_up_to_the_limit_and_once() {
    let mut journal = Journal::default();
    journal.serve(record(1, member(b"1", &[])), 2);
    assert_eq!(numbers(&journal), (1, vec![]));
    for (number, digest) in [(2, b"2"), (3, b"3"), (4, b"4")] {
        journal.serve(record(number, member(digest, &[number])), 2);
    }
    assert_eq!(numbers(&journal), (4, vec![3, 2]));
    assert_eq!(journal.previous[0].until, Some(40));
    // Back to what generation 3 was.
    journal.serve(record(5, member(b"3", &[3])), 2);
    assert_eq!(numbers(&journal), (5, vec![4, 2]), "what serves is not among those before it");
}

#[test]
fn it_is_read_as_it_was_written() {
    let mut journal = Journal { numbered: 7, spaced: 3, ..Journal::default() };
    journal.serve(record(7, member(b"1", &[3, 1])), 5);
    journal.seen.insert("limit-window".into(), Digest::of(b"1"));
    journal.candidate = Some(TrialRecord {
        stage: Stage::Canary,
        share: 550,
        since: 1,
        by: "a".into(),
        changed: vec![member(b"2", &[4, 3, 1])],
    });
    let json = serde_json::to_string(&journal).expect("written");
    assert_eq!(serde_json::from_str::<Journal>(&json).expect("read"), journal);
}

#[test]
fn a_space_is_settled_when_there_is_no_way_back_before_it() {
    let mut journal = Journal::default();
    journal.serve(record(1, member(b"1", &[])), 1);
    journal.serve(record(2, member(b"2", &[1])), 1);
    assert_eq!(journal.unsettled(&[1], &[]), [], "generation 1 would find in the ground what 2 wrote");
    journal.serve(record(3, member(b"3", &[2, 1])), 1);
    assert_eq!(journal.unsettled(&[1, 2], &[]), [Settle::Keep(1)]);
    journal.settled(1);
    assert_eq!(journal.serving.as_ref().expect("serving").members[0].spaces, [2]);
    assert_eq!(journal.unsettled(&[2], &[]), [], "generation 2 is the way back");
}

#[test]
fn a_space_that_nobody_looks_in_is_forgotten_when_nobody_writes_there() {
    let mut journal = Journal::default();
    journal.serve(record(1, member(b"1", &[])), 1);
    let running: Spaces = [9, 8].into();
    assert_eq!(journal.unsettled(&[8, 9], &[running]), [Settle::Forget(8)]);
    assert_eq!(journal.unsettled(&[9], &[]), [Settle::Forget(9)]);
}

#[test]
fn nobody_looks_where_nothing_is_and_nobody_writes() {
    let mut journal = Journal::default();
    journal.serve(record(1, member(b"1", &[4, 3, 2, 1])), 1);
    journal.serve(record(2, member(b"2", &[5, 4, 3, 2, 1])), 1);
    let running: Spaces = [2, 1].into();
    assert!(journal.forget_empty(&[1], &[running]), "3");
    assert_eq!(journal.serving.as_ref().expect("serving").members[0].spaces, [5, 4, 2, 1]);
    assert!(journal.forget_empty(&[1], &[]), "2, now that the last request has left");
    assert_eq!(journal.serving.as_ref().expect("serving").members[0].spaces, [5, 4, 1]);
    assert_eq!(journal.previous[0].members[0].spaces, [4, 1]);
    assert!(!journal.forget_empty(&[1], &[]));
}

#[test]
fn quarantine_has_a_limit_and_holds_each_once() {
    let mut journal = Journal::default();
    let bad = |n: usize| Quarantined {
        digest: Digest::of(&n.to_be_bytes()),
        slot: None,
        component: None,
        at: 0,
        by: "a".into(),
        why: "it traps".into(),
    };
    for n in 0..QUARANTINED_MAX {
        journal.quarantine(bad(n));
    }
    journal.quarantine(bad(0));
    assert_eq!(journal.quarantined.len(), QUARANTINED_MAX);
    assert!(journal.quarantined(bad(1).digest).is_some());
    journal.quarantine(bad(QUARANTINED_MAX));
    assert_eq!(journal.quarantined.len(), QUARANTINED_MAX);
    assert!(journal.quarantined(bad(1).digest).is_none(), "the oldest has gone");
}
