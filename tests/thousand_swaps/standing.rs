//! What a process takes of the machine. Knows no limits.

use std::fmt::{self, Display};
use std::fs;

use rustix::process::Pid;

/// Memory, threads and descriptors at one time.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    kib: u64,
    threads: usize,
    descriptors: usize,
}

impl Standing {
    /// Of a process that runs.
    pub fn of(pid: Pid) -> Self {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let status = fs::read_to_string(format!("{folder}/status")).expect("it runs");
        let field = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name)).expect("every process has it");
            rest.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
        };
        Self {
            kib: field("VmRSS:"),
            threads: usize::try_from(field("Threads:")).expect("there are not so many"),
            descriptors: fs::read_dir(format!("{folder}/fd")).expect("it runs").count(),
        }
    }

    /// Whether there is no more than so much beyond what there was before.
    pub fn is_within(self, before: Self, kib: u64, more: usize) -> bool {
        self.kib <= before.kib + kib
            && self.threads <= before.threads + more
            && self.descriptors <= before.descriptors + more
    }
}

impl Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kib, threads, descriptors } = self;
        write!(f, "{kib} KiB, {threads} threads, {descriptors} descriptors")
    }
}
