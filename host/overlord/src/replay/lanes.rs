//! Reads the recording, and spreads its decisions over as many lanes as there are cores: all about one
//! cell go down the same lane, in their order.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::audit::Audits;
use super::limit::Limits;
use super::{Pair, ReplayError, Report, Window};
use crate::capability::decisions::{Reading, ReadingError, Slot};
use crate::domain::decision::Decision;

/// How many decisions are handed over at a time.
const LOT: usize = 256;

/// How many lots wait for a lane: enough to keep it busy, and little to hold.
const LOTS_MAX: usize = 8;

/// The most lanes: beyond, reading is what takes the time.
const LANES_MAX: usize = 8;

/// How often progress is told, in decisions.
const TELL_EVERY: u64 = 10_000;

type Lot = Vec<Decision>;

pub(super) async fn run(
    folder: PathBuf,
    pair: &Pair,
    window: Window,
    differences_max: usize,
    progress: impl FnMut(u64) + Send + 'static,
) -> Result<Report, ReplayError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut lanes = Vec::new();
    let mut running = Vec::new();
    for _ in 0..cores.min(LANES_MAX) {
        let (sender, lots) = mpsc::channel(LOTS_MAX);
        lanes.push(sender);
        running.push(lane(pair.clone(), lots, differences_max));
    }
    let slot = pair.slot();
    let reading = tokio::task::spawn_blocking(move || read(&folder, slot, &window, &lanes, progress));
    let ended = |error: tokio::task::JoinError| ReplayError::Ended(error.to_string());
    let mut report = Report { unreadable: reading.await.map_err(ended)??, ..Report::default() };
    for lane in running {
        report.add(lane.await.map_err(ended)?, differences_max);
    }
    Ok(report)
}

fn lane(pair: Pair, mut lots: mpsc::Receiver<Lot>, differences_max: usize) -> JoinHandle<Report> {
    tokio::spawn(async move {
        match pair {
            Pair::Limit(candidate, beside) => {
                let mut limits = Limits::new(candidate, beside, differences_max);
                while let Some(lot) = lots.recv().await {
                    for decision in lot {
                        limits.again(decision).await;
                    }
                }
                limits.report
            }
            Pair::Audit(candidate, beside) => {
                let mut audits = Audits::new(candidate, beside, differences_max);
                while let Some(lot) = lots.recv().await {
                    for decision in lot {
                        audits.again(decision).await;
                    }
                }
                audits.report
            }
        }
    })
}

/// Hands out all decisions of the window; how many lines could not be read.
fn read(
    folder: &std::path::Path,
    slot: Slot,
    window: &Window,
    lanes: &[mpsc::Sender<Lot>],
    mut progress: impl FnMut(u64),
) -> Result<u64, ReadingError> {
    let mut reading = Reading::open(folder, slot, window.since)?;
    let mut lots: Vec<Lot> = lanes.iter().map(|_| Vec::with_capacity(LOT)).collect();
    let (mut handed_out, mut unreadable) = (0_u64, 0);
    while let Some(line) = reading.next_line()? {
        let Ok(decision) = serde_json::from_slice::<Decision>(line) else {
            unreadable += 1;
            continue;
        };
        if decision.number > window.last {
            break;
        }
        if decision.at < window.since || decision.entry != window.entry {
            continue;
        }
        let at = lane_of(&decision, lanes.len());
        lots[at].push(decision);
        if lots[at].len() == LOT {
            let lot = std::mem::replace(&mut lots[at], Vec::with_capacity(LOT));
            // A lane that has ended tells why when it is waited for.
            let _ = lanes[at].blocking_send(lot);
        }
        handed_out += 1;
        if handed_out.is_multiple_of(TELL_EVERY) {
            progress(handed_out);
        }
    }
    for (lane, lot) in lanes.iter().zip(lots) {
        let _ = lane.blocking_send(lot);
    }
    Ok(unreadable)
}

fn lane_of(decision: &Decision, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    match &decision.limit {
        Some(limited) => limited.key.hash(&mut hasher),
        None => decision.number.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % lanes as u64).unwrap_or(0)
}
