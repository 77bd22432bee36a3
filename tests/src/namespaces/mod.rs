//! A world of its own for a test binary: user, network, mount and PID namespaces in which there is
//! nothing but loopback, an empty `/tmp` and home, and the processes that the tests start. It owns
//! the way in and the proof of having arrived; it refuses to know what is tested there.
//!
//! The binary is run three times over: outside, where it asks util-linux's `unshare` for the
//! namespaces; as their first process, which furnishes them and reaps orphans, as the first process
//! of a machine does; and inside, where the tests run.

mod loopback;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rustix::fs::CWD;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};
use rustix::process::{Pid, WaitOptions, getpid, wait};

use crate::host::PATH;

/// Names, to a test binary, what to leave out; several names are joined by commas.
pub const WITHOUT: &str = "OVERLORD_TEST_WITHOUT";

/// Tells the binary which of its three runs this is. It may be set by hand as well: being inside is
/// not believed but checked.
const STAGE: &str = "NAMESPACE_STAGE";

/// Hands the first process the folder that was home outside.
const HOME_OUTSIDE: &str = "NAMESPACE_HOME_OUTSIDE";

/// The home inside; `/tmp` is private there.
const HOME_INSIDE: &str = "/tmp/home";

/// The namespaces, each process of which dies with `unshare`.
const UNSHARE: [&str; 7] = ["-r", "-n", "-m", "-p", "--fork", "--mount-proc", "--kill-child=SIGKILL"];

/// Proof that the process runs in namespaces of its own. There is no other way to have one than to
/// look.
#[derive(Clone, Copy, Debug)]
pub struct Isolated(());

/// Why there is no such world.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The machine does not allow it.
    #[error(
        "the {name} tests run in user, network, mount and PID namespaces of their own, and none can \
         be had here ({why}): allow unprivileged user namespaces (in a container, a less strict \
         seccomp profile and an unmasked /proc as well), or leave these tests out by name with \
         {WITHOUT}={name}"
    )]
    Unavailable {
        /// What the tests are called.
        name: String,
        /// What `unshare` said.
        why: String,
    },
    /// What makes one is not installed.
    #[error(
        "the {name} tests need util-linux's unshare, and it cannot be run ({error}): install the \
         package util-linux, or leave these tests out by name with {WITHOUT}={name}"
    )]
    Unshare {
        /// What the tests are called.
        name: String,
        /// What the system said.
        error: io::Error,
    },
    /// It is there, and cannot be furnished.
    #[error("furnishing the namespaces: {doing}: {error}")]
    Furnish {
        /// What was being done, to what.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
    /// It was claimed, and is not so.
    #[error("the tests are not in namespaces of their own: {0}")]
    NotIsolated(String),
}

/// Runs `inside` in namespaces of its own, with all of the machine's files but `/tmp` and home; the
/// folder `keep` is there even if it lies in one of them. `prepare` runs before that, outside.
///
/// Called first thing in `main`, since it runs `main` again.
pub fn run_isolated(
    name: &str,
    keep: &Path,
    prepare: impl FnOnce() -> Result<(), String>,
    inside: impl FnOnce(Isolated) -> ExitCode,
) -> ExitCode {
    let outcome = match env::var(STAGE).as_deref() {
        Ok("inside") => Isolated::check().map(inside),
        Ok("first") => first_process(keep),
        _ => {
            let without = env::var(WITHOUT).unwrap_or_default();
            if without.split(',').any(|left_out| left_out.trim() == name) {
                println!("the {name} tests are left out, as {WITHOUT}={without} says");
                return ExitCode::SUCCESS;
            }
            if let Err(error) = available(name) {
                Err(error)
            } else if let Err(sentence) = prepare() {
                eprintln!("error: preparing the {name} tests: {sentence}");
                return ExitCode::FAILURE;
            } else {
                outside(name)
            }
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

impl Isolated {
    /// Looks whether there are other interfaces than loopback, or other processes than the first
    /// one and this.
    fn check() -> Result<Self, Error> {
        only_loopback()?;
        let mut expected = [Pid::INIT, getpid()].map(Pid::as_raw_pid).to_vec();
        expected.sort_unstable();
        let processes = processes().map_err(furnish("reading the processes"))?;
        if processes != expected {
            return Err(Error::NotIsolated(format!("there are the processes {processes:?}")));
        }
        Ok(Self(()))
    }
}

/// The ids of all processes that can be seen, in order.
pub fn processes() -> io::Result<Vec<i32>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        processes.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    processes.sort_unstable();
    Ok(processes)
}

fn only_loopback() -> Result<(), Error> {
    let interfaces = loopback::interfaces().map_err(furnish("reading the interfaces"))?;
    if interfaces == ["lo"] {
        return Ok(());
    }
    Err(Error::NotIsolated(format!("the network interfaces are {}", interfaces.join(", "))))
}

/// Asks for the namespaces once, for nothing.
fn available(name: &str) -> Result<(), Error> {
    let tried = Command::new("unshare")
        .args(UNSHARE)
        .arg("true")
        .output()
        .map_err(|error| Error::Unshare { name: name.to_owned(), error })?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let why = said.lines().next().unwrap_or("unshare said nothing").to_owned();
    Err(Error::Unavailable { name: name.to_owned(), why })
}

fn outside(name: &str) -> Result<ExitCode, Error> {
    let itself = env::current_exe().map_err(furnish("finding the test program"))?;
    // With this process ends `unshare`, and with that everything inside, however it came about.
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(UNSHARE)
        .arg("--")
        .arg(itself)
        .args(env::args_os().skip(1))
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .env(HOME_OUTSIDE, env::var_os("HOME").unwrap_or_default())
        .env(STAGE, "first")
        .status()
        .map_err(furnish(&format!("running unshare for the {name} tests")))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

fn first_process(keep: &Path) -> Result<ExitCode, Error> {
    // Mounting over `/tmp` is for nobody else to see, so this must not be somebody else's world.
    if getpid() != Pid::INIT {
        return Err(Error::NotIsolated(format!("the first process is not {}", getpid())));
    }
    only_loopback()?;
    loopback::bring_up().map_err(furnish("bringing loopback up"))?;
    let home = env::var_os(HOME_OUTSIDE).unwrap_or_default();
    hide(keep, home)?;
    fs::create_dir(HOME_INSIDE).map_err(furnish("making a home"))?;
    let tests = Command::new("/proc/self/exe")
        .args(env::args_os().skip(1))
        .current_dir("/")
        .env_remove(HOME_OUTSIDE)
        .env("HOME", HOME_INSIDE)
        .env(STAGE, "inside")
        .spawn()
        .map_err(furnish("starting the tests"))?;
    let tests = Pid::from_child(&tests);
    loop {
        let ended = wait(WaitOptions::empty()).map_err(|e| furnish("waiting")(e.into()))?;
        if let Some((_, status)) = ended.filter(|(pid, _)| *pid == tests) {
            let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
        }
    }
}

/// Mounts an empty folder over `/tmp` and the home, and puts `keep` back where it was.
fn hide(keep: &Path, home: OsString) -> Result<(), Error> {
    let kept = clone_of(keep).map_err(furnish(&format!("keeping {}", keep.display())))?;
    let mut hidden = vec![PathBuf::from("/tmp")];
    // A home that is no folder, or is all there is, hides nothing that could be seen.
    hidden.extend(fs::canonicalize(home).ok().filter(|home| home != Path::new("/")));
    for folder in &hidden {
        let furnish = furnish(&format!("hiding {}", folder.display()));
        fs::create_dir_all(folder).map_err(&furnish)?;
        let flags = MountFlags::NODEV | MountFlags::NOSUID;
        mount("private", folder, "tmpfs", flags, c"mode=1777").map_err(|e| furnish(e.into()))?;
    }
    if hidden.iter().any(|folder| keep.starts_with(folder)) {
        let furnish = furnish(&format!("putting {} back", keep.display()));
        fs::create_dir_all(keep).map_err(&furnish)?;
        move_mount(&kept, "", CWD, keep, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|e| furnish(e.into()))?;
    }
    Ok(())
}

/// A second mount of a folder and everything mounted in it, attached nowhere yet.
fn clone_of(folder: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    Ok(open_tree(CWD, folder, flags)?)
}

fn furnish(doing: &str) -> impl Fn(io::Error) -> Error + use<> {
    let doing = doing.to_owned();
    move |error| Error::Furnish { doing: doing.clone(), error }
}
