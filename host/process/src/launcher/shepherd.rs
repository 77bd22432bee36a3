//! Starts the program and stays with it: passes the host's signals on to it and to nothing else,
//! reaps whatever is left to it, and ends all of that when the program or the host has ended.

use std::convert::Infallible;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};

use super::{Stop, child_ends, failed, leave_output, program};
use crate::proc;
use crate::sys::{self, Forked};
use crate::wire::{self, Exit, Failure, Report, Spec};

/// How long to wait for killed processes before looking for new ones: a process that was about to
/// fork may have done so.
const NEXT_LOOK: Duration = Duration::from_millis(5);

/// Why there is nothing more to wait for.
enum Cause {
    /// The program has ended.
    Program(Exit),
    /// The host asked for the end of everything, or is gone.
    Host,
}

/// Runs the program to its end. With a `lifeline` this is the first process of a PID namespace
/// (its own end is the end of all), and the lifeline ends when the launcher outside does.
pub(super) fn run(
    spec: &Spec,
    stdin: OwnedFd,
    null: &OwnedFd,
    control: &OwnedFd,
    lifeline: Option<&OwnedFd>,
) -> Result<Infallible, Stop> {
    let ends = child_ends().map_err(|error| failed("watch for ends", &error))?;
    let (told, tell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|error| failed("make a pipe", &error.into()))?;
    let launcher = rustix::process::getpid();
    let first = lifeline.is_some();
    let program = match sys::fork().map_err(|error| failed("start a process", &error))? {
        Forked::Child => program::become_it(spec, &stdin, &tell, (!first).then_some(launcher)),
        Forked::Parent(program) => program,
    };
    drop((stdin, tell));
    leave_output(null)?;
    report_start(told, control, spec.probe.is_some())?;
    let cause = watch(program, control, &ends, lifeline)?;
    if let Cause::Program(exit) = cause {
        wire::report(control, &Report::Exited(exit));
    }
    if !first {
        end_all(&ends);
        wire::report(control, &Report::Gone);
    }
    std::process::exit(0)
}

/// The pipe ends without a word when the program runs: exec has closed it.
fn report_start(told: OwnedFd, control: &OwnedFd, probe: bool) -> Result<(), Stop> {
    let mut words = Vec::new();
    std::fs::File::from(told)
        .read_to_end(&mut words)
        .map_err(|error| failed("hear whether the program runs", &error))?;
    if words.is_empty() && !probe {
        wire::report(control, &Report::Started);
        return Ok(());
    }
    let report = serde_json::from_slice(&words).unwrap_or_else(|_| {
        Report::Failed(Failure::Other("the launcher ended before the program ran".to_owned()))
    });
    wire::report(control, &report);
    Ok(())
}

fn watch(
    program: Pid,
    control: &OwnedFd,
    ends: &SignalFd,
    lifeline: Option<&OwnedFd>,
) -> Result<Cause, Stop> {
    // Not yet reaped, so the id cannot have been given to another.
    let pidfd = rustix::process::pidfd_open(program, PidfdFlags::empty())
        .map_err(|error| failed("watch the program", &error.into()))?;
    loop {
        let mut watched = vec![PollFd::new(ends, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
        if let Some(lifeline) = lifeline {
            watched.push(PollFd::new(lifeline, PollFlags::IN));
        }
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(failed("wait", &error.into())),
        }
        let ready: Vec<bool> = watched.iter().map(|entry| !entry.revents().is_empty()).collect();
        if ready[0] {
            while let Ok(Some(_)) = ends.read_signal() {}
            if let Some(exit) = reap(program) {
                return Ok(Cause::Program(exit));
            }
        }
        if ready[1] && !obey(control, &pidfd) || ready.get(2) == Some(&true) {
            return Ok(Cause::Host);
        }
    }
}

/// Does what the host asks; false where that is the end.
fn obey(control: &OwnedFd, program: &OwnedFd) -> bool {
    let mut orders = [0u8; 16];
    match rustix::net::recv(control, &mut orders[..], RecvFlags::DONTWAIT) {
        Ok((0, _)) => false,
        Ok((count, _)) => orders[..count].iter().all(|order| {
            if *order == wire::END_ALL {
                return false;
            }
            if let Some(signal) = Signal::from_named_raw(i32::from(*order)) {
                // An error means that it has ended, which the next round sees.
                let _ = rustix::process::pidfd_send_signal(program, signal);
            }
            true
        }),
        Err(Errno::AGAIN | Errno::INTR) => true,
        Err(_) => false,
    }
}

/// Reaps every process that has ended; tells how the program did, where it is among them.
fn reap(program: Pid) -> Option<Exit> {
    let mut exit = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == program {
            exit = Some(exit_of(status));
        }
    }
    exit
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        // Stops and continuations are not asked for.
        (None, None) => Exit::Signal(Signal::KILL.as_raw()),
    }
}

/// Kills every child, then those that were theirs and are now its own, until none is left. Only
/// own children are killed: their ids cannot be given to others before they are reaped here.
fn end_all(ends: &SignalFd) {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    loop {
        for pid in proc::children(own).into_iter().filter_map(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(NEXT_LOOK.subsec_nanos()) };
        let ready = poll(&mut [PollFd::from_borrowed_fd(ends.as_fd(), PollFlags::IN)], Some(&wait));
        if ready == Ok(1) {
            while let Ok(Some(_)) = ends.read_signal() {}
        }
    }
}
