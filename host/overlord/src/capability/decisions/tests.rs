//! The recording as it lies on disk: whole lines, in order, bounded, after whatever end.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use super::*;

/// The least that the configuration allows: segments of 2 MiB for the limiter.
const BOUNDS: Bounds = Bounds { max_bytes: 16 << 20, keep: Duration::from_hours(24) };

fn decision(number: u64, at: u64, padding: usize) -> Decision {
    Decision {
        number,
        at,
        slot: "limit".into(),
        entry: "x".repeat(padding),
        component: String::new(),
        digest: String::new(),
        form: String::new(),
        settings: String::new(),
        us: 0,
        committed: true,
        auth: None,
        limit: None,
        audit: None,
    }
}

fn put(decisions: &Decisions, at: u64, padding: usize) {
    decisions.put(Slot::Limit, padding, move |number| decision(number, at, padding));
}

fn numbers(folder: &Path) -> Vec<u64> {
    let mut reading = Reading::open(folder, Slot::Limit, 0).expect("readable");
    let mut numbers = Vec::new();
    while let Some(line) = reading.next_line().expect("readable") {
        numbers.push(serde_json::from_slice::<Decision>(line).expect("a decision").number);
    }
    numbers
}

fn files(folder: &Path) -> Vec<PathBuf> {
    series::segments(folder, Slot::Limit).expect("listed").into_iter().map(|segment| segment.path).collect()
}

fn bytes(folder: &Path) -> u64 {
    files(folder).iter().map(|path| path.metadata().expect("there").len()).sum()
}

#[tokio::test]
async fn what_is_put_is_there_in_order_and_for_nobody_else() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join(FOLDER);
    let decisions = Decisions::open(&folder, BOUNDS).expect("open");
    for _ in 0..1000 {
        put(&decisions, 7, 10);
    }
    decisions.flush().await;
    assert_eq!(numbers(&folder), (0..1000).collect::<Vec<_>>());
    assert_eq!(decisions.counts().written(), 1000);
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&files(&folder)[0])), (0o700, 0o600));
}

#[tokio::test]
async fn half_a_line_is_cut_off_and_the_numbers_go_on() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let decisions = Decisions::open(folder, BOUNDS).expect("open");
    put(&decisions, 7, 1);
    put(&decisions, 7, 1);
    decisions.flush().await;
    drop(decisions);
    let file = files(folder).remove(0);
    let whole = std::fs::read(&file).expect("there");
    // As a host leaves it that is killed while it writes, whatever it has of the line.
    let third = serde_json::to_vec(&decision(2, 7, 1)).expect("JSON");
    for torn in [1, third.len() / 2, third.len()] {
        std::fs::write(&file, [&whole, &third[..torn]].concat()).expect("torn");
        let mut reading = Reading::open(folder, Slot::Limit, 0).expect("readable");
        while reading.next_line().expect("readable").is_some() {}
        assert_eq!((numbers(folder), reading.torn()), (vec![0, 1], 1));
        let decisions = Decisions::open(folder, BOUNDS).expect("open");
        put(&decisions, 8, 1);
        decisions.flush().await;
        assert_eq!(numbers(folder), [0, 1, 2]);
        assert_eq!(files(folder).len(), 1);
    }
}

#[tokio::test]
async fn what_is_there_stays_within_its_share_and_the_oldest_goes() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let decisions = Decisions::open(folder, BOUNDS).expect("open");
    let share = BOUNDS.max_bytes / 8 * 4;
    // Some hundred bytes each beside their padding: twice the share in all.
    for count in 0..160 {
        put(&decisions, 7, 100_000);
        if count % 8 == 0 {
            decisions.flush().await;
            assert!(bytes(folder) <= share, "{}", bytes(folder));
        }
    }
    decisions.flush().await;
    let numbers = numbers(folder);
    assert_eq!(*numbers.last().expect("some"), 159);
    assert!(numbers.is_sorted() && numbers.len() > 55, "{} are left", numbers.len());
    assert!(bytes(folder) > share / 2, "no more goes than must");
    let longest = files(folder).iter().map(|path| path.metadata().expect("there").len()).max();
    assert!(longest.expect("some") <= share / 4, "a file has at most a quarter of a small share");
}

#[tokio::test]
async fn what_is_too_old_goes_and_what_is_not_stays() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let old = |age: Duration| {
        let file = folder.join("limit-00000000000000000003.jsonl");
        std::fs::write(&file, format!("{}\n", serde_json::to_string(&decision(3, 7, 1)).expect("JSON")))
            .expect("written");
        let file = std::fs::File::options().append(true).open(&file).expect("there");
        file.set_modified(SystemTime::now() - age).expect("dated");
    };
    // The last file is gone on with, so that a younger one must lie behind it.
    let young = folder.join("limit-00000000000000000009.jsonl");
    std::fs::write(young, format!("{}\n", serde_json::to_string(&decision(9, 7, 1)).expect("JSON")))
        .expect("written");
    old(BOUNDS.keep.saturating_sub(Duration::from_mins(1)));
    drop(Decisions::open(folder, BOUNDS).expect("open"));
    assert_eq!(numbers(folder), [3, 9]);
    old(BOUNDS.keep + Duration::from_mins(1));
    drop(Decisions::open(folder, BOUNDS).expect("open"));
    assert_eq!(numbers(folder), [9]);
}

#[tokio::test]
async fn a_file_is_written_to_for_a_day() {
    let place = tempfile::tempdir().expect("a folder");
    let decisions = Decisions::open(place.path(), BOUNDS).expect("open");
    for at in [1, SEGMENT_AGE_MS, SEGMENT_AGE_MS + 1] {
        put(&decisions, at, 1);
        decisions.flush().await;
    }
    assert_eq!(numbers(place.path()), [0, 1, 2]);
    assert_eq!(files(place.path()).len(), 2, "the second is still of the first's day");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_dropped_and_counted() {
    let place = tempfile::tempdir().expect("a folder");
    let decisions = Decisions::open(place.path(), BOUNDS).expect("open");
    let rest = serde_json::to_vec(&decision(0, 7, 0)).expect("JSON").len() + 1;
    put(&decisions, 7, LINE_BYTES_MAX - rest);
    put(&decisions, 7, LINE_BYTES_MAX - rest + 1);
    put(&decisions, 7, 1);
    decisions.flush().await;
    assert_eq!(numbers(place.path()), [0, 2]);
    assert_eq!((decisions.counts().written(), decisions.counts().dropped()), (2, 1));
}

#[tokio::test]
async fn what_the_queue_cannot_hold_is_dropped_and_leaves_a_gap() {
    let place = tempfile::tempdir().expect("a folder");
    let decisions = Decisions::open(place.path(), BOUNDS).expect("open");
    let (go, wait) = mpsc::channel::<()>();
    // Holds the writer up, so that what comes next stays in the queue.
    decisions.put(Slot::Limit, QUEUE_BYTES_MAX, move |number| {
        let _ = wait.recv();
        decision(number, 7, 1)
    });
    decisions.put(Slot::Limit, 1, |number| decision(number, 7, 1));
    decisions.put(Slot::Limit, 0, |number| decision(number, 7, 1));
    assert_eq!(decisions.counts().dropped(), 1, "there is no room for one byte more");
    drop(go);
    decisions.flush().await;
    put(&decisions, 7, 1);
    decisions.flush().await;
    assert_eq!(numbers(place.path()), [0, 2, 3]);
}

#[tokio::test]
async fn a_queue_that_is_full_drops_and_never_waits() {
    let place = tempfile::tempdir().expect("a folder");
    let decisions = Decisions::open(place.path(), BOUNDS).expect("open");
    let (go, wait) = mpsc::channel::<()>();
    let (there, started) = mpsc::channel::<()>();
    decisions.put(Slot::Limit, 0, move |number| {
        let _ = there.send(());
        let _ = wait.recv();
        decision(number, 7, 1)
    });
    started.recv().expect("the writer has taken it");
    for _ in 0..QUEUE_MAX {
        put(&decisions, 7, 0);
    }
    assert_eq!(decisions.counts().dropped(), 0);
    put(&decisions, 7, 0);
    assert_eq!(decisions.counts().dropped(), 1);
    drop(go);
    decisions.flush().await;
    assert_eq!(decisions.counts().written(), QUEUE_MAX as u64 + 1);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_breaks_nothing_and_is_tried_again() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join(FOLDER);
    std::fs::write(&folder, "in the way").expect("written");
    let decisions = Decisions::open(&folder, BOUNDS).expect("open");
    put(&decisions, 7, 1);
    decisions.flush().await;
    assert_eq!((decisions.counts().written(), decisions.counts().failed()), (0, 1));
    std::fs::remove_file(&folder).expect("out of the way");
    put(&decisions, 7, 1);
    decisions.flush().await;
    assert_eq!(numbers(&folder), [1]);
    // Whoever removes it wants it forgotten; what comes is recorded again.
    std::fs::remove_dir_all(&folder).expect("removed");
    put(&decisions, 7, 1);
    decisions.flush().await;
    assert_eq!(numbers(&folder), [2]);
}

#[tokio::test]
async fn a_full_disk_is_counted() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("limit-00000000000000000000.jsonl");
    std::os::unix::fs::symlink("/dev/full", &file).expect("Linux's own full disk");
    let mut series = Series::new(place.path(), Slot::Limit, BOUNDS.max_bytes, Duration::MAX);
    series.add(0, 7, b"line\n").expect("taken");
    assert_eq!(series.write().expect_err("there is no room").0, 1);
}

#[tokio::test]
async fn a_file_last_written_to_before_a_time_is_not_read() {
    let place = tempfile::tempdir().expect("a folder");
    let decisions = Decisions::open(place.path(), BOUNDS).expect("open");
    put(&decisions, 7, 1);
    decisions.flush().await;
    let far =
        u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("later").as_millis())
            .expect("it fits");
    let read = |since| {
        Reading::open(place.path(), Slot::Limit, since).expect("open").next_line().expect("read").is_some()
    };
    assert!(read(far - 60_000));
    assert!(!read(far + 60_000));
    assert!(!read(u64::MAX));
}
