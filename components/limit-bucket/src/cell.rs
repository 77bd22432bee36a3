//! What the limiter remembers: how full the bucket was and when, and how that is written into the
//! cell that the host keeps.
//!
//! The cell is empty, or 18 bytes: `B` and the version, how many parts of a token there were, and the
//! time, in milliseconds since the Unix epoch; both little-endian, 64 bits. A part is as small as the
//! rate's own time has milliseconds, so the version says which: 1 a second, 2 an hour.

use thiserror::Error;

use crate::settings::Per;

/// The form of the cells, as the host keeps it beside them. Another layout takes another number.
pub const FORM: &str = "bucket-1";

/// The first byte of a cell that this policy has written.
const MARK: u8 = b'B';

/// The second, where a token has as many parts as a second has milliseconds.
const OF_SECONDS: u8 = 1;

/// The second, where it has as many as an hour.
const OF_HOURS: u8 = 2;

/// A cell that this policy has not written.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum CellError {
    /// Another policy's, another version's, or cut off.
    #[error(
        "reading a cell: its {0} bytes are not what this policy writes; clear the cell, or use the policy that wrote it"
    )]
    Foreign(usize),
    /// Another form.
    #[error(
        "taking over a cell of the form '{0}': this policy reads '{FORM}' alone; give its entry another name, under which it begins with full buckets"
    )]
    Form(String),
}

/// How full a bucket was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// In parts of a token, of which one has [`Per::ms`].
    pub parts: u64,
    /// In which parts.
    pub per: Per,
    /// When.
    pub at: u64,
}

impl Bucket {
    /// Reads a cell; none where it is empty.
    pub fn read(cell: &[u8]) -> Result<Option<Self>, CellError> {
        if cell.is_empty() {
            return Ok(None);
        }
        let foreign = || CellError::Foreign(cell.len());
        let (head, numbers) = cell.split_first_chunk::<2>().ok_or_else(foreign)?;
        let per = match *head {
            [MARK, OF_SECONDS] => Per::Second,
            [MARK, OF_HOURS] => Per::Hour,
            _ => return Err(foreign()),
        };
        let (&[parts, at], []) = numbers.as_chunks::<8>() else { return Err(foreign()) };
        Ok(Some(Self { parts: u64::from_le_bytes(parts), per, at: u64::from_le_bytes(at) }))
    }

    /// The same bucket in other parts, rounded down: a change of the settings gives nothing away.
    #[must_use]
    pub fn of(self, per: Per) -> Self {
        let parts = u128::from(self.parts) * u128::from(per.ms()) / u128::from(self.per.ms());
        Self { parts: u64::try_from(parts).unwrap_or(u64::MAX), per, at: self.at }
    }

    /// The cell.
    pub fn write(self) -> Vec<u8> {
        let version = match self.per {
            Per::Second => OF_SECONDS,
            Per::Hour => OF_HOURS,
        };
        let mut cell = Vec::with_capacity(18);
        cell.extend_from_slice(&[MARK, version]);
        cell.extend_from_slice(&self.parts.to_le_bytes());
        cell.extend_from_slice(&self.at.to_le_bytes());
        cell
    }
}

/// A cell of another form. There is none yet that this policy could read.
pub fn take_over(form: &str, cell: Vec<u8>) -> Result<Vec<u8>, CellError> {
    if form == FORM { Ok(cell) } else { Err(CellError::Form(form.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, CellError, take_over};
    use crate::settings::Per;

    #[test]
    fn what_was_written_is_read() {
        for per in [Per::Second, Per::Hour] {
            for (parts, at) in [(0, 0), (1, 2), (u64::MAX, u64::MAX)] {
                let bucket = Bucket { parts, per, at };
                assert_eq!(Bucket::read(&bucket.write()), Ok(Some(bucket)));
            }
        }
        assert_eq!(Bucket::read(&[]), Ok(None));
    }

    #[test]
    fn what_this_policy_never_wrote_is_refused() {
        let good = Bucket { parts: 1, per: Per::Second, at: 1 }.write();
        let window_cell = [1, 64, 66, 15, 0, 0, 0, 0, 0];
        let cells: [&[u8]; 6] =
            [&[0], b"B", b"B\x03", &window_cell, &good[..17], &[&good[..], &[0]].concat()];
        for cell in cells {
            assert_eq!(Bucket::read(cell), Err(CellError::Foreign(cell.len())), "{cell:?}");
        }
    }

    #[test]
    fn other_parts_are_rounded_down() {
        let bucket = |parts, per| Bucket { parts, per, at: 7 };
        assert_eq!(bucket(1500, Per::Second).of(Per::Hour), bucket(5_400_000, Per::Hour));
        assert_eq!(bucket(5_399_999, Per::Hour).of(Per::Second), bucket(1499, Per::Second));
        assert_eq!(bucket(u64::MAX, Per::Second).of(Per::Hour), bucket(u64::MAX, Per::Hour));
    }

    #[test]
    fn only_its_own_form_is_taken_over() {
        assert_eq!(take_over("bucket-1", vec![1, 2]), Ok(vec![1, 2]));
        for form in ["", "1", "quota-1", "bucket-2"] {
            assert_eq!(take_over(form, Vec::new()), Err(CellError::Form(form.to_owned())));
        }
    }
}
