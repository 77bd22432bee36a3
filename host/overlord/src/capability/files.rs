//! One directory, read-only, as it is lent to a history policy: the contract's interface `files`. The
//! kernel keeps paths below the directory (`openat2` with `RESOLVE_BENEATH`), symbolic links included.

mod aside;
mod plain;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use wasmtime::component::Resource;

use crate::sandbox::bindings::history::overlord::policy::files::{Entry, Host, HostFile, IoError};
use crate::sandbox::{Guest, Lent};

pub use aside::{NotMoved, NotPurged};
pub use plain::Stamp;

/// The most bytes of one `read`, as the contract says.
const READ_BYTES_MAX: u32 = 4 << 20;

/// The most entries of one directory that are listed: a workspace has a session file a conversation.
pub const ENTRIES_MAX: usize = 100_000;

/// A directory that nothing below leaves.
#[derive(Debug, Clone)]
pub struct Directory(Source);

#[derive(Debug, Clone)]
enum Source {
    /// Really there.
    Real(Arc<File>),
    /// Not there (yet): everything below it is missing.
    Absent,
    /// Made up by a case.
    Scripted(Arc<BTreeMap<String, Arc<[u8]>>>),
}

/// An open file of a lent directory.
#[derive(Debug)]
pub struct LentFile {
    size: u64,
    modified: u64,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Real(File),
    Scripted(Arc<[u8]>),
}

impl Directory {
    /// Lends the directory at `path`. One that does not exist is lent too: it is empty.
    ///
    /// # Errors
    /// Where it exists and cannot be opened.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self(Source::Real(Arc::new(File::from(fd))))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Self(Source::Absent)),
            Err(error) => Err(error.into()),
        }
    }

    /// Lends the directory `name` in `home`, where somebody else may have put a link in its place: one
    /// that leads out of `home` is refused, and with `real` every link is.
    ///
    /// # Errors
    /// Where it exists and cannot be opened, or is such a link.
    pub fn open_below(home: &Path, name: &str, real: bool) -> std::io::Result<Self> {
        let home_itself = Self::open(home)?;
        let Source::Real(root) = &home_itself.0 else { return Ok(home_itself) };
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        resolve.set(ResolveFlags::NO_SYMLINKS, real);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match openat2(root.as_fd(), name, flags, Mode::empty(), resolve) {
            Ok(fd) => Ok(Self(Source::Real(Arc::new(File::from(fd))))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Self(Source::Absent)),
            Err(error @ (Errno::XDEV | Errno::LOOP)) => Err(std::io::Error::new(
                std::io::Error::from(error).kind(),
                format!(
                    "{}/{name} is a link that may lead out of the home; make it a folder, or say where the \
                     sessions are with CLAUDE_CONFIG_DIR",
                    home.display()
                ),
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// A made-up directory: content by path.
    pub fn scripted(files: &BTreeMap<String, String>) -> Self {
        let files = files.iter().map(|(path, text)| (path.clone(), text.as_bytes().into())).collect();
        Self(Source::Scripted(Arc::new(files)))
    }

    /// Whether there is a directory at this path below.
    pub fn has_directory(&self, path: &str) -> bool {
        match &self.0 {
            Source::Real(root) => beneath(root, path, OFlags::DIRECTORY).is_ok(),
            Source::Absent => false,
            Source::Scripted(files) => files.keys().any(|file| below(file, path).is_some()),
        }
    }

    /// How long the file at this path below is; none where there is no file that can be read.
    pub fn size(&self, path: &str) -> Option<u64> {
        self.file(path).ok().map(|file| file.size)
    }

    /// When the file at this path below was made, in milliseconds since the Unix epoch; none where there
    /// is none, or the file system does not know.
    pub fn born(&self, path: &str) -> Option<u64> {
        let Source::Real(root) = &self.0 else { return None };
        let file = beneath(root, path, OFlags::NONBLOCK).ok()?;
        let made = file.metadata().ok()?.created().ok()?;
        u64::try_from(made.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    fn file(&self, path: &str) -> Result<LentFile, IoError> {
        match &self.0 {
            Source::Real(root) => {
                // Not blocking: opening a pipe that an agent left there would wait for its writer.
                let file = beneath(root, path, OFlags::NONBLOCK)?;
                let stat = rustix::fs::fstat(&file).map_err(io_error)?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                    return Err(IoError::Denied);
                }
                let modified = milliseconds(&file);
                Ok(LentFile {
                    size: u64::try_from(stat.st_size).unwrap_or(0),
                    modified,
                    bytes: Bytes::Real(file),
                })
            }
            Source::Absent => Err(IoError::NotFound),
            Source::Scripted(files) => {
                let bytes = Arc::clone(files.get(path).ok_or(IoError::NotFound)?);
                Ok(LentFile { size: bytes.len() as u64, modified: 0, bytes: Bytes::Scripted(bytes) })
            }
        }
    }

    fn entries(&self, path: &str) -> Result<Vec<Entry>, IoError> {
        match &self.0 {
            Source::Real(root) => real_entries(root, path),
            Source::Absent => Err(IoError::NotFound),
            Source::Scripted(files) => {
                let mut entries: BTreeMap<&str, Entry> = BTreeMap::new();
                for (file, bytes) in files.iter() {
                    let Some(rest) = below(file, path) else { continue };
                    let (name, directory) =
                        rest.split_once('/').map_or((rest, false), |(first, _)| (first, true));
                    let size = if directory { 0 } else { bytes.len() as u64 };
                    entries.insert(name, Entry { name: name.to_owned(), size, modified: 0, directory });
                }
                if entries.is_empty() { Err(IoError::NotFound) } else { Ok(entries.into_values().collect()) }
            }
        }
    }
}

impl LentFile {
    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, IoError> {
        let length = length.min(READ_BYTES_MAX) as usize;
        match &self.bytes {
            Bytes::Scripted(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes[start..bytes.len().min(start.saturating_add(length))].to_vec())
            }
            // No file reaches there, and the kernel refuses to look.
            Bytes::Real(_) if i64::try_from(offset.saturating_add(length as u64)).is_err() => Ok(Vec::new()),
            Bytes::Real(file) => {
                let mut buffer = vec![0; length];
                let mut filled = 0;
                while filled < length {
                    match file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
                        Ok(0) => break,
                        Ok(count) => filled += count,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => {
                            tracing::warn!("cannot read a session file at offset {offset}: {error}");
                            return Err(IoError::Other);
                        }
                    }
                }
                buffer.truncate(filled);
                Ok(buffer)
            }
        }
    }
}

fn real_entries(root: &File, path: &str) -> Result<Vec<Entry>, IoError> {
    let directory = beneath(root, if path.is_empty() { "." } else { path }, OFlags::DIRECTORY)?;
    let mut entries = Vec::new();
    for entry in rustix::fs::Dir::read_from(&directory).map_err(io_error)? {
        let entry = entry.map_err(io_error)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." {
            continue;
        }
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let Ok(stat) = rustix::fs::statat(&directory, entry.file_name(), flags) else { continue };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::RegularFile && kind != FileType::Directory {
            continue;
        }
        entries.push(Entry {
            name: name.to_owned(),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: instant(stat.st_mtime, stat.st_mtime_nsec),
            directory: kind == FileType::Directory,
        });
        if entries.len() == ENTRIES_MAX {
            tracing::warn!("only the first {ENTRIES_MAX} entries of a folder of sessions are looked at");
            break;
        }
    }
    Ok(entries)
}

fn beneath(root: &File, path: &str, flags: OFlags) -> Result<File, IoError> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    openat2(root.as_fd(), path, flags, Mode::empty(), resolve).map(File::from).map_err(io_error)
}

fn io_error(error: Errno) -> IoError {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => IoError::NotFound,
        Errno::XDEV | Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::INVAL | Errno::NXIO => {
            IoError::Denied
        }
        error => {
            tracing::warn!("cannot open a session file: {error}");
            IoError::Other
        }
    }
}

fn milliseconds(file: &File) -> u64 {
    let modified = file.metadata().and_then(|data| data.modified()).ok();
    let elapsed = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn instant(seconds: i64, nanoseconds: u64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(nanoseconds / 1_000_000)
}

/// What is left of a file's path below a directory's.
fn below<'a>(file: &'a str, directory: &str) -> Option<&'a str> {
    if directory.is_empty() { Some(file) } else { file.strip_prefix(directory)?.strip_prefix('/') }
}

impl Host for Guest {
    fn open(&mut self, path: String) -> wasmtime::Result<Result<Resource<LentFile>, IoError>> {
        let Lent::Directory(directory) = &self.lent else { return Ok(Err(IoError::Denied)) };
        Ok(match directory.file(&path) {
            Ok(file) => Ok(self.table.push(file)?),
            Err(error) => Err(error),
        })
    }

    fn entries(&mut self, path: String) -> wasmtime::Result<Result<Vec<Entry>, IoError>> {
        let Lent::Directory(directory) = &self.lent else { return Ok(Err(IoError::Denied)) };
        Ok(directory.entries(&path))
    }
}

impl HostFile for Guest {
    fn size(&mut self, file: Resource<LentFile>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&file)?.size)
    }

    fn modified(&mut self, file: Resource<LentFile>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&file)?.modified)
    }

    fn read(
        &mut self,
        file: Resource<LentFile>,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, IoError>> {
        Ok(self.table.get(&file)?.read(offset, length))
    }

    fn drop(&mut self, file: Resource<LentFile>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
