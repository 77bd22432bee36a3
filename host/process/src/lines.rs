//! Cuts a program's output into lines of bounded length. It knows nothing of time or processes.

/// Collects bytes until a line is whole.
#[derive(Debug)]
pub(crate) struct Lines {
    unfinished: Vec<u8>,
    limit: usize,
}

/// A line was longer than allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// Lines of at most `limit` bytes, the line end not counted.
    pub(crate) fn new(limit: usize) -> Self {
        Self { unfinished: Vec::new(), limit }
    }

    /// Takes `bytes` and hands every line that they complete to `each`, without its line end.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(Vec<u8>)) -> Result<(), TooLong> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end])?;
            each(std::mem::take(&mut self.unfinished));
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes)
    }

    /// What is left when the output has ended: a last line that lacks its end.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.unfinished)).filter(|line| !line.is_empty())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.unfinished.len() + bytes.len() > self.limit {
            return Err(TooLong);
        }
        self.unfinished.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), TooLong>) {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        for piece in pieces {
            if let Err(error) = lines.push(piece, |line| found.push(line)) {
                return (found, Err(error));
            }
        }
        found.extend(lines.finish());
        (found, Ok(()))
    }

    #[test]
    fn cuts_wherever_the_pieces_end() {
        let expected = vec![b"ab".to_vec(), vec![], b"c\r".to_vec(), b"d".to_vec()];
        for pieces in [&[&b"ab\n\nc\r\nd"[..]][..], &[b"a", b"b", b"\n", b"\nc\r", b"\nd"]] {
            assert_eq!(cut(2, pieces), (expected.clone(), Ok(())));
        }
        assert_eq!(cut(2, &[b"a\n"]), (vec![b"a".to_vec()], Ok(())));
    }

    #[test]
    fn the_limit_from_both_sides() {
        assert_eq!(cut(3, &[b"abc\n"]).1, Ok(()));
        assert_eq!(cut(3, &[b"abcd\n"]).1, Err(TooLong));
        assert_eq!(cut(3, &[b"ab", b"c", b"d"]).1, Err(TooLong));
        assert_eq!(cut(3, &[b"ok\nabcd"]), (vec![b"ok".to_vec()], Err(TooLong)));
    }
}
