//! Walks a file in pieces of bounded size and finds where lines begin and end. Counts what it read,
//! and knows nothing of what the lines say beyond `scan`'s suspicion.

use std::ops::Range;

use memchr::{memchr, memrchr};

use crate::scan;
use crate::source::{Source, SourceError, exactly};

/// Bytes of the longest line that is made a message of; a longer one is passed over without being
/// held. The client's own request limit is 32 MB, so no message is longer; a line is held once, and
/// its text once or twice more.
pub(crate) const LINE_MAX: u64 = 32 << 20;

/// How much is read at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// Bytes of the first piece: a short page of a long file should not cost more.
    pub(crate) first: usize,
    /// Bytes of the largest piece; each is twice the one before up to this. Lines that a piece cuts
    /// are read again, which larger pieces make rare.
    pub(crate) largest: usize,
    /// Bytes of the longest line that is held.
    pub(crate) line: u64,
}

/// The sizes that `page` reads with.
pub(crate) const PIECES: Pieces = Pieces { first: 128 << 10, largest: 1 << 20, line: LINE_MAX };

/// A file being walked through.
#[derive(Debug)]
pub(crate) struct Walk<'a, S> {
    source: &'a mut S,
    size: u64,
    piece: usize,
    pieces: Pieces,
    /// Bytes that may still be read before the walk should stop.
    left: u64,
}

/// Where the end of a line was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// The next line begins here.
    At(u64),
    /// The file ends here and the line has not.
    Open(u64),
    /// Not before this place, where looking stopped.
    Beyond(u64),
}

/// Where the beginning of a line was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineStart {
    /// It begins here.
    At(u64),
    /// Not after this place, where looking stopped.
    Beyond(u64),
}

impl<'a, S: Source> Walk<'a, S> {
    /// A walk that should stop soon after `bytes_max` bytes.
    pub(crate) fn new(source: &'a mut S, bytes_max: u64, pieces: Pieces) -> Self {
        let size = source.size();
        Self { source, size, piece: pieces.first, pieces, left: bytes_max }
    }

    /// The file's size.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether as much was read as should be.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Bytes of the longest line that is held.
    pub(crate) fn line_max(&self) -> u64 {
        self.pieces.line
    }

    /// The next piece from `from` on.
    pub(crate) fn after(&mut self, from: u64) -> Result<Vec<u8>, SourceError> {
        let length = self.next_length(self.size - from);
        self.read(from, length)
    }

    /// The next piece that ends at `to`, and where it begins.
    pub(crate) fn before(&mut self, to: u64) -> Result<(u64, Vec<u8>), SourceError> {
        let length = self.next_length(to);
        let from = to - length as u64;
        Ok((from, self.read(from, length)?))
    }

    /// Whether a line begins at `at`.
    pub(crate) fn is_start(&mut self, at: u64) -> Result<bool, SourceError> {
        Ok(at == 0 || self.read(at - 1, 1)? == b"\n")
    }

    /// The end of a line that has none between its beginning and `from`. Looks for it up to `limit`
    /// at least, and up to the walk's end.
    pub(crate) fn line_end(&mut self, from: u64, limit: u64) -> Result<LineEnd, SourceError> {
        let mut at = from;
        while at < self.size {
            if at >= limit && self.is_spent() {
                return Ok(LineEnd::Beyond(at));
            }
            let piece = self.after(at)?;
            if let Some(end) = memchr(b'\n', &piece) {
                return Ok(LineEnd::At(at + end as u64 + 1));
            }
            at += piece.len() as u64;
        }
        Ok(LineEnd::Open(self.size))
    }

    /// The beginning of a line that has no end between `to` and its own. Looks for it down to
    /// `limit` at least, and up to the walk's end.
    pub(crate) fn line_start(&mut self, to: u64, limit: u64) -> Result<LineStart, SourceError> {
        let mut at = to;
        while at > 0 {
            if at < limit && at < to && self.is_spent() {
                return Ok(LineStart::Beyond(at));
            }
            let (from, piece) = self.before(at)?;
            if let Some(end) = memrchr(b'\n', &piece) {
                return Ok(LineStart::At(from + end as u64 + 1));
            }
            at = from;
        }
        Ok(LineStart::At(0))
    }

    /// The line at `place`, if it may be a message and is not too long: a line that is longer than
    /// a piece is held only after a first look at its pieces.
    pub(crate) fn load(&mut self, place: Range<u64>) -> Result<Option<Vec<u8>>, SourceError> {
        let length = place.end - place.start;
        if length > self.pieces.line {
            return Ok(None);
        }
        let mut at = place.start;
        while at < place.end {
            let rest = place.end - at;
            let looked = self.next_length(rest);
            let piece = self.read(at, looked)?;
            if scan::is_suspicious(&piece) {
                drop(piece);
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                return Ok(Some(self.read(place.start, length)?));
            }
            if looked as u64 == rest {
                break;
            }
            at += (looked - scan::OVERLAP) as u64;
        }
        Ok(None)
    }

    fn read(&mut self, from: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        self.left = self.left.saturating_sub(length as u64);
        let bytes = exactly(self.source, from, length)?;
        if bytes.len() == length { Ok(bytes) } else { Err(SourceError::Other) }
    }

    /// Bytes of the next piece where there are `rest`: never so few that a step of `load` would
    /// make no progress.
    fn next_length(&mut self, rest: u64) -> usize {
        let least = 2 * scan::OVERLAP;
        let mut wanted = self.piece;
        if self.left > 0 {
            wanted = wanted.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        } // else a line is being finished: in full pieces
        self.piece = self.pieces.largest.min(self.piece * 2);
        wanted.max(least).min(usize::try_from(rest).unwrap_or(usize::MAX))
    }
}
