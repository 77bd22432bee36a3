//! Figures as they are measured, and what is said of them: the median, and the slow end.

use serde::Serialize;

/// Measured one by one, in any unit.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

/// What is said of many figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Half of them are less.
    pub(crate) median: f64,
    /// One of a hundred is more; none where there are too few to tell.
    pub(crate) p99: Option<f64>,
    /// How many there were.
    pub(crate) samples: usize,
}

/// With fewer samples the slowest of a hundred is only the slowest.
const FOR_P99: usize = 100;

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// All of another's.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The largest.
    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    /// By nearest rank; zero where there are none.
    pub(crate) fn summary(&self) -> Summary {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = |hundredths: usize| {
            let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
            sorted.get(rank - 1).copied()
        };
        Summary {
            median: rank(50).unwrap_or_default(),
            p99: rank(99).filter(|_| sorted.len() >= FOR_P99),
            samples: sorted.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let mut samples = Samples::default();
        assert_eq!(samples.summary(), Summary { median: 0.0, p99: None, samples: 0 });
        for sample in (1..=99).rev() {
            samples.push(f64::from(sample));
        }
        assert_eq!(samples.summary(), Summary { median: 50.0, p99: None, samples: 99 });
        samples.push(100.0);
        assert_eq!(samples.summary(), Summary { median: 50.0, p99: Some(99.0), samples: 100 });
    }
}
