//! A real host for a test: `target/release/overlord serve` as a child process, with a folder, an
//! environment and a port of its own. It owns starting, watching, stopping and cleaning up, and
//! refuses to know what the answers mean: what is said over HTTP is `caller`'s.
//!
//! Test support panics with a sentence instead of handing back errors: where it fails, the test has
//! failed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::compiled;

/// How long anything may take that has to happen at all. Far longer than it ever does, on a machine
/// with everything else to do: it tells "slow" from "never", and no test measures with it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How often a condition is looked at again: short for a person, long for a processor.
const GLANCE: Duration = Duration::from_millis(10);

/// Where programs are found by whatever a test starts: Debian's places and nothing of the user's.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Long enough that no warning about it gets in the way.
const SECRET: &str = "a secret of the tests and of nothing else";

/// What a host is started with. Everything that a host remembers lies in its folder, so starting
/// again from the `Setup` that a stopped host gives back is a restart.
pub struct Setup {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

/// A host that listens.
pub struct Host {
    process: Process,
    setup: Setup,
    address: SocketAddr,
}

/// The process of a host; dropping it ends the process, so that no failed test leaves one behind.
struct Process {
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Setup {
    /// A folder of its own, the built components, the demo agent, any free port.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("overlord-test-").expect("making a folder for a host");
        for name in ["data", "workspace", "home"] {
            std::fs::create_dir(folder.path().join(name)).expect("making a folder for a host");
        }
        let mut setup = Self { folder, environment: BTreeMap::new() };
        setup.put("PATH", PATH);
        setup.put("LANG", "C.UTF-8");
        setup.put("HOME", setup.home());
        setup.put("OVERLORD_LISTEN", "127.0.0.1:0");
        setup.put("OVERLORD_DATA", setup.data());
        setup.put("OVERLORD_WORKSPACE", setup.workspace());
        setup.put("OVERLORD_COMPONENTS", built("target/components"));
        setup.put("OVERLORD_SECRET_KEY", SECRET);
        setup.put("OVERLORD_AGENT_COMMAND", "demo");
        compiled::lend(&setup.data());
        setup
    }

    /// With the variable `name`, instead of what it was. The host's environment holds what the
    /// `Setup` says and nothing of the test's own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.put(name, value);
        self
    }

    /// Without the variable `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// The folder that holds all the others; its name is on every process that the host starts.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The agent's workspace.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// The host's, and so the agent's, home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The host's program with `arguments` in this environment, not started yet: for the other
    /// subcommands, and for a `serve` that must not come up.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let program = built("target/release/overlord");
        assert!(program.is_file(), "{} is missing: run `make build` first", program.display());
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&self.environment).current_dir("/");
        command
    }

    /// Starts the host and waits until it says where it listens.
    #[track_caller]
    pub fn start(self) -> Host {
        let mut child = self
            .command(["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting the host");
        let output = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("it is piped"), &output);
        collect(child.stderr.take().expect("it is piped"), &output);
        let mut process = Process { child, output };
        let address = wait_until("an address to reach the host at", || {
            let ended = process.child.try_wait().expect("looking at the host");
            let address = address_in(&process.said());
            if let (None, Some(status)) = (address, ended) {
                // Its last words may still be on their way through the pipe.
                thread::sleep(10 * GLANCE);
                panic!("the host ended without listening: {status}");
            }
            address
        });
        compiled::keep(&self.data());
        Host { process, setup: self, address }
    }

    fn put(&mut self, name: &str, value: impl AsRef<OsStr>) {
        let value = value.as_ref().to_str().expect("the tests set only text");
        self.environment.insert(name.to_owned(), value.to_owned());
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// What it was started with.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process.child)
    }

    /// What it has written so far, to standard output and standard error.
    pub fn output(&self) -> String {
        self.process.said()
    }

    /// Someone without a cookie.
    pub fn anyone(&self) -> Caller {
        Caller::new(self.address, None)
    }

    /// `user` with the cookie that `overlord cookie` makes for them.
    pub fn sign_in(&self, user: &str) -> Caller {
        self.sign_in_as(user, &[])
    }

    /// `user` in `roles` with the cookie that `overlord cookie` makes for them.
    #[track_caller]
    pub fn sign_in_as(&self, user: &str, roles: &[&str]) -> Caller {
        let mut command = self.setup.command(["cookie", user]);
        for role in roles {
            command.args(["--role", role]);
        }
        let made = command.output().expect("running `overlord cookie`");
        let cookie = String::from_utf8(made.stdout).expect("a cookie is text");
        assert!(
            made.status.success() && cookie.contains('='),
            "`overlord cookie {user}` gave {} and no cookie: {cookie}{}",
            made.status,
            String::from_utf8_lossy(&made.stderr)
        );
        Caller::new(self.address, Some(cookie.trim().to_owned()))
    }

    /// The complete lines of the audit file, each parsed.
    #[track_caller]
    pub fn audit(&self) -> Vec<Value> {
        let file = self.setup.data().join("audit.jsonl");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
        complete
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("audit line {line}: {e}")))
            .collect()
    }

    /// The first audit line of the event `name` about `session`, once there is one.
    #[track_caller]
    pub fn audited(&self, name: &str, session: &str) -> Value {
        wait_until(&format!("an audit line {name} of {session}"), || {
            self.audit().into_iter().find(|line| line["event"] == name && line["session_id"] == session)
        })
    }

    /// Asks it to stop (SIGTERM), waits for its end, and gives back how it ended and what it takes
    /// to start it again.
    #[track_caller]
    pub fn stop(mut self) -> (ExitStatus, Setup) {
        kill_process(self.pid(), Signal::TERM).expect("the host runs, so it can be signalled");
        let status =
            wait_until("the end of the host", || self.process.child.try_wait().expect("looking at the host"));
        (status, self.setup)
    }

    /// Ends it at once (SIGKILL) and gives back what it takes to start it again.
    pub fn kill(mut self) -> Setup {
        self.process.child.kill().expect("the host runs, so it can be killed");
        self.process.child.wait().expect("the host was killed, so it ends");
        self.setup
    }
}

impl Process {
    fn said(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error says that it has ended already, which is all that is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprintln!("--- what the host said:\n{}---", self.said());
        }
    }
}

/// The path of something that the build leaves in the checkout.
pub fn built(path: &str) -> PathBuf {
    checkout().join(path)
}

/// The folder that everything of the project lies in.
pub fn checkout() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the crate lies in the checkout")
}

/// Waits until `look` finds something, and panics naming `what` where it never does.
#[track_caller]
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(GLANCE);
    }
}

/// Appends all lines of `stream` to `output` until it ends.
fn collect(stream: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}

/// The first address that `output` tells a person to open, if its line is complete.
fn address_in(output: &str) -> Option<SocketAddr> {
    let (complete, _) = output.rsplit_once('\n')?;
    complete.split("http://").skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_hexdigit() || ".:[]".contains(c)));
        let address: SocketAddr = rest[..end.unwrap_or(rest.len())].parse().ok()?;
        (address.port() != 0).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_whatever_the_host_prints() {
        let cases = [
            ("listening on http://127.0.0.1:4711\n", Some("127.0.0.1:4711")),
            ("open http://127.0.0.1:4711/ in a browser\n", Some("127.0.0.1:4711")),
            ("{\"message\":\"http://127.0.0.1:4711\"}\n", Some("127.0.0.1:4711")),
            ("http://[::1]:4711/agent\n", Some("[::1]:4711")),
            ("see http://example.org\nat http://127.0.0.1:4711\n", Some("127.0.0.1:4711")),
            ("configured: http://127.0.0.1:0\n", None),
            ("http://127.0.0.1:47", None),
            ("", None),
        ];
        for (output, expected) in cases {
            let expected = expected.map(|address| address.parse().expect("an address"));
            assert_eq!(address_in(output), expected, "{output}");
        }
    }
}
