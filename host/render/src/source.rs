//! What is done to a text before it is parsed: where it is cut, how far in its lists and quotes may
//! lie, how short a table's rows may be. Each is decided line by line, so that a text which grows keeps its beginning.

use std::borrow::Cow;

use crate::TEXT_MAX;

/// How far from the left, in columns, a list or a quote may begin; beyond that its marker is text.
/// This bounds how many lie in each other. The parser looks through all of them for each line, so
/// without it a long first line and many short ones after it would take quadratic time.
pub(crate) const MARKER_COLUMN_MAX: usize = 200;

/// A tab is taken for as wide as it can be.
const TAB: usize = 4;

/// The part of a text that is shown, and whether that is not all of it.
pub(crate) fn shown(text: &str) -> (&str, bool) {
    if text.len() <= TEXT_MAX { (text, false) } else { (&text[..text.floor_char_boundary(TEXT_MAX)], true) }
}

/// How many cells a row of a table may lack; a shorter row ends the table. The parser makes one of its
/// own for each, dozens of bytes, so a wide head and many short rows would fill the memory.
pub(crate) const CELLS_LACKING_MAX: usize = 8;

/// How many all rows of a table may lack. At twice that the parser loses its way out of the table.
pub(crate) const TABLE_LACKING_MAX: usize = 1 << 17;

/// A text that the parser takes in time and memory in proportion to its length.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    text: Cow<'a, str>,
    /// Where a byte was put in, in `text`.
    put_in: Vec<usize>,
}

impl<'a> Source<'a> {
    /// Puts a backslash before a marker that lies too far in, and an empty line before a row that is too
    /// short. In a block of code, which this does not know of, either would be seen, beside a line that
    /// nobody writes.
    pub(crate) fn of(text: &'a str) -> Self {
        let mut table = Table::default();
        let mut wanted = Vec::new();
        for (start, line) in lines(text) {
            if table.ends_before(line) {
                wanted.push((start, '\n'));
            }
            if line.len() > MARKER_COLUMN_MAX / TAB
                && let Some(at) = too_far_in(line)
            {
                wanted.push((start + at, '\\'));
            }
        }
        if wanted.is_empty() {
            return Self { text: Cow::Borrowed(text), put_in: Vec::new() };
        }
        let mut changed = String::with_capacity(text.len() + wanted.len());
        let mut put_in = Vec::with_capacity(wanted.len());
        let mut from = 0;
        for (at, what) in wanted {
            changed.push_str(&text[from..at]);
            from = at;
            put_in.push(changed.len());
            changed.push(what);
        }
        changed.push_str(&text[from..]);
        Self { text: Cow::Owned(changed), put_in }
    }

    /// What the parser gets.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where the line of a place in [`Self::text`] begins in the original text.
    pub(crate) fn line_of(&self, place: usize) -> usize {
        // The parser takes a lone carriage return for the end of a line, too.
        let start = self.text[..place].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        start - self.put_in.partition_point(|&at| at < start)
    }
}

/// What is known of the table that may be going on.
#[derive(Debug, Default)]
struct Table {
    /// Of how many columns; none where no table is.
    columns: Option<usize>,
    lacking: usize,
}

impl Table {
    /// Whether the table has to end before this line. Counts in doubt for too many that lack.
    fn ends_before(&mut self, line: &str) -> bool {
        let within = line.trim();
        let pipes = || {
            let bytes = within.as_bytes();
            bytes
                .iter()
                .enumerate()
                .filter(|(at, byte)| **byte == b'|' && (*at == 0 || bytes[at - 1] != b'\\'))
                .count()
        };
        if let Some(columns) = self.columns {
            if within.is_empty() || within.starts_with("```") || within.starts_with("~~~") {
                self.columns = None;
                return false;
            }
            let lacks = columns.saturating_sub(pipes().saturating_sub(1));
            self.lacking += lacks;
            if lacks > CELLS_LACKING_MAX || self.lacking > TABLE_LACKING_MAX {
                self.columns = None;
                return true;
            }
        } else if within.contains('-') && within.bytes().all(|byte| b"|:-> \t".contains(&byte)) {
            // The line under a table's head.
            *self = Self { columns: Some(pipes() + 1).filter(|columns| *columns > 1), lacking: 0 };
        }
        false
    }
}

/// The lines of a text with where each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive(['\n', '\r']).scan(0, |start, line| {
        let here = *start;
        *start += line.len();
        Some((here, line))
    })
}

/// Where the first marker of a line stands that is too far in, if one does.
fn too_far_in(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let (mut at, mut column) = (0, 0);
    loop {
        let width = match bytes.get(at)? {
            b'\t' => TAB,
            b'>' | b'-' | b'+' | b'*' if column >= MARKER_COLUMN_MAX => return Some(at),
            b' ' | b'>' => 1,
            b'-' | b'+' | b'*' if matches!(bytes.get(at + 1), Some(b' ' | b'\t' | b'\n' | b'\r') | None) => 1,
            b'0'..=b'9' => {
                let digits = bytes[at..].iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
                // Before the dot: a backslash before a digit is one that is seen.
                let dot = at + digits;
                if !matches!(bytes.get(dot)?, b'.' | b')') {
                    return None;
                }
                if column >= MARKER_COLUMN_MAX {
                    return Some(dot);
                }
                column += digits;
                at = dot;
                1
            }
            _ => return None,
        };
        column += width;
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_stands_so_far_in_and_no_further() {
        for marker in [">", "-", "+", "*", "1.", "99)"] {
            let within = format!("{}{marker} a", " ".repeat(MARKER_COLUMN_MAX - 1));
            assert_eq!(Source::of(&within).text(), within);
            let beyond = format!("{}{marker} a", " ".repeat(MARKER_COLUMN_MAX));
            assert_eq!(Source::of(&beyond).text().len(), beyond.len() + 1, "{marker}");
        }
        let quotes = ">".repeat(MARKER_COLUMN_MAX + 50);
        let expected = format!("{}\\{}", ">".repeat(MARKER_COLUMN_MAX), ">".repeat(50));
        assert_eq!(Source::of(&quotes).text(), expected);
    }

    #[test]
    fn a_row_lacks_so_many_cells_and_no_more() {
        let table = |columns: usize, row: &str| {
            format!("{}\n{}\n{row}\n", "|a".repeat(columns), "|-".repeat(columns))
        };
        // Counted for more columns than there may be, and for fewer cells.
        let within = table(CELLS_LACKING_MAX - 1, "b");
        assert_eq!(Source::of(&within).text(), within);
        let beyond = table(CELLS_LACKING_MAX, "b");
        assert_eq!(Source::of(&beyond).text(), beyond.replace('b', "\nb"));
        let full = table(100, &"|b".repeat(100));
        assert_eq!(Source::of(&full).text(), full);
        let code = table(100, "```");
        assert_eq!(Source::of(&code).text(), code);
    }

    #[test]
    fn a_table_lacks_so_many_cells_and_no_more() {
        let table = |rows: usize| format!("a|b|c\n-|-|-\n{}", "d\n".repeat(rows));
        // Each row is counted as lacking three.
        let within = table(TABLE_LACKING_MAX / 3);
        assert_eq!(Source::of(&within).text(), within);
        let beyond = table(TABLE_LACKING_MAX / 3 + 1);
        assert_eq!(Source::of(&beyond).text().len(), beyond.len() + 1);
    }

    #[test]
    fn a_place_is_found_again() {
        let far = format!("{}a", ">".repeat(MARKER_COLUMN_MAX + 1));
        let text = format!("x\n{far}\ny\n{far}\nzzz");
        let source = Source::of(&text);
        assert_eq!(source.text().len(), text.len() + 2);
        for (line, start) in [
            ("x\n", 0),
            ("y\n", text.find('y').expect("it is there")),
            ("zzz", text.find('z').expect("it is there")),
        ] {
            let place = source.text().find(line).expect("it is there");
            assert_eq!(source.line_of(place), start, "{line}");
            assert_eq!(source.line_of(place + line.len() - 1), start, "{line}");
        }
        assert_eq!(
            source.line_of(source.text().rfind('>').expect("it is there")),
            text.rfind("\n>").expect("it is there") + 1
        );
    }

    #[test]
    fn a_text_is_cut_between_two_characters() {
        let fits = "a".repeat(TEXT_MAX);
        assert_eq!(shown(&fits), (&*fits, false));
        let longer = format!("{}ü", "a".repeat(TEXT_MAX - 1));
        assert_eq!(shown(&longer), (&longer[..TEXT_MAX - 1], true));
    }
}
