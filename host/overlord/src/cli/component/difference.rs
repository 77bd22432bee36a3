//! Shows where two texts differ: only the lines that do and what stands around them, and of those only
//! the words. Knows nothing of what the texts are.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use similar::{ChangeTag, TextDiff};

/// How many equal lines are shown around a difference.
const AROUND: usize = 3;

/// How long a shown line may be, in characters: what differs is then near its end, or said otherwise.
const LINE_MAX: usize = 2000;

/// How a difference is marked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    coloured: bool,
}

impl Style {
    /// In colours for a person at a terminal who has not asked to be spared.
    pub(super) fn of_this_terminal() -> Self {
        let spared = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { coloured: std::io::stdout().is_terminal() && !spared }
    }

    /// Without colours.
    pub(super) fn plain() -> Self {
        Self { coloured: false }
    }

    /// A word that is good or bad news.
    pub(super) fn word(self, word: &str, good: bool) -> String {
        match (self.coloured, good) {
            (false, _) => word.to_owned(),
            (true, true) => format!("\u{1b}[32m{word}\u{1b}[0m"),
            (true, false) => format!("\u{1b}[31;1m{word}\u{1b}[0m"),
        }
    }

    /// The differing lines, each behind `-` or `+`.
    pub(super) fn difference(self, expected: &str, found: &str) -> String {
        let diff = TextDiff::from_lines(expected, found);
        let mut out = format!("{}   {}\n", self.line('-', "- expected"), self.line('+', "+ found"));
        for (place, group) in diff.grouped_ops(AROUND).iter().enumerate() {
            if place > 0 {
                out.push_str("  …\n");
            }
            for change in group.iter().flat_map(|op| diff.iter_inline_changes(op)) {
                let sign = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                let pieces: Vec<(bool, String)> =
                    change.iter_strings_lossy().map(|(marked, text)| (marked, printable(&text))).collect();
                self.change(sign, &pieces, &mut out);
            }
        }
        out
    }

    fn change(self, sign: char, pieces: &[(bool, String)], out: &mut String) {
        let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let length = text.chars().count();
        let some = sign != ' ' && pieces.iter().any(|(marked, _)| *marked) && pieces.iter().any(|(m, _)| !*m);
        if length > LINE_MAX {
            let cut: String = text.chars().take(LINE_MAX).collect();
            let _ = writeln!(out, "{}", self.line(sign, &format!("{sign} {cut}… ({length} characters)")));
            return;
        }
        if !self.coloured || !some {
            let _ = writeln!(out, "{}", self.line(sign, &format!("{sign} {text}")));
            if some {
                // What a colour would say.
                let mark = |(marked, text): &(bool, String)| {
                    (if *marked { "^" } else { " " }).repeat(text.chars().count())
                };
                let marks: String = pieces.iter().map(mark).collect();
                let _ = writeln!(out, "  {}", marks.trim_end());
            }
            return;
        }
        let (plain, strong) = if sign == '-' { ("31", "31;7") } else { ("32", "32;7") };
        let _ = write!(out, "\u{1b}[{plain}m{sign} ");
        for (marked, text) in pieces {
            let _ = write!(out, "\u{1b}[0;{}m{text}", if *marked { strong } else { plain });
        }
        out.push_str("\u{1b}[0m\n");
    }

    fn line(self, sign: char, text: &str) -> String {
        match (self.coloured, sign) {
            (true, '-') => format!("\u{1b}[31m{text}\u{1b}[0m"),
            (true, '+') => format!("\u{1b}[32m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}

/// Without what a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.trim_end_matches('\n').chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { coloured: false };

    #[test]
    fn only_what_differs_is_marked() {
        let (expected, found) = ("a\nb: retry in 10s\nc\n", "a\nb: retry in 11s\nc\n");
        let said = PLAIN.difference(expected, found);
        assert!(said.contains("\n- b: retry in 10s\n") && said.contains("\n+ b: retry in 11s\n"), "{said}");
        assert!(said.contains("\n  a\n") && said.contains("\n              ^^^\n"), "{said}");
        let coloured = Style { coloured: true }.difference(expected, found);
        assert!(coloured.contains("\u{1b}[0;32;7m11s"), "{coloured}");
    }

    #[test]
    fn what_is_equal_and_far_away_is_left_out() {
        let lines: Vec<_> = (0..40).map(|n| format!("line {n}\n")).collect();
        let many = |last: &str| lines.concat() + last + "\n";
        let said = PLAIN.difference(&many("one"), &many("two"));
        assert!(
            said.contains("line 39") && said.contains("line 37") && !said.contains("line 36\n"),
            "{said}"
        );
    }

    #[test]
    fn what_a_component_says_reaches_no_terminal() {
        let said = PLAIN.difference("a\n", "a\u{1b}[2J\r\n");
        assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{said:?}");
        let long = PLAIN.difference("x\n", &format!("{}\n", "y".repeat(LINE_MAX + 1)));
        assert!(long.contains("… (2001 characters)"), "{long}");
    }
}
