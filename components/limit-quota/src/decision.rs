//! The decision: a question is one of its day and one of its month. Knows neither bytes nor zones.

use thiserror::Error;

use crate::calendar::{self, CalendarError, Period};
use crate::cell::{CellError, Counted, Memory};
use crate::settings::Settings;

/// The audit event of a refusal.
pub const EVENT: &str = "quota_exceeded";

/// Why nothing can be decided.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum DecisionError {
    /// The cell is not this policy's.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// There is no such zone, or no such day.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

/// Why someone may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// `day` or `month`: whose questions are used up. Where it is both, the month, which is longer.
    pub what: &'static str,
    /// How many there are.
    pub number: u32,
    /// Which day or month it is.
    pub period: Period,
}

impl Refusal {
    /// The `detail` of the answer.
    pub fn message(self, zone: &str) -> String {
        let Self { what, number, period } = self;
        match number {
            0 => format!("No questions are allowed in a {what}"),
            1 => format!("The {what}'s one question is used up; {}", next(period, zone)),
            _ => format!("The {what}'s {number} questions are used up; {}", next(period, zone)),
        }
    }

    /// Whole seconds until the next day or month begins; none where it brings nothing either.
    pub fn retry_after_s(self, now: u64) -> Option<u32> {
        let seconds = self.period.end.saturating_sub(now).div_ceil(1000);
        (self.number > 0).then(|| u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

fn next(period: Period, zone: &str) -> String {
    format!("the next can be asked at {} {zone}", period.ends())
}

/// The decision and what to remember of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why they may not ask; none where they may.
    pub refusal: Option<Refusal>,
    /// The new cell, or none to leave it as it was.
    pub cell: Option<Vec<u8>>,
}

/// Decides at the time `now`, in milliseconds.
///
/// A question that is refused is counted nowhere. Where the zone is another one than before, or the
/// clock was set back, the numbers of the day and the month go on in those that are now: nobody gains
/// by it, and nobody is locked out for longer than the day and the month that are now.
pub fn decide(settings: &Settings, now: u64, cell: &[u8]) -> Result<Outcome, DecisionError> {
    let before = Memory::read(cell)?;
    let mut memory = match before {
        Some(memory) if memory.zone == settings.zone && memory.holds(now) => memory,
        before => {
            let periods = calendar::periods(&calendar::zone(&settings.zone)?, now)?;
            let asked = before.map_or([0; 2], |before| before.counted.map(|counted| counted.asked_at(now)));
            let [day, month] = [0, 1].map(|at| Counted { period: periods[at], asked: asked[at] });
            Memory { counted: [day, month], zone: &settings.zone }
        }
    };
    let [day, month] = memory.counted;
    let used_up = |what, number: Option<u32>, counted: Counted| {
        let number = number.filter(|number| counted.asked >= *number)?;
        Some(Refusal { what, number, period: counted.period })
    };
    let refusals = [used_up("month", settings.month, month), used_up("day", settings.day, day)];
    // The longer wait first; and where there is nothing to wait for, that.
    let refusal = refusals.into_iter().flatten().min_by_key(|refusal| refusal.number > 0);
    if refusal.is_none() {
        for counted in &mut memory.counted {
            counted.asked = counted.asked.saturating_add(1);
        }
    }
    // A refusal says nothing new, unless the clock was set back or the zone is another.
    let cell = Some(memory.write()).filter(|written| refusal.is_none() || written != cell);
    Ok(Outcome { refusal, cell })
}

impl Memory<'_> {
    fn holds(&self, now: u64) -> bool {
        self.counted.iter().all(|counted| counted.period.holds(now))
    }
}

impl Counted {
    /// What of it counts at `now`: nothing where its period is over.
    fn asked_at(self, now: u64) -> u32 {
        if now < self.period.end { self.asked } else { 0 }
    }
}

#[cfg(test)]
mod tests;
