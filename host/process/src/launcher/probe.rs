//! Tries the wall from within, as the program would find it: reads what is hidden, writes what is
//! read-only, looks for the host. It reports what it managed.

use std::fs::{self, OpenOptions};
use std::path::Path;

use rustix::process::{Pid, test_kill_process};

use crate::proc;
use crate::wire::{Host, Raw, Spec};

/// What the calling process managed and must not; empty where the wall holds.
pub(super) fn attempt(spec: &Spec, host: Host) -> Vec<String> {
    let mut managed = Vec::new();
    for path in spec.hidden.iter().map(Raw::path) {
        if fs::File::open(path).is_ok() || fs::read_dir(path).is_ok() {
            managed.push(format!("reads {}", path.display()));
        }
        if can_write(path) {
            managed.push(format!("writes {}", path.display()));
        }
    }
    for path in spec.read_only.iter().map(Raw::path) {
        if can_write(path) {
            managed.push(format!("writes {}", path.display()));
        }
    }
    if fs::read(format!("/proc/{}/environ", host.pid)).is_ok_and(|_| is_host(host)) {
        managed.push("reads the host's environment".to_owned());
    }
    let signalled = Pid::from_raw(host.pid).is_some_and(|pid| test_kill_process(pid).is_ok());
    if signalled && is_host(host) {
        managed.push("may signal the host".to_owned());
    }
    match rustix::thread::capabilities(None) {
        Ok(held) if held.permitted.is_empty() && held.effective.is_empty() => {}
        _ => managed.push("keeps capabilities".to_owned()),
    }
    if rustix::thread::no_new_privs() != Ok(true) {
        managed.push("may gain privileges through set-user-id programs".to_owned());
    }
    managed
}

/// Inside a PID namespace another process may bear the host's id.
fn is_host(host: Host) -> bool {
    proc::process(host.pid).is_some_and(|process| process.started == host.started)
}

fn can_write(path: &Path) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    if found.is_dir() {
        // Leaves nothing behind where it cannot, and takes it away where it can.
        let name = path.join(format!(".wall-probe-{}", std::process::id()));
        let made = OpenOptions::new().write(true).create_new(true).open(&name).is_ok();
        return made && { fs::remove_file(&name).is_ok() || name.exists() };
    }
    OpenOptions::new().append(true).open(path).is_ok()
}
