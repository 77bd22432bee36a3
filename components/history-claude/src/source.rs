//! The seam between this policy and the file that it reads. Knows no path and no format.

use thiserror::Error;

/// An open file.
pub trait Source {
    /// Its size in bytes when it was opened; what is written to it later is for a later call.
    fn size(&self) -> u64;

    /// `length` bytes from `offset` on; fewer only at the end of the file. `length` is at most
    /// [`READ_MAX`].
    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, SourceError>;
}

/// Bytes that one call of [`Source::read`] may ask for: what the contract allows.
pub const READ_MAX: usize = 4 << 20;

/// Why a file cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SourceError {
    /// The operating system or the host does not allow it.
    #[error("reading a session's file: not allowed; look at the file's owner and mode")]
    Denied,
    /// It has become shorter than it was when it was opened. The client only ever appends.
    #[error("reading a session's file: it was cut short while being read; ask again")]
    Shrunk,
    /// Anything else.
    #[error("reading a session's file: it failed; the host's log says why")]
    Other,
}

/// All of the `length` bytes from `offset` on.
pub(crate) fn exactly<S: Source>(source: &mut S, offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
    let asked = u32::try_from(length.min(READ_MAX)).unwrap_or(u32::MAX);
    let first = source.read(offset, asked)?;
    if first.is_empty() && length > 0 {
        return Err(SourceError::Shrunk);
    }
    if first.len() >= length {
        return Ok(first);
    }
    let mut all = Vec::with_capacity(length);
    all.extend_from_slice(&first);
    drop(first);
    while all.len() < length {
        let asked = u32::try_from((length - all.len()).min(READ_MAX)).unwrap_or(u32::MAX);
        let more = source.read(offset + all.len() as u64, asked)?;
        if more.is_empty() {
            return Err(SourceError::Shrunk);
        }
        all.extend_from_slice(&more);
    }
    Ok(all)
}
