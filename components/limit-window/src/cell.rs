//! What the limiter remembers of a caller: the times of the questions that still count, oldest
//! first, and how they are written into the cell that the host keeps.
//!
//! The cell is empty, or a byte with the version and eight bytes a question: milliseconds since the
//! Unix epoch, little-endian.

use thiserror::Error;

use crate::settings::MAX_MAX;

/// The first byte of a cell that this code has written. Another layout takes another number.
const VERSION: u8 = 1;

/// The size of one time.
const TIME: usize = size_of::<u64>();

/// A cell that this policy has not written.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum CellError {
    /// Another version, or another policy.
    #[error(
        "reading a caller's cell: version {0} is not known, only {VERSION} is; clear the cell, or use the policy that wrote it"
    )]
    Version(u8),
    /// Neither none nor a whole number of times, or more than any setting allows.
    #[error("reading a caller's cell: {0} bytes are not what this policy writes; clear the cell")]
    Length(usize),
    /// Times are out of order.
    #[error("reading a caller's cell: its times do not ascend; clear the cell")]
    Order,
}

/// The questions that still count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// Oldest first.
    times: Vec<u64>,
    /// Whether they were changed otherwise than by time's passing.
    corrected: bool,
}

impl Window {
    /// Reads a cell, leaving out what at `now` lies more than `window_ms` back.
    ///
    /// A time later than `now` can only mean that the clock was set back since. Such a question
    /// counts as asked now: it is not forgotten, and once that is written down nobody waits for
    /// longer than the window.
    pub fn read(cell: &[u8], now: u64, window_ms: u64) -> Result<Self, CellError> {
        let Some((&version, bytes)) = cell.split_first() else {
            return Ok(Self::default());
        };
        if version != VERSION {
            return Err(CellError::Version(version));
        }
        let (chunks, rest) = bytes.as_chunks::<TIME>();
        if !rest.is_empty() || chunks.len() as u64 > MAX_MAX {
            return Err(CellError::Length(cell.len()));
        }
        let mut window = Self { times: Vec::with_capacity(chunks.len() + 1), corrected: false };
        let mut before = 0;
        for chunk in chunks {
            let time = u64::from_le_bytes(*chunk);
            if time < before {
                return Err(CellError::Order);
            }
            before = time;
            window.corrected |= time > now;
            if time.saturating_add(window_ms) >= now {
                window.times.push(time.min(now));
            }
        }
        Ok(window)
    }

    /// How many questions count.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether none counts.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The time after which fewer than `max` questions count; none where that never happens, or is
    /// so already. Where just `max` of them count it is the oldest one's, the window added.
    pub fn free_after(&self, max: usize, window_ms: u64) -> Option<u64> {
        if max == 0 {
            return None;
        }
        let too_many = self.times.len().checked_sub(max)?;
        self.times.get(too_many).map(|time| time.saturating_add(window_ms))
    }

    /// Adds a question asked at `now`.
    pub fn push(&mut self, now: u64) {
        self.times.push(now);
    }

    /// Whether it must be written down though no question was added.
    pub fn corrected(&self) -> bool {
        self.corrected
    }

    /// The cell.
    pub fn write(&self) -> Vec<u8> {
        let mut cell = Vec::with_capacity(1 + TIME * self.times.len());
        cell.push(VERSION);
        for time in &self.times {
            cell.extend_from_slice(&time.to_le_bytes());
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::{CellError, Window};

    fn cell(times: &[u64]) -> Vec<u8> {
        let mut window = Window::default();
        for time in times {
            window.push(*time);
        }
        window.write()
    }

    fn times(cell: &[u8], now: u64, window_ms: u64) -> Vec<u64> {
        Window::read(cell, now, window_ms).expect("a good cell").times
    }

    #[test]
    fn an_empty_cell_is_an_empty_window() {
        assert!(Window::read(&[], 5, 5).expect("a good cell").is_empty());
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(times(&cell(&[]), 9, 9), []);
        assert_eq!(times(&cell(&[1, 5, 5, 9]), 9, 9), [1, 5, 5, 9]);
        assert_eq!(times(&cell(&[0, u64::MAX]), u64::MAX, u64::MAX), [0, u64::MAX]);
    }

    #[test]
    fn a_question_counts_up_to_the_windows_last_millisecond() {
        assert_eq!(times(&cell(&[1000]), 1500, 500), [1000]);
        assert_eq!(times(&cell(&[1000]), 1501, 500), []);
    }

    #[test]
    fn a_question_from_the_future_counts_as_asked_now() {
        let window = Window::read(&cell(&[900, 2000]), 1000, 500).expect("a good cell");
        assert_eq!(window.times, [900, 1000]);
        assert!(window.corrected());
        let window = Window::read(&cell(&[900, 1000]), 1000, 500).expect("a good cell");
        assert!(!window.corrected());
    }

    #[test]
    fn what_this_policy_never_wrote_is_refused() {
        let read = |cell: &[u8]| Window::read(cell, 0, 0);
        assert_eq!(read(&[0]), Err(CellError::Version(0)));
        assert_eq!(read(b"{}"), Err(CellError::Version(b'{')));
        assert_eq!(read(&[1, 0]), Err(CellError::Length(2)));
        assert_eq!(read(&cell(&[5, 4])), Err(CellError::Order));
        assert!(read(&cell(&vec![7; 8000])).is_ok());
        assert_eq!(read(&cell(&vec![7; 8001])), Err(CellError::Length(1 + 8 * 8001)));
    }

    #[test]
    fn the_largest_cell_fits_into_64_kib() {
        assert!(cell(&vec![7; 8000]).len() <= 64 * 1024);
    }

    #[test]
    fn it_is_free_again_after_as_many_as_are_too_many_have_gone() {
        let window = Window { times: vec![10, 20, 30], corrected: false };
        assert_eq!(window.free_after(4, 100), None, "it is free already");
        assert_eq!(window.free_after(3, 100), Some(110));
        assert_eq!(window.free_after(1, 100), Some(130));
        assert_eq!(window.free_after(0, 100), None, "it never is");
    }
}
