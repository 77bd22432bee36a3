//! The recording of decisions: append-only files in a folder of their own, a series for each slot,
//! bounded in size and age. Owns the queue and its one writer; knows nothing of what a decision says.
//!
//! Nobody ever waits for it. Where the queue is full a decision is dropped, and counted: a question
//! must not take longer because somebody may want to replay it, and a replay finds the gap by the
//! numbers and by the cells, and goes on behind it with the cell as it was recorded there.

mod keyed;
mod reader;
mod series;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

pub use keyed::KeyedHash;
pub use reader::{Reading, ReadingError};

use crate::domain::decision::Decision;
use series::Series;
use writer::Writer;

/// The folder's name in the data folder.
pub const FOLDER: &str = "decisions";

/// How large one file grows before the next is begun: what is removed at a time when there is too much.
pub const SEGMENT_BYTES: u64 = 8 << 20;

/// The longest line that is written. A limiter's two cells take 175 KiB in base64, an audit record is
/// at most 256 KiB; what is longer than this is not kept, and counted.
pub const LINE_BYTES_MAX: usize = 512 << 10;

/// How long one file is written to, in milliseconds: what is too old is removed with its whole file, so
/// nothing is kept for longer than this over its time.
const SEGMENT_AGE_MS: u64 = 24 * 3600 * 1000;

/// How many decisions wait for the writer: some seconds of a full host.
const QUEUE_MAX: usize = 8192;

/// How many bytes they may hold together: cells of 64 KiB would be a gigabyte otherwise.
const QUEUE_BYTES_MAX: usize = 32 << 20;

/// The slots whose decisions are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Who is asking? Kept for looking, not for replay.
    Auth,
    /// May they ask now?
    Limit,
    /// How is it written down?
    Audit,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// All files together, in bytes.
    pub max_bytes: u64,
    /// For how long.
    pub keep: Duration,
}

/// What has become of decisions since the host started.
#[derive(Debug, Default)]
pub struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// Where decisions go. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Decisions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    waiting_bytes: Arc<AtomicUsize>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Queue {
    /// The next number of each slot.
    next: [u64; 3],
    sender: SyncSender<Told>,
}

/// What makes a decision of its number, on the writer's thread.
type Make = Box<dyn FnOnce(u64) -> Decision + Send>;

/// What the writer is told.
enum Told {
    /// Write this down. How much it weighs in the queue.
    Decision { slot: Slot, number: u64, weight: usize, make: Make },
    /// Say when everything before this is in its file.
    Flush(oneshot::Sender<()>),
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auth, Self::Limit, Self::Audit];

    /// The name in lines and file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Limit => "limit",
            Self::Audit => "audit",
        }
    }

    /// Its share of all bytes, in eighths. Every request that anybody sends is a decision of auth: its
    /// own share keeps a flood of them from pushing out what can be replayed.
    fn eighths(self) -> u64 {
        match self {
            Self::Auth => 1,
            Self::Limit => 4,
            Self::Audit => 3,
        }
    }
}

impl Counts {
    /// In a file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Not written, since the queue was full or the line too long.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Not written, since the disk did not take it.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// One more that was not written.
    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Decisions {
    /// Writes into `folder`, which is made if there is none. A folder that cannot be used is reported
    /// now, and tried again with each decision.
    pub fn open(folder: &Path, bounds: Bounds) -> std::io::Result<Self> {
        let (sender, queue) = mpsc::sync_channel(QUEUE_MAX);
        let (waiting_bytes, counts) = (Arc::default(), Arc::<Counts>::default());
        let series = Slot::ALL.map(|slot| {
            let max_bytes = bounds.max_bytes / 8 * slot.eighths();
            Series::new(folder, slot, max_bytes, bounds.keep)
        });
        let mut writer = Writer::new(folder, series, Arc::clone(&waiting_bytes), Arc::clone(&counts));
        let next = writer.recover();
        std::thread::Builder::new().name("decisions".to_owned()).spawn(move || writer.run(&queue))?;
        let queue = Mutex::new(Queue { next, sender });
        Ok(Self { shared: Arc::new(Shared { queue, waiting_bytes, counts }) })
    }

    /// Hands a decision over; never waits. `weight`: about how many bytes it holds until it is written.
    pub fn put(&self, slot: Slot, weight: usize, make: impl FnOnce(u64) -> Decision + Send + 'static) {
        let Shared { queue, waiting_bytes, counts } = &*self.shared;
        // Number and place in the queue are taken in one step, so that numbers ascend in the files.
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let number = queue.next[slot as usize];
        queue.next[slot as usize] = number + 1;
        if waiting_bytes.load(Ordering::Relaxed).saturating_add(weight) > QUEUE_BYTES_MAX {
            counts.drop_one();
            return;
        }
        waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        if queue.sender.try_send(Told::Decision { slot, number, weight, make: Box::new(make) }).is_err() {
            waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
            counts.drop_one();
        }
    }

    /// Returns when all that was put before is in its file, or cannot be.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        let sender = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).sender.clone();
        // The queue may be full: waiting for it is for a thread that answers nobody.
        let sent = tokio::task::spawn_blocking(move || sender.send(Told::Flush(done)).is_ok()).await;
        if sent.unwrap_or(false) {
            let _ = written.await;
        }
    }

    /// What has become of them.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

#[cfg(test)]
mod tests;
