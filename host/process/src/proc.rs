//! What `/proc` says about processes: who started whom, when, and with which variables. It only
//! reads.

use std::fs;
use std::io;
use std::path::PathBuf;

/// One process as its `stat` file shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: i32,
    /// Who started it, or who took it in.
    pub(crate) parent: i32,
    /// Clock ticks since boot: with the id it names one process for good.
    pub(crate) started: u64,
    /// Ended, and not yet waited for.
    pub(crate) zombie: bool,
}

/// Reads one process; none where it has ended or cannot be seen.
pub(crate) fn process(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may itself hold parentheses,
    // spaces and line ends: what follows the last one is safe to split.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // `starttime` is field 22 of stat(5); the two above were fields 3 and 4.
    let started = fields.nth(17)?.parse().ok()?;
    Some(Process { pid, parent, started, zombie: matches!(state, "Z" | "X") })
}

/// All processes that can be seen.
pub(crate) fn processes() -> io::Result<Vec<Process>> {
    Ok(pids()?.into_iter().filter_map(process).collect())
}

/// The ids of all processes that can be seen.
pub(crate) fn pids() -> io::Result<Vec<i32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// The ids of the processes that `parent`'s only thread started or took in.
pub(crate) fn children(parent: i32) -> Vec<i32> {
    let listed = fs::read_to_string(PathBuf::from(format!("/proc/{parent}/task/{parent}/children")));
    match listed {
        Ok(text) => text.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
        // Kernels without that file: everything is looked at.
        Err(_) => processes()
            .unwrap_or_default()
            .into_iter()
            .filter(|process| process.parent == parent)
            .map(|process| process.pid)
            .collect(),
    }
}

/// The value that variable `name` had when process `pid` was started; none where it was not set,
/// or where the process may not be looked into.
pub(crate) fn variable(pid: i32, name: &str) -> Option<Vec<u8>> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value.to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_itself() {
        let me = i32::try_from(std::process::id()).expect("an id");
        let process = process(me).expect("itself");
        assert_eq!(process.pid, me);
        assert!(!process.zombie && process.started > 0);
        assert_eq!(process.parent, std::os::unix::process::parent_id().cast_signed());
        assert!(processes().expect("a list").contains(&process));
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        assert_eq!(process(-1), None);
        assert_eq!(variable(-1, "PATH"), None);
    }
}
