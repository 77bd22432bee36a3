//! A session's file as the host itself reads it: to hand it out as it is, and to see whether it has
//! changed. Knows no format.

use std::os::unix::fs::MetadataExt as _;

use super::{Bytes, Directory, LentFile};

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written to, in milliseconds since the Unix epoch.
    pub modified: u64,
    /// When anything of it was last changed, in nanoseconds: not even its owner sets this.
    pub changed: i128,
    /// Which file of its file system it is.
    pub inode: u64,
}

/// A file cannot be read; the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's file cannot be read")]
pub struct Unread;

impl Directory {
    /// Opens a regular file below; none where there is none.
    ///
    /// # Errors
    /// Where there is something that is no file, or leads out of the directory.
    pub fn plain(&self, path: &str) -> Result<Option<LentFile>, Unread> {
        use crate::sandbox::bindings::history::overlord::policy::files::IoError;
        match self.file(path) {
            Ok(file) => Ok(Some(file)),
            Err(IoError::NotFound) => Ok(None),
            Err(IoError::Denied | IoError::Other) => Err(Unread),
        }
    }
}

impl LentFile {
    /// Its state now.
    ///
    /// # Errors
    /// Where the operating system does not tell.
    pub fn stamp(&self) -> std::io::Result<Stamp> {
        let Bytes::Real(file) = &self.bytes else {
            return Ok(Stamp { size: self.size, modified: self.modified, changed: 0, inode: 0 });
        };
        let found = file.metadata()?;
        Ok(Stamp {
            size: found.len(),
            modified: super::milliseconds(file),
            changed: i128::from(found.ctime()) * 1_000_000_000 + i128::from(found.ctime_nsec()),
            inode: found.ino(),
        })
    }

    /// The bytes from `offset` on, at most `length` and 4 MiB of them; fewer only at the end.
    ///
    /// # Errors
    /// Where the disk does not give them.
    pub fn bytes(&self, offset: u64, length: u32) -> Result<Vec<u8>, Unread> {
        self.read(offset, length).map_err(|_| Unread)
    }
}
