//! What would have been different: counted by whom it touches and how, and the first of it one by one.
//! Knows no component.

use std::collections::HashMap;

/// How many times are kept to find the middle of: a million are eight megabytes.
const TIMES_MAX: usize = 1 << 20;

/// How many kinds of change are told apart: names come from a component, which may make them up.
const CHANGES_MAX: usize = 100_000;

/// What a replay found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many decisions were made again.
    pub decisions: u64,
    /// How many of them differ.
    pub differ: u64,
    /// The first that differ, in order.
    pub differences: Vec<Difference>,
    /// Whom it touches, how, and how often.
    pub changes: HashMap<Change, u64>,
    /// How often a cell was not what the decision before had left: something is missing between the
    /// two, and the state began anew as recorded.
    pub holes: u64,
    /// Lines that cannot be read.
    pub unreadable: u64,
    /// How many cells the candidate left that differ, where the verdict is the same.
    pub cells_differ: u64,
    /// How long the candidate took.
    pub candidate: Times,
    /// How long the component took that made the decisions, when its bytes were run beside.
    pub beside: Times,
    /// How long it took when the decisions were recorded.
    pub recorded: Times,
}

/// Who, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Change {
    /// The user.
    pub user: String,
    /// Such as `admitted → refused rate_limited`.
    pub what: String,
}

/// One decision that differs.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Its number.
    pub number: u64,
    /// When it was made, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Who, and how.
    pub change: Change,
    /// As it was.
    pub recorded: String,
    /// As it would have been.
    pub candidate: String,
}

/// Durations of calls.
#[derive(Debug, Default)]
pub struct Times {
    nanos: Vec<u32>,
}

impl Report {
    /// Notes a decision that differs.
    pub(super) fn differs(&mut self, difference: Difference, differences_max: usize) {
        self.differ += 1;
        if let Some(times) = self.changes.get_mut(&difference.change) {
            *times += 1;
        } else if self.changes.len() < CHANGES_MAX {
            self.changes.insert(difference.change.clone(), 1);
        }
        if self.differences.len() < differences_max {
            self.differences.push(difference);
        }
    }

    /// Both together.
    pub(super) fn add(&mut self, other: Self, differences_max: usize) {
        self.decisions += other.decisions;
        self.differ += other.differ;
        self.holes += other.holes;
        self.unreadable += other.unreadable;
        self.cells_differ += other.cells_differ;
        self.differences.extend(other.differences);
        self.differences.sort_by_key(|difference| difference.number);
        self.differences.truncate(differences_max);
        for (change, times) in other.changes {
            *self.changes.entry(change).or_default() += times;
        }
        for (own, others) in [
            (&mut self.candidate, other.candidate),
            (&mut self.beside, other.beside),
            (&mut self.recorded, other.recorded),
        ] {
            own.nanos.extend(others.nanos);
        }
    }

    /// The changes, those that happen most first.
    pub fn table(&self) -> Vec<(&Change, u64)> {
        let mut table: Vec<_> = self.changes.iter().map(|(change, times)| (change, *times)).collect();
        table.sort_by(|(one, times), (other, more)| more.cmp(times).then_with(|| one.cmp(other)));
        table
    }
}

impl Times {
    pub(super) fn push(&mut self, time: std::time::Duration) {
        if self.nanos.len() < TIMES_MAX {
            self.nanos.push(u32::try_from(time.as_nanos()).unwrap_or(u32::MAX));
        }
    }

    /// The middle one, in microseconds; none where there are none.
    pub fn median_us(&self) -> Option<f64> {
        let mut sorted = self.nanos.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map(|nanos| f64::from(*nanos) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(number: u64, user: &str) -> Difference {
        Difference {
            number,
            at: 0,
            change: Change { user: user.into(), what: "admitted → waits".into() },
            recorded: String::new(),
            candidate: String::new(),
        }
    }

    #[test]
    fn two_parts_are_one_report_in_order() {
        let (mut one, mut other) = (Report::default(), Report::default());
        for number in [1, 4] {
            one.differs(difference(number, "a"), 2);
        }
        for number in [2, 3] {
            other.differs(difference(number, "b"), 2);
        }
        one.differs(difference(9, "a"), 2);
        one.add(other, 2);
        assert_eq!(one.differences.iter().map(|d| d.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(one.differ, 5);
        let table: Vec<_> =
            one.table().into_iter().map(|(change, times)| (change.user.as_str(), times)).collect();
        assert_eq!(table, [("a", 3), ("b", 2)]);
    }

    #[test]
    fn the_median_is_of_all() {
        let mut times = Times::default();
        assert_eq!(times.median_us(), None);
        for micros in [9, 1, 2] {
            times.push(std::time::Duration::from_micros(micros));
        }
        assert_eq!(times.median_us(), Some(2.0));
    }
}
