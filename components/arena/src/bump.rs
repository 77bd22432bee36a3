//! Which addresses are taken: pure arithmetic, knows nothing of memory.

/// A space of addresses that are handed out in ascending order.
#[derive(Debug)]
pub struct Bump {
    /// The first address not handed out.
    next: usize,
    /// The first address behind the space.
    end: usize,
}

impl Bump {
    /// No space at all.
    pub const EMPTY: Self = Self { next: 0, end: 0 };

    /// Takes `size` bytes at a multiple of `align`, a power of two; none where they do not fit.
    #[inline]
    pub fn take(&mut self, size: usize, align: usize) -> Option<usize> {
        let start = self.next.checked_add(align - 1)? & !(align - 1);
        let next = start.checked_add(size)?;
        if next > self.end {
            return None;
        }
        self.next = next;
        Some(start)
    }

    /// Whether the `size` bytes at `start` were handed out last.
    #[inline]
    pub fn is_last(&self, start: usize, size: usize) -> bool {
        start + size == self.next
    }

    /// Gives the last piece, which begins at `start`, another size; false where that does not fit.
    #[inline]
    pub fn resize_last(&mut self, start: usize, size: usize) -> bool {
        match start.checked_add(size) {
            Some(next) if next <= self.end => {
                self.next = next;
                true
            }
            _ => false,
        }
    }

    /// How many more bytes must follow the space so that the last piece, which begins at `start`,
    /// can have this size; none where there are no such addresses.
    pub fn lacks(&self, start: usize, size: usize) -> Option<usize> {
        Some(start.checked_add(size)?.saturating_sub(self.end))
    }

    /// Adds the space from `start` to `end`. What was left of the old one is kept where the new one
    /// follows it, and given up where it does not.
    pub fn add(&mut self, start: usize, end: usize) {
        if start != self.end || self.end == 0 {
            self.next = start;
        }
        self.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::Bump;

    fn space(start: usize, end: usize) -> Bump {
        let mut bump = Bump::EMPTY;
        bump.add(start, end);
        bump
    }

    #[test]
    fn the_empty_space_has_room_for_nothing() {
        let mut bump = Bump::EMPTY;
        assert_eq!(bump.take(1, 1), None);
    }

    #[test]
    fn pieces_follow_each_other_and_are_aligned() {
        let mut bump = space(1001, 1100);
        assert_eq!(bump.take(3, 1), Some(1001));
        assert_eq!(bump.take(8, 8), Some(1008));
        assert_eq!(bump.take(1, 1), Some(1016));
        assert_eq!(bump.take(16, 16), Some(1024));
    }

    #[test]
    fn the_last_byte_can_be_had_and_no_more() {
        let mut bump = space(16, 32);
        assert_eq!(bump.take(17, 1), None);
        assert_eq!(bump.take(16, 1), Some(16));
        assert_eq!(bump.take(1, 1), None);
    }

    #[test]
    fn a_size_beyond_all_addresses_is_refused() {
        let mut bump = space(16, 32);
        assert_eq!(bump.take(usize::MAX, 1), None);
        assert_eq!(bump.take(usize::MAX - 8, 8), None);
        assert_eq!(bump.lacks(16, usize::MAX), None);
        assert!(!bump.resize_last(16, usize::MAX));
        assert_eq!(bump.take(1, 1), Some(16));
    }

    #[test]
    fn the_last_piece_grows_and_shrinks_in_place() {
        let mut bump = space(16, 32);
        let start = bump.take(4, 4).expect("there are 16 bytes");
        assert!(bump.is_last(start, 4));
        assert!(bump.resize_last(start, 16));
        assert!(!bump.resize_last(start, 17));
        assert!(bump.resize_last(start, 0));
        assert_eq!(bump.take(16, 1), Some(16), "what was given back can be had again");
    }

    #[test]
    fn a_piece_before_the_last_is_not_the_last() {
        let mut bump = space(16, 32);
        let first = bump.take(4, 4).expect("there are 16 bytes");
        let second = bump.take(4, 4).expect("there are 12 bytes");
        assert!(!bump.is_last(first, 4));
        assert!(bump.is_last(second, 4));
    }

    #[test]
    fn space_that_follows_extends_what_is_left() {
        let mut bump = space(16, 32);
        assert_eq!(bump.take(10, 1), Some(16));
        assert_eq!(bump.lacks(16, 40), Some(24));
        bump.add(32, 64);
        assert!(bump.resize_last(16, 40));
        assert_eq!(bump.lacks(16, 40), Some(0));
    }

    #[test]
    fn space_elsewhere_replaces_what_is_left() {
        let mut bump = space(16, 32);
        assert_eq!(bump.take(10, 1), Some(16));
        bump.add(64, 128);
        assert_eq!(bump.take(10, 1), Some(64));
        assert!(!bump.is_last(16, 10));
    }
}
