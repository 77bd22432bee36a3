//! Recorded decisions in their order, for whoever wants to make them again. Takes no lock, writes
//! nothing, and may read while a host writes: what is not a whole line is left out.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::series::{Segment, segments};
use super::{LINE_BYTES_MAX, Slot};

/// How much is read at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// What cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the recorded decisions in {path}: {error}; run this as the host's user")]
pub struct ReadingError {
    path: PathBuf,
    error: std::io::Error,
}

/// The lines of one slot, oldest first.
#[derive(Debug)]
pub struct Reading {
    segments: std::vec::IntoIter<Segment>,
    open: Option<(PathBuf, BufReader<File>)>,
    line: Vec<u8>,
    torn: u64,
}

impl Reading {
    /// The decisions of a slot in the recording's folder. Files that were last written to before
    /// `since`, in milliseconds since the Unix epoch, are left out.
    pub fn open(folder: &Path, slot: Slot, since: u64) -> Result<Self, ReadingError> {
        let failed = |error| ReadingError { path: folder.to_owned(), error };
        let since = UNIX_EPOCH.checked_add(Duration::from_millis(since));
        let mut kept = segments(folder, slot).map_err(failed)?;
        kept.retain(|segment| {
            let modified = segment.path.metadata().and_then(|about| about.modified());
            modified.is_ok_and(|at| since.is_some_and(|since| at >= since))
        });
        Ok(Self { segments: kept.into_iter(), open: None, line: Vec::new(), torn: 0 })
    }

    /// The next whole line, without its end.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, ReadingError> {
        loop {
            if self.open.is_none() {
                let Some(Segment { path, .. }) = self.segments.next() else { return Ok(None) };
                match File::open(&path) {
                    Ok(file) => self.open = Some((path, BufReader::with_capacity(BUFFER_BYTES, file))),
                    // A host that runs may have removed it meanwhile: it was too old.
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(ReadingError { path, error }),
                }
            }
            let (path, file) = self.open.as_mut().expect("opened above");
            self.line.clear();
            let read = file.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut self.line);
            match read {
                Err(error) => return Err(ReadingError { path: path.clone(), error }),
                Ok(0) => self.open = None,
                Ok(_) if self.line.last() == Some(&b'\n') => {
                    self.line.pop();
                    return Ok(Some(&self.line));
                }
                // Half a line at the end of a file: the host was killed, or is just writing it.
                Ok(_) => self.torn += 1,
            }
        }
    }

    /// How many ends of files were no whole line.
    pub fn torn(&self) -> u64 {
        self.torn
    }
}
