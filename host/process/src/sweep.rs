//! Finds what is left of programs by the tag in their environment, which no change of session,
//! group or parent takes away, and ends it.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use uuid::Uuid;

use crate::proc::{self, Process};
use crate::wire::TAG;

/// How often to look again: what was about to fork may have done so. With the pause below it is
/// given two seconds, in which a killed process of any size is gone.
const ROUNDS: u32 = 200;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Ends every process, and everything below it, that a host with this data folder started and
/// left behind; tells how many there were. Programs of other hosts are never touched. It blocks,
/// usually for as long as reading `/proc` takes.
///
/// Only a host that holds the lock of its data folder may call it: the programs of a second host
/// with the same folder would be ended too.
pub fn sweep(data_id: Uuid) -> usize {
    end_tagged(&format!("{data_id}:"))
}

/// The same for one run.
pub(crate) fn sweep_run(data_id: Uuid, run: Uuid) -> usize {
    end_tagged(&tag(data_id, run))
}

/// What [`TAG`] is set to.
pub(crate) fn tag(data_id: Uuid, run: Uuid) -> String {
    format!("{data_id}:{run}")
}

fn end_tagged(prefix: &str) -> usize {
    let mut ended = HashSet::new();
    for _ in 0..ROUNDS {
        let found = stragglers(prefix);
        if found.is_empty() {
            break;
        }
        for process in found {
            if end(process) {
                ended.insert((process.pid, process.started));
            }
        }
        thread::sleep(PAUSE);
    }
    ended.len()
}

/// Everything that bears the tag, and everything below it whatever it bears. Never this process
/// nor anything above it: somebody may start a host from within an agent.
fn stragglers(prefix: &str) -> Vec<Process> {
    let all = proc::processes().unwrap_or_default();
    let mut above = HashSet::new();
    let mut next = Some(getpid().as_raw_nonzero().get());
    while let Some(pid) = next.filter(|pid| above.insert(*pid)) {
        next = all.iter().find(|process| process.pid == pid).map(|process| process.parent);
    }
    let alive = |process: &&Process| !process.zombie && !above.contains(&process.pid);
    let mut found: Vec<Process> =
        all.iter().filter(alive).filter(|process| bears(process.pid, prefix)).copied().collect();
    let mut looked_at = 0;
    while let Some(parent) = found.get(looked_at).map(|process| process.pid) {
        looked_at += 1;
        let below: Vec<Process> = all
            .iter()
            .filter(alive)
            .filter(|process| process.parent == parent && !found.contains(process))
            .copied()
            .collect();
        found.extend(below);
    }
    found
}

/// Kills exactly the process that was looked at: its id may have been given to another since.
fn end(process: Process) -> bool {
    let Some(pid) = Pid::from_raw(process.pid) else { return false };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    // The descriptor holds whoever has the id now; an id with the same start is the same process.
    let same = proc::process(process.pid).is_some_and(|now| now.started == process.started);
    same && pidfd_send_signal(&pidfd, Signal::KILL).is_ok()
}

fn bears(pid: i32, prefix: &str) -> bool {
    proc::variable(pid, TAG).is_some_and(|tag| tag.starts_with(prefix.as_bytes()))
}
