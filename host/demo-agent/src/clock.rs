//! Time as the client writes it, and waiting that a signal ends. The only file that sleeps.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What the process does with signals: SIGINT ends the turn in good order, SIGTERM ends the
/// process with the client's code.
pub(crate) struct Signals {
    interrupted: Arc<AtomicBool>,
    heeding: Arc<AtomicBool>,
}

/// The client's exit code after SIGTERM.
const TERMINATED: i32 = 143;

/// A signal is noticed after at most this.
const GLANCE: Duration = Duration::from_millis(10);

/// The first year that takes five digits is not worth handling; the client's form ends there too.
const FORM_FAILS: &str = "1970-01-01T00:00:00.000Z";

impl Signals {
    /// Takes over both signals.
    pub(crate) fn take_over() -> io::Result<Self> {
        let signals =
            Self { interrupted: Arc::new(AtomicBool::new(false)), heeding: Arc::new(AtomicBool::new(true)) };
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.interrupted))?;
        signal_hook::flag::register_conditional_shutdown(SIGTERM, TERMINATED, Arc::clone(&signals.heeding))?;
        Ok(signals)
    }

    /// From now on signals change nothing.
    pub(crate) fn ignore(&self) {
        self.heeding.store(false, Ordering::SeqCst);
    }

    /// Whether SIGINT has come.
    pub(crate) fn interrupted(&self) -> bool {
        self.heeding.load(Ordering::SeqCst) && self.interrupted.load(Ordering::SeqCst)
    }

    /// Waits; false where SIGINT has come.
    #[must_use]
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !self.interrupted() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(GLANCE));
        }
        false
    }

    /// Waits for SIGINT.
    pub(crate) fn wait_for_ever(&self) {
        while !self.interrupted() {
            thread::sleep(GLANCE);
        }
    }
}

/// Now, as in `2026-11-22T09:43:58.588Z`.
pub(crate) fn now() -> String {
    let now = SystemTime::now();
    // Formatting fails beyond the year 9999 and before 1970 alone.
    if now < SystemTime::UNIX_EPOCH {
        return FORM_FAILS.into();
    }
    humantime::format_rfc3339_millis(now).to_string()
}

/// Now in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_the_client_s_form() {
        let now = now();
        assert_eq!((now.len(), &now[10..11], &now[19..20], &now[23..]), (24, "T", ".", "Z"), "{now}");
    }
}
