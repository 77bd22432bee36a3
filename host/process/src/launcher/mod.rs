//! The process between the host and a program: it builds the wall, starts the program behind it,
//! passes signals on, and ends everything that is left. It has one thread, runs ordinary code
//! (never between fork and exec of a threaded host), and outlives neither the host nor the
//! program. It refuses to know why a program is stopped.
//!
//! With namespaces there are three processes: this one outside, the first of the PID namespace
//! (whose end is everybody's end, by the kernel's hand), and the program. Without, there are two,
//! and this one takes in what the program leaves behind.

mod allow_list;
mod mounts;
mod probe;
mod program;
mod shepherd;

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions};
use rustix::thread::UnshareFlags;

use crate::sys::{self, Forked};
use crate::wire::{self, Failure, Namespaces, Report};

/// The launcher ends with this when it could not do its work; the reason went to the host.
const NOT_STARTED: i32 = 125;

/// What became of the way to a program.
enum Stop {
    /// The host left before it said anything.
    Abandoned,
    /// The host is to be told.
    Failed(Failure),
}

/// Everything that the launcher does. The host's `main` calls it first thing, before any runtime
/// or thread exists, when its hidden subcommand is given. Standard input is the socket to the host.
pub fn main() -> ! {
    match run() {
        Ok(never) => match never {},
        Err(_) => std::process::exit(NOT_STARTED),
    }
}

fn run() -> Result<Infallible, Stop> {
    sys::close_inherited().map_err(|error| failed("close what it inherited", &error))?;
    // A session of its own: what is typed at the host's terminal is not for programs.
    // Fails only where this process leads one already.
    let _ = rustix::process::setsid();
    let control = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)
        .map_err(|error| failed("keep its socket", &error.into()))?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed("open /dev/null", &error.into()))?;
    let outcome = rustix::stdio::dup2_stdin(&null)
        .map_err(|error| failed("leave its socket", &error.into()))
        .and_then(|()| prepared(&control, &null));
    outcome.inspect_err(|stop| {
        if let Stop::Failed(failure) = stop {
            wire::report(&control, &Report::Failed(failure.clone()));
        }
    })
}

fn prepared(control: &OwnedFd, null: &OwnedFd) -> Result<Infallible, Stop> {
    let received = wire::receive(control.as_fd()).map_err(|error| failed("read what to run", &error))?;
    let Some((spec, stdin)) = received else { return Err(Stop::Abandoned) };
    if spec.isolation.namespaces == Namespaces::None {
        undumpable()?;
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| failed("become the reaper of the program's children", &error.into()))?;
        return shepherd::run(&spec, stdin, null, control, None);
    }
    enter_namespaces(spec.isolation.namespaces)?;
    undumpable()?;
    let (lifeline, life) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|error| failed("make a pipe", &error.into()))?;
    match sys::fork().map_err(|error| failed("start a PID namespace", &error))? {
        Forked::Child => {
            drop(life);
            // Should the launcher be killed, the kernel kills this process and with it the whole
            // namespace. Where it died before this line, the lifeline has ended.
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
                .map_err(|error| failed("tie itself to the launcher", &error.into()))?;
            let exposed = program::exposed(&spec);
            mounts::build(&spec, &exposed)
                .map_err(|error| Stop::Failed(Failure::Other(error.to_string())))?;
            shepherd::run(&spec, stdin, null, control, Some(&lifeline))
        }
        Forked::Parent(first) => {
            drop((lifeline, stdin));
            leave_output(null)?;
            stand_by(control.as_fd(), first)?;
            drop(life);
            // The host may go on here: taking down a mount namespace takes the kernel longer than
            // all the rest, and nothing lives in it any more.
            wire::report(control, &Report::Gone);
            std::process::exit(0)
        }
    }
}

/// Waits for the end of the namespace's first process, and brings it about where the host leaves.
fn stand_by(control: BorrowedFd<'_>, first: Pid) -> Result<(), Stop> {
    let pidfd = rustix::process::pidfd_open(first, PidfdFlags::empty())
        .map_err(|error| failed("watch the namespace's first process", &error.into()))?;
    loop {
        let mut watched = [
            PollFd::new(&pidfd, PollFlags::IN),
            // No event is asked for: that the other end has gone is always told. What can be read
            // there is for the first process.
            PollFd::from_borrowed_fd(control, PollFlags::empty()),
        ];
        match poll(&mut watched, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed("wait", &error.into())),
        }
        let [ended, host] = watched.map(|entry| !entry.revents().is_empty());
        if host && !ended {
            let _ = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
        }
        if ended || host {
            // The kernel answers only when every process of the namespace is gone.
            while let Err(rustix::io::Errno::INTR) =
                rustix::process::waitpid(Some(first), WaitOptions::empty())
            {}
            return Ok(());
        }
    }
}

fn enter_namespaces(namespaces: Namespaces) -> Result<(), Stop> {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    // Shared memory of the System V kind outlives whoever made it, and belongs to no folder.
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC;
    if namespaces == Namespaces::Unprivileged {
        flags |= UnshareFlags::NEWUSER;
    }
    sys::unshare(flags).map_err(|error| failed("make namespaces", &error))?;
    if namespaces == Namespaces::Unprivileged {
        // One user and one group, themselves: nobody else exists in there. Groups must be frozen
        // first, or the kernel refuses the map.
        fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| fs::write("/proc/self/uid_map", format!("{user} {user} 1")))
            .and_then(|()| fs::write("/proc/self/gid_map", format!("{group} {group} 1")))
            .map_err(|error| failed("map its user into a namespace", &error))?;
    }
    Ok(())
}

/// Nobody who runs as the same user may look into the launcher. Undone by exec, so the program's
/// own debuggers work.
fn undumpable() -> Result<(), Stop> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| failed("hide its memory", &error.into()))
}

/// Lets go of the program's output: it ends for the host when the program's last process ends it.
fn leave_output(null: &OwnedFd) -> Result<(), Stop> {
    rustix::stdio::dup2_stdout(null)
        .and_then(|()| rustix::stdio::dup2_stderr(null))
        .map_err(|error| failed("leave the program's output", &error.into()))
}

/// A descriptor that tells when a child has ended.
fn child_ends() -> io::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(NixSignal::SIGCHLD);
    signals.thread_block()?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    Ok(SignalFd::with_flags(&signals, flags)?)
}

fn failed(what: &str, error: &io::Error) -> Stop {
    Stop::Failed(Failure::Other(format!("the launcher could not {what}: {error}")))
}

/// Places that a program needs although a mask lies over them.
struct Exposed(Vec<PathBuf>);
