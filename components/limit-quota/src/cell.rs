//! What the limiter remembers: how many questions the day and the month have had, where both begin and
//! end, and in which zone that is so; and how it is written into the cell that the host keeps.
//!
//! The cell is empty, or `Q` and the version; for the day and for the month the start, the end and what
//! the zone's clocks show at the end (milliseconds since the Unix epoch, 64 bits each) and the number
//! (32 bits), all little-endian; then the zone's name.

use thiserror::Error;

use crate::calendar::Period;
use crate::settings::MAX_ZONE;

/// The form of the cells, as the host keeps it beside them. Another layout takes another number.
pub const FORM: &str = "quota-1";

/// The first bytes of a cell that this policy has written.
const HEAD: [u8; 2] = [b'Q', 1];

/// The size of a period and its number.
const COUNTED: usize = 3 * 8 + 4;

/// No month has more milliseconds, in whatever zone.
const LONGEST_MS: u64 = 33 * 24 * 3_600_000;

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
        "taking over a cell of the form '{0}': this policy reads '{FORM}' alone; give its entry another name, under which nothing has been used up"
    )]
    Form(String),
}

/// A period, and how many questions it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// From when to when.
    pub period: Period,
    /// How many.
    pub asked: u32,
}

/// What there is in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory<'a> {
    /// The day and the month.
    pub counted: [Counted; 2],
    /// In which zone they are what they are.
    pub zone: &'a str,
}

impl<'a> Memory<'a> {
    /// Reads a cell; none where it is empty.
    pub fn read(cell: &'a [u8]) -> Result<Option<Self>, CellError> {
        if cell.is_empty() {
            return Ok(None);
        }
        Self::whole(cell).map(Some).ok_or(CellError::Foreign(cell.len()))
    }

    fn whole(cell: &'a [u8]) -> Option<Self> {
        let rest = cell.strip_prefix(&HEAD)?;
        let (day, rest) = rest.split_first_chunk::<COUNTED>()?;
        let (month, zone) = rest.split_first_chunk::<COUNTED>()?;
        let zone = std::str::from_utf8(zone).ok().filter(|zone| (1..=MAX_ZONE).contains(&zone.len()))?;
        Some(Self { counted: [Counted::read(day)?, Counted::read(month)?], zone })
    }

    /// The cell.
    pub fn write(&self) -> Vec<u8> {
        let mut cell = Vec::with_capacity(HEAD.len() + 2 * COUNTED + self.zone.len());
        cell.extend_from_slice(&HEAD);
        for Counted { period, asked } in self.counted {
            for time in [period.start, period.end, period.end_shown] {
                cell.extend_from_slice(&time.to_le_bytes());
            }
            cell.extend_from_slice(&asked.to_le_bytes());
        }
        cell.extend_from_slice(self.zone.as_bytes());
        cell
    }
}

impl Counted {
    fn read(bytes: &[u8; COUNTED]) -> Option<Self> {
        let (times, asked) = bytes.split_last_chunk::<4>()?;
        let (&[start, end, end_shown], []) = times.as_chunks::<8>() else { return None };
        let [start, end, end_shown] = [start, end, end_shown].map(u64::from_le_bytes);
        let length = end.checked_sub(start)?;
        let period = Period { start, end, end_shown };
        (length <= LONGEST_MS).then_some(Self { period, asked: u32::from_le_bytes(*asked) })
    }
}

/// A cell of another form. There is none yet that this policy could read.
pub fn take_over(form: &str, cell: Vec<u8>) -> Result<Vec<u8>, CellError> {
    if form == FORM { Ok(cell) } else { Err(CellError::Form(form.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::{CellError, Counted, LONGEST_MS, Memory, take_over};
    use crate::calendar::Period;

    fn memory(zone: &str) -> Memory<'_> {
        let counted =
            |start, end, asked| Counted { period: Period { start, end, end_shown: end + 7 }, asked };
        Memory { counted: [counted(5, 6, 0), counted(0, LONGEST_MS, u32::MAX)], zone }
    }

    #[test]
    fn what_was_written_is_read() {
        for zone in ["UTC", "America/Argentina/ComodRivadavia"] {
            assert_eq!(Memory::read(&memory(zone).write()), Ok(Some(memory(zone))));
        }
        assert_eq!(Memory::read(&[]), Ok(None));
    }

    #[test]
    fn what_this_policy_never_wrote_is_refused() {
        let good = memory("UTC").write();
        let mut longer = memory("UTC");
        longer.counted[1].period.end += 1;
        let mut backwards = memory("UTC");
        backwards.counted[0].period.end = 4;
        let cells = [
            vec![0],
            b"Q".to_vec(),
            b"Q\x02".to_vec(),
            vec![1, 64, 66, 15, 0, 0, 0, 0, 0],
            good[..good.len() - 3].to_vec(),
            good[..20].to_vec(),
            [&good[..], &[0xff]].concat(),
            [&good[..], &[b'x'; 62]].concat(),
            longer.write(),
            backwards.write(),
        ];
        for cell in cells {
            assert_eq!(Memory::read(&cell), Err(CellError::Foreign(cell.len())), "{cell:?}");
        }
    }

    #[test]
    fn only_its_own_form_is_taken_over() {
        assert_eq!(take_over("quota-1", vec![1, 2]), Ok(vec![1, 2]));
        for form in ["", "1", "bucket-1", "quota-2"] {
            assert_eq!(take_over(form, Vec::new()), Err(CellError::Form(form.to_owned())));
        }
    }
}
