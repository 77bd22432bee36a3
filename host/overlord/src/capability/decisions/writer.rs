//! The one thread that writes decisions down: takes what waits, makes lines of it, writes each slot's
//! in one go. It never asks the disk to have them for good: a host that is killed loses nothing that
//! was written, and a power cut some seconds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::series::Series;
use super::{Counts, LINE_BYTES_MAX, Make, Slot, Told};

/// How many are written in one go.
const BATCH_MAX: usize = 256;

/// For how long the first one waits for others: under load a thread that is woken for each decision takes
/// more of the processors than all that it writes. What a host that is killed had in here is not recorded.
const GATHER: Duration = Duration::from_millis(20);

/// How often what is too old is looked for while nothing is written.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// What the thread works with.
pub(super) struct Writer {
    folder: PathBuf,
    series: [Series; 3],
    waiting_bytes: Arc<AtomicUsize>,
    counts: Arc<Counts>,
    complained: bool,
}

impl Writer {
    pub(super) fn new(
        folder: &Path,
        series: [Series; 3],
        waiting_bytes: Arc<AtomicUsize>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { folder: folder.to_owned(), series, waiting_bytes, counts, complained: false }
    }

    /// Looks at what is there; the next number of each slot.
    pub(super) fn recover(&mut self) -> [u64; 3] {
        Slot::ALL.map(|slot| match self.series[slot as usize].recover() {
            Ok(next) => {
                self.series[slot as usize].tidy();
                next
            }
            Err(error) => {
                self.complain(&error);
                0
            }
        })
    }

    pub(super) fn run(mut self, queue: &Receiver<Told>) {
        let mut done = Vec::new();
        loop {
            let mut next = match queue.recv_timeout(TIDY_EVERY) {
                Ok(told) => Some(told),
                Err(RecvTimeoutError::Timeout) => {
                    self.series.iter().for_each(Series::tidy);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !matches!(next, Some(Told::Flush(_))) {
                std::thread::sleep(GATHER);
            }
            while next.is_some() {
                for _ in 0..BATCH_MAX {
                    match next.take() {
                        Some(Told::Decision { slot, number, weight, make }) => {
                            self.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
                            self.add(slot, number, make);
                        }
                        Some(Told::Flush(asked)) => done.push(asked),
                        None => break,
                    }
                    next = queue.try_recv().ok();
                }
                for slot in Slot::ALL {
                    let outcome = self.series[slot as usize].write();
                    self.count(outcome);
                }
                for asked in done.drain(..) {
                    let _ = asked.send(());
                }
            }
        }
    }

    fn add(&mut self, slot: Slot, number: u64, make: Make) {
        let decision = make(number);
        let mut line = serde_json::to_vec(&decision).expect("it is made of text and numbers");
        line.push(b'\n');
        if line.len() > LINE_BYTES_MAX {
            self.counts.drop_one();
            return;
        }
        let outcome = self.series[slot as usize].add(number, decision.at, &line);
        self.count(outcome);
    }

    fn count(&mut self, outcome: Result<u64, (u64, std::io::Error)>) {
        match outcome {
            Ok(0) => {}
            Ok(lines) => {
                self.counts.written.fetch_add(lines, Ordering::Relaxed);
                if self.complained {
                    tracing::info!("decisions can be recorded in {} again", self.folder.display());
                    self.complained = false;
                }
            }
            Err((lines, error)) => {
                self.counts.failed.fetch_add(lines, Ordering::Relaxed);
                self.complain(&error);
            }
        }
    }

    fn complain(&mut self, error: &std::io::Error) {
        if !self.complained {
            tracing::error!(
                "cannot record decisions in {}: {error}; questions are answered all the same, and those \
                 decisions cannot be replayed",
                self.folder.display()
            );
            self.complained = true;
        }
    }
}
