//! What a check finds, as a person and as a program reads it. Finds nothing itself.

use serde::Serialize;

use super::difference::Style;
use super::test::{self, Outcome, Ran};
use crate::cli::say;
use crate::sandbox::Spread;

/// Everything that there is to say of a file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) size: usize,
    pub(super) digest: String,
    pub(super) world: Option<&'static str>,
    pub(super) slot: Option<&'static str>,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<String>,
    pub(super) limits: Option<Limits>,
    pub(super) signature: Signature,
    pub(super) configuration: String,
    /// Whether it takes the slot's settings; none where it could not be asked.
    pub(super) settings_taken: Option<bool>,
    pub(super) cost: Option<Cost>,
    pub(super) cases: Vec<Ran>,
    /// Everything that keeps it from serving.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) granted: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Limits {
    pub(super) memory_bytes: usize,
    pub(super) computing_ms: u128,
    pub(super) output_bytes: usize,
    pub(super) instances: &'static str,
    pub(super) wasi: &'static str,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Signature {
    /// The listed key with which it is signed.
    pub(super) by: Option<String>,
    /// All keys with which it is signed.
    pub(super) keys: Vec<String>,
    /// Why none of it can be believed.
    pub(super) error: Option<String>,
    pub(super) required: bool,
    /// Whether its digest is one of those that are pinned; none where none is.
    pub(super) pinned: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct Cost {
    pub(super) fresh: Times,
    pub(super) warm: Option<Times>,
    pub(super) memory_at_start_bytes: usize,
    pub(super) memory_after_bytes: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Times {
    pub(super) calls: usize,
    pub(super) median_us: f64,
    pub(super) p99_us: f64,
}

impl From<Spread> for Times {
    fn from(spread: Spread) -> Self {
        let micros = |time: std::time::Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
        Self { calls: spread.calls, median_us: micros(spread.median), p99_us: micros(spread.p99) }
    }
}

impl Report {
    /// Prints it for a person.
    pub(super) fn show(&self, style: Style) -> anyhow::Result<()> {
        say(&format!("file       {}", self.file))?;
        say(&format!("size       {} bytes", self.size))?;
        say(&format!("sha256     {}", self.digest))?;
        if let (Some(world), Some(slot)) = (self.world, self.slot) {
            say(&format!("world      {world} (slot {slot})"))?;
        }
        self.names()?;
        if let Some(limits) = &self.limits {
            say(&format!(
                "limits     {} of memory, {} ms of computing, {} handed over in a call; {} instances, WASI {}",
                size(limits.memory_bytes),
                limits.computing_ms,
                size(limits.output_bytes),
                limits.instances,
                limits.wasi
            ))?;
        }
        say(&format!("signature  {}", self.signature.line()))?;
        if let Some(taken) = self.settings_taken {
            let taken = if taken { "taken" } else { "NOT taken" };
            say(&format!("settings   {taken} ({})", self.configuration))?;
        }
        if let Some(cost) = &self.cost {
            say(&format!("fresh      {}", cost.fresh.line()))?;
            let warm =
                cost.warm.as_ref().map_or("an instance cannot be called twice".to_owned(), Times::line);
            say(&format!("warm       {warm}"))?;
            say(&format!(
                "memory     {} when it has started, {} after a call",
                size(cost.memory_at_start_bytes),
                size(cost.memory_after_bytes)
            ))?;
        }
        let failed = self.cases.iter().filter(|ran| !matches!(ran.outcome, Outcome::Holds)).count();
        match self.cases.len() {
            0 => say("cases      none")?,
            count => say(&format!("cases      {count}, {failed} failed"))?,
        }
        test::show(&self.cases, style)?;
        match self.problems.as_slice() {
            [] => say(&style.word("it may serve", true)),
            problems => {
                let head = match problems.len() {
                    1 => "it may not serve:".to_owned(),
                    count => format!("it may not serve, for {count} reasons:"),
                };
                say(&style.word(&head, false))?;
                problems.iter().try_for_each(|problem| say(&format!("  {problem}")))
            }
        }
    }

    fn names(&self) -> anyhow::Result<()> {
        if self.imports.is_empty() {
            say("imports    nothing")?;
        }
        for (place, import) in self.imports.iter().enumerate() {
            let head = if place == 0 { "imports" } else { "" };
            let granted = if import.granted { "granted" } else { "NOT granted" };
            say(&format!("{head:<10} {}  {granted}", import.name))?;
        }
        for (place, export) in self.exports.iter().enumerate() {
            say(&format!("{:<10} {export}", if place == 0 { "exports" } else { "" }))?;
        }
        Ok(())
    }
}

impl Signature {
    fn line(&self) -> String {
        let asked = if self.required { "; one by a listed key is required" } else { "" };
        let pinned = match self.pinned {
            None => "",
            Some(true) => "; its digest is pinned",
            Some(false) => "; ANOTHER digest is pinned",
        };
        let signed = match (&self.error, &self.by, self.keys.as_slice()) {
            (Some(error), _, _) => format!("BAD: {error}"),
            (None, Some(name), _) => format!("by {name}"),
            (None, None, []) => "none".to_owned(),
            (None, None, keys) => format!("by none of the listed keys, but by {}", keys.join(", ")),
        };
        format!("{signed}{asked}{pinned}")
    }
}

impl Times {
    fn line(&self) -> String {
        format!("{} µs, 99 of 100 within {} µs ({} calls)", self.median_us, self.p99_us, self.calls)
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        ..0x10_0000 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}
