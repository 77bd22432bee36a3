//! The last steps of a process that is about to become the program: it gives up every right and
//! then runs it. Also finds the program, before the wall hides the way.

use std::ffi::{CString, OsStr};
use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::SigSet;
use rustix::io::Errno;
use rustix::process::{Gid, Pid, Resource, Rlimit, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::{Exposed, allow_list, probe};
use crate::sys;
use crate::wire::{Account, Failure, Raw, Report, Spec};

/// What the process ends with where it could not become the program, as shells do.
const NOT_RUN: i32 = 127;

/// Where a bare name is looked up when the environment has no `PATH`; what the C library uses.
const NO_PATH: &[u8] = b"/bin:/usr/bin";

/// Becomes the program and does not return. What prevents it is told through `tell`, which exec
/// closes. `parent` is the launcher whose death is this process's own, where no namespace sees to it.
pub(super) fn become_it(spec: &Spec, stdin: &OwnedFd, tell: &OwnedFd, parent: Option<Pid>) -> ! {
    let report = match prepare(spec, stdin, parent) {
        Err(failure) => Report::Failed(failure),
        Ok(()) => match spec.probe {
            Some(host) => Report::Probed(probe::attempt(spec, host)),
            None => Report::Failed(execute(spec)),
        },
    };
    let words = serde_json::to_vec(&report).unwrap_or_default();
    if let Ok(tell) = tell.try_clone() {
        // Where the launcher is gone there is nobody to tell.
        let _ = fs::File::from(tell).write_all(&words);
    }
    std::process::exit(NOT_RUN)
}

/// What lies under the wall's own masks and yet must be seen: the program, what it can find on its
/// `PATH`, its directory, and the name servers.
pub(super) fn exposed(spec: &Spec) -> Exposed {
    let mut places = vec![spec.directory.path().to_path_buf()];
    if let Ok(program) = find(spec) {
        // The link and what it points to: an installed client is often a link into its package.
        places.extend(program.parent().map(Path::to_path_buf));
        if let Ok(real) = fs::canonicalize(&program) {
            places.extend(real.parent().map(Path::to_path_buf));
        }
    }
    places.extend(search_path(spec).map(Path::to_path_buf));
    places.extend(fs::canonicalize("/etc/resolv.conf"));
    Exposed(places)
}

fn prepare(spec: &Spec, stdin: &OwnedFd, parent: Option<Pid>) -> Result<(), Failure> {
    let own = |what: &str| {
        let what = what.to_owned();
        move |error: Errno| Failure::Other(format!("could not {what}: {}", std::io::Error::from(error)))
    };
    rustix::process::setsid().map_err(own("start a session"))?;
    rustix::stdio::dup2_stdin(stdin).map_err(own("pass the message on"))?;
    sys::leave_keyring();
    // A dump of the program in the workspace helps nobody, and may hold an API key.
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(own("forbid core dumps"))?;
    give_up_rights(spec.isolation.account.as_ref()).map_err(own("give up its rights"))?;
    if let Some(parent) = parent {
        // After the change of user, which clears it.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(own("tie itself to the launcher"))?;
        if rustix::process::getppid() != Some(parent) {
            return Err(Failure::Other("the launcher is gone".to_owned()));
        }
    }
    rustix::process::chdir(spec.directory.path()).map_err(|error| {
        Failure::Other(format!(
            "could not enter {}: {}",
            spec.directory.path().display(),
            std::io::Error::from(error)
        ))
    })?;
    allow_list::restrict(spec)?;
    sys::default_signals();
    SigSet::empty()
        .thread_set_mask()
        .map_err(|error| Failure::Other(format!("could not unblock signals: {error}")))?;
    sys::close_on_exec().map_err(|error| Failure::Other(format!("could not close descriptors: {error}")))
}

/// Every capability, in every set, and the way to new ones.
fn give_up_rights(account: Option<&Account>) -> rustix::io::Result<()> {
    let held = rustix::thread::capabilities(None)?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..u64::BITS {
            match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
                1 << bit,
            )) {
                // The kernel knows no more of them.
                Err(Errno::INVAL) => break,
                other => other?,
            }
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    if let Some(account) = account {
        let groups: Vec<Gid> = account.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
        // This process has one thread, so what is true of the thread is true of the process.
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    }
    let nothing = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, nothing)?;
    rustix::thread::set_no_new_privs(true)
}

/// Runs the program; returns only with the reason why not.
fn execute(spec: &Spec) -> Failure {
    let program = match find(spec) {
        Ok(program) => program,
        Err(failure) => return failure,
    };
    let text = |bytes: &[u8]| CString::new(bytes);
    let path = text(program.as_os_str().as_bytes());
    let arguments: Result<Vec<_>, _> = std::iter::once(program.as_os_str().as_bytes())
        .chain(spec.arguments.iter().map(|argument| &argument.0[..]))
        .map(text)
        .collect();
    let environment: Result<Vec<_>, _> =
        spec.environment.iter().map(|(name, value)| text(&[&name.0[..], b"=", &value.0].concat())).collect();
    let (Ok(path), Ok(arguments), Ok(environment)) = (path, arguments, environment) else {
        return Failure::Other(
            "an argument or variable holds a NUL, which no program can be given".to_owned(),
        );
    };
    let Err(error) = nix::unistd::execve(&path, &arguments, &environment);
    let shown = program.display();
    match error {
        nix::Error::ENOENT if program.exists() => {
            Failure::Other(format!("{shown} is there, but the interpreter or loader that it names is not"))
        }
        nix::Error::ENOENT | nix::Error::ENOTDIR => Failure::Missing,
        nix::Error::EACCES | nix::Error::EPERM => Failure::Denied,
        nix::Error::ENOEXEC => Failure::Other(format!(
            "{shown} is no program: it is no binary of this machine and has no `#!` line"
        )),
        nix::Error::E2BIG => {
            Failure::Other("arguments and environment are larger than the system takes".to_owned())
        }
        error => Failure::Other(format!("could not run {shown}: {}", error.desc())),
    }
}

/// The program as a path: as it was given where it holds a slash, else the first that can be run
/// on the environment's `PATH`. Never split at spaces.
fn find(spec: &Spec) -> Result<PathBuf, Failure> {
    let given = spec.program.path();
    if given.as_os_str().is_empty() {
        return Err(Failure::Missing);
    }
    if given.as_os_str().as_bytes().contains(&b'/') {
        return Ok(given.to_path_buf());
    }
    let mut denied = false;
    for directory in search_path(spec) {
        let candidate = spec.directory.path().join(directory).join(given);
        let Ok(metadata) = fs::metadata(&candidate) else { continue };
        if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
            return Ok(candidate);
        }
        denied |= metadata.is_file();
    }
    Err(if denied { Failure::Denied } else { Failure::Missing })
}

fn search_path(spec: &Spec) -> impl Iterator<Item = &Path> {
    spec.environment
        .iter()
        .find(|(name, _)| name.0 == b"PATH")
        .map_or(NO_PATH, |(_, Raw(value))| value)
        .split(|byte| *byte == b':')
        // An empty part would mean the workspace, where the model writes.
        .filter(|part| part.starts_with(b"/"))
        .map(|part| Path::new(OsStr::from_bytes(part)))
}
