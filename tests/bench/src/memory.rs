//! What a process takes of the machine's memory, by what the kernel says of it.

use anyhow::Context as _;
use rustix::process::Pid;

/// A million bytes, as the aims count.
pub(crate) const MB: f64 = 1e6;

/// What is resident now, in MB.
pub(crate) fn resident(pid: Pid) -> anyhow::Result<f64> {
    field(pid, "VmRSS")
}

/// The most that was ever resident, or since [`forget_peak`], in MB.
pub(crate) fn peak(pid: Pid) -> anyhow::Result<f64> {
    field(pid, "VmHWM")
}

/// Lets the peak begin anew. Only root may say so of a process that is closed to others, as the host
/// is; for everybody else the peak is the one since the start, never less than what is looked for.
pub(crate) fn forget_peak(pid: Pid) {
    let _ = std::fs::write(format!("/proc/{}/clear_refs", pid.as_raw_nonzero()), "5");
}

fn field(pid: Pid, name: &str) -> anyhow::Result<f64> {
    let file = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(&file).with_context(|| format!("reading {file}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / MB).with_context(|| format!("{file} has no {name}"))
}
