//! The files of one slot: which is written to, when the next is begun, which are removed. Owns their
//! names; knows nothing of what a line says but its number and time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{SEGMENT_AGE_MS, SEGMENT_BYTES, Slot};

/// The ending of every file.
const ENDING: &str = ".jsonl";

/// A share holds at least so many files, so that little goes at a time.
const SEGMENTS_MIN: u64 = 4;

/// One slot's files.
#[derive(Debug)]
pub(super) struct Series {
    folder: PathBuf,
    slot: Slot,
    max_bytes: u64,
    segment_bytes: u64,
    keep: Duration,
    current: Option<Current>,
    /// Whole lines that are not in the file yet, how many, and the first one's number and time.
    buffer: Vec<u8>,
    lines: u64,
    first: Option<(u64, u64)>,
}

/// The file that is written to.
#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    bytes: u64,
    begun_at: u64,
}

/// What of a line tells where it belongs.
#[derive(Deserialize)]
struct Place {
    number: u64,
    at: u64,
}

/// A file of a slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The number that its first line has, or would have.
    pub(super) first: u64,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// The files of a slot, oldest first. None where there is no folder.
pub(super) fn segments(folder: &Path, slot: Slot) -> std::io::Result<Vec<Segment>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let number = name.strip_prefix(slot.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let Some(number) = number.and_then(|rest| rest.strip_suffix(ENDING)) else { continue };
        if let Ok(first) = number.parse() {
            found.push(Segment { first, path });
        }
    }
    found.sort();
    Ok(found)
}

impl Series {
    pub(super) fn new(folder: &Path, slot: Slot, max_bytes: u64, keep: Duration) -> Self {
        Self {
            folder: folder.to_owned(),
            slot,
            max_bytes,
            segment_bytes: SEGMENT_BYTES.min(max_bytes / SEGMENTS_MIN),
            keep,
            current: None,
            buffer: Vec::new(),
            lines: 0,
            first: None,
        }
    }

    /// Goes on where the last host stopped: cuts off half a line that it left, and says which number
    /// comes next.
    pub(super) fn recover(&mut self) -> std::io::Result<u64> {
        make(&self.folder)?;
        let Some(Segment { first, path }) = segments(&self.folder, self.slot)?.pop() else { return Ok(0) };
        let mut bytes = Vec::new();
        File::open(&path)?.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let file = append_to(&path)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
            tracing::warn!("the last decision in {} had not been written whole; it is gone", path.display());
        }
        let mut places = bytes[..whole].split(|byte| *byte == b'\n').filter_map(place);
        let begun_at = places.next();
        let last = places.next_back();
        let next = last.as_ref().or(begun_at.as_ref()).map_or(first, |place| place.number + 1);
        let begun_at = begun_at.map_or(0, |place| place.at);
        self.current = Some(Current { file, path, bytes: whole as u64, begun_at });
        Ok(next.max(first))
    }

    /// Takes a line with its end; it is in the file after [`Series::write`]. What had to be written
    /// before it, and could not be, is the error, with how many lines that were.
    pub(super) fn add(&mut self, number: u64, at: u64, line: &[u8]) -> Result<u64, (u64, std::io::Error)> {
        let used = self.current.as_ref().map_or(0, |current| current.bytes) + self.buffer.len() as u64;
        let old = self.current.as_ref().is_some_and(|current| {
            current.bytes > 0 && at.saturating_sub(current.begun_at) >= SEGMENT_AGE_MS
        });
        let mut outcome = Ok(0);
        if used + line.len() as u64 > self.segment_bytes || (old && self.buffer.is_empty()) {
            outcome = self.write();
            self.current = None;
        }
        self.first.get_or_insert((number, at));
        self.buffer.extend_from_slice(line);
        self.lines += 1;
        outcome
    }

    /// Writes what was added: all of it, or nothing. How many lines that were.
    pub(super) fn write(&mut self) -> Result<u64, (u64, std::io::Error)> {
        let Some((number, at)) = self.first.take() else { return Ok(0) };
        let lines = std::mem::take(&mut self.lines);
        let buffer = std::mem::take(&mut self.buffer);
        let outcome = self.append(number, at, &buffer);
        self.buffer = buffer;
        self.buffer.clear();
        outcome.map(|()| lines).map_err(|error| (lines, error))
    }

    fn append(&mut self, number: u64, at: u64, bytes: &[u8]) -> std::io::Result<()> {
        // Somebody may have removed the file, to have it forgotten.
        if self.current.as_ref().is_some_and(|current| !current.path.exists()) {
            self.current = None;
        }
        if self.current.is_none() {
            self.current = Some(self.begin(number, at)?);
        }
        let current = self.current.as_mut().expect("begun above");
        if current.bytes == 0 {
            current.begun_at = at;
        }
        let outcome = current.file.write_all(bytes);
        if outcome.is_ok() {
            current.bytes += bytes.len() as u64;
        } else {
            // Half a line would spoil the next one.
            let _ = current.file.set_len(current.bytes);
            self.current = None;
        }
        outcome
    }

    /// A new file, and room for it.
    fn begin(&self, number: u64, at: u64) -> std::io::Result<Current> {
        make(&self.folder)?;
        self.trim(self.max_bytes.saturating_sub(self.segment_bytes));
        let path = self.folder.join(format!("{}-{number:020}{ENDING}", self.slot.as_str()));
        let file = append_to(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Current { file, path, bytes, begun_at: at })
    }

    /// Removes what is too old.
    pub(super) fn tidy(&self) {
        self.trim(self.max_bytes);
    }

    /// Removes the oldest files until no more than `room` bytes are there, and those that are too old.
    fn trim(&self, room: u64) {
        let Ok(segments) = segments(&self.folder, self.slot) else { return };
        let now = SystemTime::now();
        let mut left = room;
        for Segment { path, .. } in segments.into_iter().rev() {
            if self.current.as_ref().is_some_and(|current| current.path == path) {
                left = left.saturating_sub(self.current.as_ref().map_or(0, |current| current.bytes));
                continue;
            }
            let Ok(about) = path.metadata() else { continue };
            let age = about.modified().ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
            let fits = about.len() <= left;
            // What is older than one that went goes too: there is one beginning.
            left = if fits { left - about.len() } else { 0 };
            if !fits || age > self.keep {
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}

fn place(line: &[u8]) -> Option<Place> {
    serde_json::from_slice(line).ok()
}

fn make(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn append_to(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
