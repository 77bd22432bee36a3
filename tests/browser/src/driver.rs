//! The processes of a browser: `ChromeDriver`, and Chromium as its child, in one folder and one process
//! group of their own. It owns their start and their end, and knows nothing of what they are told.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use overlord_tests::host::{PATH, wait_until};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// What Debian calls the two, and what brings them.
const CHROMEDRIVER: &str = "chromedriver";
const CHROMIUM: &str = "chromium";
const MISSING: &str = "run `tests/install-browser.sh` first";

/// What `ChromeDriver` prints before its port.
const ON_PORT: &str = "started successfully on port ";

/// A running `ChromeDriver`. Dropping it ends it and whatever it started.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
    /// Home, profile and temporary files. Its name is on the command lines and in the environments.
    folder: TempDir,
}

impl Driver {
    /// Starts it, and waits until it says its port.
    #[track_caller]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("overlord-browser-").expect("making a folder for a browser");
        for name in ["home", "profile", "downloads", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("making a folder for a browser");
        }
        let mut child = Command::new(program(CHROMEDRIVER))
            // The system chooses, and nobody but this machine can connect.
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            // Times on the page are the same everywhere.
            .env("TZ", "UTC")
            .env("HOME", folder.path().join("home"))
            .env("TMPDIR", folder.path().join("tmp"))
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting chromedriver");
        let said = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("it is piped"), &said);
        collect(child.stderr.take().expect("it is piped"), &said);
        // Made before its port is known: where it never comes, dropping this ends the process.
        let mut driver = Self { child, address: (Ipv4Addr::LOCALHOST, 0).into(), said, folder };
        let port = wait_until("the port of chromedriver", || {
            let ended = driver.child.try_wait().expect("looking at chromedriver");
            assert!(ended.is_none(), "chromedriver ended: {}", driver.said());
            port_in(&driver.said())
        });
        driver.address.set_port(port);
        driver
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The program that it is to start.
    pub fn chromium() -> PathBuf {
        program(CHROMIUM)
    }

    /// A profile that was never used.
    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }

    /// Where downloads go.
    pub fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    /// What it has written.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ids of all its processes: those of its group, and the crash handlers, which leave the group
    /// but have the folder's name on their command lines.
    pub fn processes(&self) -> Vec<u32> {
        let group = self.child.id();
        let folder = self.folder.path().to_str().expect("its name is text");
        processes().into_iter().filter(|&pid| group_of(pid) == Some(group) || names(pid, folder)).collect()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The leader is not waited for yet, so the group's number is still its own.
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
        self.child.wait().ok();
        // Whoever left the group ends by itself when Chromium has; the folder goes only then. In a
        // test that fails already, a second complaint would end everything.
        if thread::panicking() {
            return;
        }
        wait_until("the end of a browser's processes", || self.processes().is_empty().then_some(()));
    }
}

/// Where a program lies that Debian's package brings.
#[track_caller]
fn program(name: &str) -> PathBuf {
    PATH.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: {MISSING}"))
}

/// Appends all lines of `stream` to `said` until it ends.
fn collect(stream: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&String::from_utf8_lossy(&line));
            said.push('\n');
        }
    });
}

/// The port in `ChromeDriver`'s complete lines.
fn port_in(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once(ON_PORT)?;
    let (port, _) = rest.split_once('\n')?;
    port.trim_end_matches('.').parse().ok()
}

fn processes() -> Vec<u32> {
    let folder = fs::read_dir("/proc").expect("Linux has /proc");
    folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The process group of a process that has not ended.
fn group_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold any byte; state, parent and group come after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    (state != "Z").then_some(group)
}

/// Whether the command line of a process has `text` in it.
fn names(pid: u32, text: &str) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_once_its_line_is_whole() {
        let cases = [
            ("Starting ChromeDriver 148.0 on port 0\n", None),
            ("ChromeDriver was started successfully on port 451", None),
            ("x\nChromeDriver was started successfully on port 45175.\n", Some(45_175)),
            ("ChromeDriver was started successfully on port 45175 on Linux.\n", None),
        ];
        for (said, port) in cases {
            assert_eq!(port_in(said), port, "{said}");
        }
    }
}
