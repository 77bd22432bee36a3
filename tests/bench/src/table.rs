//! The table: rows as they are printed and written as JSON, and whether an aim is met. Knows no
//! measurement.

use std::fmt::{self, Display, Write as _};

use serde::Serialize;

use crate::samples::Summary;

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// In what.
    pub(crate) unit: &'static str,
    /// Overlord's figure.
    pub(crate) figure: Summary,
    /// What it is held against.
    pub(crate) beside: Beside,
    /// What it should be.
    pub(crate) aim: Option<Aim>,
}

/// The comparison of a row, in the same unit, from the same run.
#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    /// What it is.
    pub(crate) what: &'static str,
    /// Its figure.
    pub(crate) figure: Summary,
}

/// What a figure should be, by its median where nothing else is said.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// No more than so much over the comparison.
    OverComparison(f64),
    /// No less than this share of the comparison.
    ShareOfComparison(f64),
    /// The slow end, not the median: no more than this share of the comparison's.
    P99ShareOfComparison(f64),
}

impl Row {
    fn is_met(&self) -> Option<bool> {
        let (ours, theirs) = (self.figure.median, self.beside.figure.median);
        Some(match self.aim? {
            Aim::AtMost(most) => ours <= most,
            Aim::AtLeast(least) => ours >= least,
            Aim::OverComparison(more) => ours <= theirs + more,
            Aim::ShareOfComparison(share) => ours >= theirs * share,
            Aim::P99ShareOfComparison(share) => self.figure.p99? <= self.beside.figure.p99? * share,
        })
    }

    fn cells(&self) -> [String; 9] {
        let (ours, theirs) = (self.figure, self.beside.figure);
        let p99 = |summary: Summary| summary.p99.map_or_else(String::new, number);
        [
            self.what.clone(),
            self.unit.to_owned(),
            number(ours.median),
            p99(ours),
            self.beside.what.to_owned(),
            number(theirs.median),
            p99(theirs),
            format!("{:.2}", ours.median / theirs.median),
            match (self.aim, self.is_met()) {
                (Some(aim), Some(true)) => format!("{aim}, met"),
                (Some(aim), _) => format!("{aim}, MISSED"),
                (None, _) => String::new(),
            },
        ]
    }
}

impl Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::OverComparison(more) => write!(f, "≤ {more} more"),
            Self::ShareOfComparison(share) => write!(f, "≥ {share} of it"),
            Self::P99ShareOfComparison(share) => write!(f, "p99 ≤ {share} of it"),
        }
    }
}

/// All rows, in columns as wide as they need to be.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

const HEADS: [&str; 9] = ["overlord", "unit", "median", "p99", "beside it", "median", "p99", "ratio", "aim"];

/// Columns with numbers in them, which end where the others begin.
const NUMBERS: [usize; 5] = [2, 3, 5, 6, 7];

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> =
            std::iter::once(HEADS.map(str::to_owned)).chain(self.0.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 9] = std::array::from_fn(width);
        for line in &lines {
            let mut text = String::new();
            for (column, cell) in line.iter().enumerate() {
                let width = widths[column];
                if NUMBERS.contains(&column) {
                    write!(text, "{cell:>width$}  ")?;
                } else {
                    write!(text, "{cell:<width$}  ")?;
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// Three digits that say something.
fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, theirs: f64, aim: Aim) -> Row {
        let figure = |median| Summary { median, p99: Some(2.0 * median), samples: 1 };
        Row {
            what: "a".into(),
            unit: "ms",
            figure: figure(ours),
            beside: Beside { what: "b", figure: figure(theirs) },
            aim: Some(aim),
        }
    }

    #[test]
    fn an_aim_is_met_up_to_itself() {
        let cases = [
            (Aim::AtMost(5.0), 5.0, 5.1),
            (Aim::AtLeast(5.0), 5.0, 4.9),
            (Aim::OverComparison(5.0), 15.0, 15.1),
            (Aim::ShareOfComparison(0.5), 5.0, 4.9),
            (Aim::P99ShareOfComparison(1.2), 12.0, 12.1),
        ];
        for (aim, met, missed) in cases {
            assert_eq!(row(met, 10.0, aim).is_met(), Some(true), "{aim}");
            assert_eq!(row(missed, 10.0, aim).is_met(), Some(false), "{aim}");
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [row(5.0, 10.0, Aim::AtMost(4.0)), row(1234.0, 9.5, Aim::AtMost(4.0))];
        let text = Table(&rows).to_string();
        let places: Vec<_> = text.lines().skip(1).map(|line| line.find("≤ 4")).collect();
        assert!(places[0].is_some() && places[0] == places[1], "{text}");
    }
}
