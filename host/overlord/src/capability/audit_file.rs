//! The audit log's file: one writer, whole lines, reopened when it is moved away. Knows nothing of
//! what a line says. What cannot be written goes to the host's log instead and breaks no answer.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tokio::sync::{mpsc, oneshot};

use super::clock;
use crate::domain::{Instant, Recent, beginning};

/// How many lines wait for the disk before the next one has to wait for room.
const QUEUE_MAX: usize = 1024;

/// How many lines are written in one go.
const BATCH_MAX: usize = 256;

/// How many lines are kept in memory for administrators: what fits on a few screens.
pub const RECENT_MAX: usize = 100;

/// How much of a line is kept there: the usual ones have some 300 bytes, and a hundred of the longest
/// would be 25 MiB.
const RECENT_BYTES_MAX: usize = 4096;

/// Where audit lines go.
#[derive(Debug, Clone)]
pub struct AuditFile {
    lines: Option<mpsc::Sender<Line>>,
    recent: Recent<Written>,
}

/// A line that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// When.
    pub at: Instant,
    /// As it was written; its beginning where it is long.
    pub line: String,
}

#[derive(Debug)]
struct Line {
    text: String,
    written: oneshot::Sender<()>,
}

impl AuditFile {
    /// Writes to the file at `path`, which is made, with its folder, if there is none; `/dev/null`
    /// turns the audit log off. A path that cannot be written to is reported now and tried again with
    /// each line.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let recent = Recent::new(RECENT_MAX);
        if path == Path::new("/dev/null") {
            return Ok(Self { lines: None, recent });
        }
        let (lines, queue) = mpsc::channel(QUEUE_MAX);
        let mut writer = Writer { path: path.to_owned(), file: None, complained: false };
        if let Some(folder) = path.parent() {
            // Whether that worked is told by opening the file.
            let _ = std::fs::create_dir_all(folder);
        }
        if let Err(error) = writer.current() {
            writer.complain(&error);
        }
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(queue))?;
        Ok(Self { lines: Some(lines), recent })
    }

    /// Whether lines go anywhere.
    pub fn enabled(&self) -> bool {
        self.lines.is_some()
    }

    /// The last lines, newest first.
    pub fn recent(&self) -> Vec<Written> {
        self.recent.newest_first()
    }

    /// Writes a line (given without its end) and returns when it is in the file, or, where that
    /// cannot be, in the log.
    pub async fn write(&self, text: String) {
        let Some(lines) = &self.lines else { return };
        self.recent.push(Written { at: clock::now(), line: beginning(&text, RECENT_BYTES_MAX) });
        let (written, done) = oneshot::channel();
        if lines.send(Line { text, written }).await.is_ok() {
            let _ = done.await;
        }
    }
}

struct Writer {
    path: PathBuf,
    file: Option<File>,
    complained: bool,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Line>) {
        let mut batch: Vec<Line> = Vec::new();
        while queue.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
            for line in batch.drain(..) {
                let whole = format!("{}\n", line.text);
                if let Err(error) = self.append(whole.as_bytes()) {
                    super::trouble::AUDIT.again();
                    self.complain(&error);
                    tracing::warn!(target: "overlord::audit", "{}", line.text);
                } else if self.complained {
                    tracing::info!("the audit log {} can be written to again", self.path.display());
                    self.complained = false;
                }
                let _ = line.written.send(());
            }
        }
    }

    /// Writes all of a line or leaves none of it behind: half a line would spoil the next one.
    fn append(&mut self, whole: &[u8]) -> std::io::Result<()> {
        let file = self.current()?;
        let before = file.metadata()?;
        let outcome = file.write_all(whole);
        if outcome.is_err() {
            if before.is_file() {
                let _ = file.set_len(before.len());
            }
            self.file = None;
        }
        outcome
    }

    /// The file that is at the path now: logrotate may have moved the one that was.
    fn current(&mut self) -> std::io::Result<&mut File> {
        let same = match (&self.file, std::fs::metadata(&self.path)) {
            (Some(file), Ok(there)) => {
                let here = file.metadata()?;
                (here.dev(), here.ino()) == (there.dev(), there.ino())
            }
            _ => false,
        };
        if !same {
            self.file = None;
        }
        if self.file.is_none() {
            // 0640: what users ask is for the operator's eyes, and those of the group that they
            // choose for the folder. Not blocking, in case it is a pipe that nobody reads.
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o640)
                .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
                .open(&self.path)?;
            self.file = Some(file);
        }
        Ok(self.file.as_mut().expect("opened above"))
    }

    fn complain(&mut self, error: &std::io::Error) {
        if !self.complained {
            tracing::error!(
                "cannot write to the audit log {}: {error}; its lines go to this log until that is mended",
                self.path.display()
            );
            self.complained = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).expect("there")
    }

    #[tokio::test]
    async fn a_moved_file_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/audit.jsonl");
        let audit = AuditFile::open(&path).expect("open");
        audit.write("one".into()).await;
        let moved = folder.path().join("moved");
        std::fs::rename(&path, &moved).expect("moved");
        audit.write("two".into()).await;
        assert_eq!((read(&moved).as_str(), read(&path).as_str()), ("one\n", "two\n"));
        std::fs::remove_file(&path).expect("removed");
        audit.write("three".into()).await;
        assert_eq!(read(&path), "three\n");
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_written_breaks_nothing_and_is_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        std::fs::create_dir(&path).expect("in the way");
        let audit = AuditFile::open(&path).expect("open");
        audit.write("lost".into()).await;
        std::fs::remove_dir(&path).expect("out of the way");
        audit.write("kept".into()).await;
        assert_eq!(read(&path), "kept\n");
    }

    #[tokio::test]
    async fn a_full_disk_breaks_nothing() {
        // Linux's own full disk.
        let audit = AuditFile::open(Path::new("/dev/full")).expect("open");
        audit.write("lost".into()).await;
        audit.write("lost too".into()).await;
    }

    #[tokio::test]
    async fn the_last_lines_are_at_hand_and_long_ones_are_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let audit = AuditFile::open(&folder.path().join("audit.jsonl")).expect("open");
        for number in 0..=RECENT_MAX {
            audit.write(number.to_string()).await;
        }
        let recent = audit.recent();
        assert_eq!((recent.len(), recent[0].line.as_str()), (RECENT_MAX, "100"));
        assert_eq!(recent[RECENT_MAX - 1].line, "1");
        audit.write("x".repeat(RECENT_BYTES_MAX)).await;
        audit.write("x".repeat(RECENT_BYTES_MAX + 1)).await;
        let recent = audit.recent();
        assert_eq!(recent[1].line, "x".repeat(RECENT_BYTES_MAX));
        assert_eq!(recent[0].line, format!("{}\u{2026}", "x".repeat(RECENT_BYTES_MAX - 3)));
    }

    #[tokio::test]
    async fn dev_null_turns_it_off() {
        let audit = AuditFile::open(Path::new("/dev/null")).expect("open");
        assert!(!audit.enabled());
        audit.write("nothing".into()).await;
    }

    #[tokio::test]
    async fn many_writers_leave_whole_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let audit = AuditFile::open(&path).expect("open");
        let line = "x".repeat(10_000);
        futures_util::future::join_all((0..100).map(|_| audit.write(line.clone()))).await;
        let text = read(&path);
        assert_eq!(text.lines().count(), 100);
        assert!(text.lines().all(|found| found == line));
    }
}
