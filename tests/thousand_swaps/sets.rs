//! The house whose rules change: a configuration that names one of a few sets of components, and files
//! that are replaced by other builds. It owns what is served when, as far as that can be seen from
//! outside, and refuses to know what was asked.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use overlord_tests::host::{Host, Setup};
use overlord_tests::marked;
use overlord_tests::shelf::{Shelf, generation, remarked};
use rustix::process::{Pid, Signal, kill_process};

/// How many sets of components the configuration can name.
const SETS: u8 = 4;

/// How many builds a file of one slot can be replaced by. With the other slots' files all of them have
/// room among the 64 that the host keeps compiled, as an operator's few do.
const BUILDS: u8 = 20;

/// The first of these, behind those that the sets begin with.
const FIRST: u8 = 10;

/// Which build answers in each slot that tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Of auth: whom it lets in says which set it is of.
    pub auth: u8,
    /// Of the limiter.
    pub limit: u8,
    /// Of the audit format.
    pub audit: u8,
}

/// What a swap changes.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// All slots at once, by the configuration and SIGHUP.
    All,
    /// The limiter's file.
    Limit,
    /// The audit format's file.
    Audit,
}

/// Some rules, and what is known of when they came.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The rules.
    pub rules: Rules,
    /// Just before they were asked for.
    pub from: Duration,
    /// When the host had said that they serve.
    pub seen: Duration,
}

/// A host, its folder, its configuration.
pub struct House {
    host: Host,
    shelf: Shelf,
    config: PathBuf,
    epoch: Instant,
    set: u8,
    /// Which builds lie in the files of each set: the limiter's and the audit format's.
    files: [(u8, u8); SETS as usize],
    served: Vec<Served>,
    swaps: u32,
    cookies: Vec<String>,
}

impl House {
    /// A host that serves the first set.
    pub fn new() -> Self {
        let setup = Setup::new().with("OVERLORD_LOG_LEVEL", "debug");
        let (setup, shelf) = Shelf::new(setup);
        for set in 0..SETS {
            shelf.put(&format!("auth-{set}"), &remarked("auth-cookie", &format!("build {set}")));
            shelf.put(&format!("limit-{set}"), &marked::limiter(set));
            shelf.put(&format!("audit-{set}"), &marked::audit(set));
        }
        let config = setup.folder().join("overlord.toml");
        write(&config, 0);
        let epoch = Instant::now();
        let host = setup.with("OVERLORD_CONFIG", &config).start();
        generation(&host, 1);
        let rules = Rules { auth: 0, limit: 0, audit: 0 };
        let served = vec![Served { rules, from: Duration::ZERO, seen: epoch.elapsed() }];
        let mut files = [(0, 0); SETS as usize];
        for set in 0..SETS {
            files[usize::from(set)] = (set, set);
        }
        let mut house =
            Self { host, shelf, config, epoch, set: 0, files, served, swaps: 0, cookies: Vec::new() };
        // One cookie a set: each set's auth finds the name in its own one alone.
        for set in (0..SETS).rev() {
            write(&house.config, set);
            let caller = house.host.sign_in(&user(set));
            house.cookies.push(caller.cookie().expect("whoever signs in has a cookie").to_owned());
        }
        house
    }

    /// The next swap, up to its end; what it changed and how long that took.
    pub fn swap(&mut self) -> (Change, Duration) {
        // Most are whole sets; a file that is renamed has to rest before it is taken.
        let change = [Change::All, Change::Limit, Change::All, Change::Audit, Change::All]
            [usize::try_from(self.swaps % 5).expect("less than five")];
        let build = FIRST + u8::try_from(self.swaps % u32::from(BUILDS)).expect("less than a hundred");
        self.swaps += 1;
        let from = self.epoch.elapsed();
        let files = &mut self.files[usize::from(self.set)];
        match change {
            Change::All => {
                self.set = (self.set + 1) % SETS;
                write(&self.config, self.set);
                kill_process(self.host.pid(), Signal::HUP).expect("the host runs");
            }
            Change::Limit => {
                // Never the one that lies there, which would be no change.
                files.0 = if files.0 == build { FIRST + BUILDS } else { build };
                self.shelf.put(&format!("limit-{}", self.set), &marked::limiter(files.0));
            }
            Change::Audit => {
                files.1 = if files.1 == build { FIRST + BUILDS } else { build };
                self.shelf.put(&format!("audit-{}", self.set), &marked::audit(files.1));
            }
        }
        let line = generation(&self.host, u64::from(self.swaps) + 1);
        let seen = self.epoch.elapsed();
        for slot in ["auth", "limit", "audit"] {
            assert!(line.contains(&format!(" {slot}={slot}-{}@", self.set)), "another set serves: {line}");
        }
        let (limit, audit) = self.files[usize::from(self.set)];
        self.served.push(Served { rules: Rules { auth: self.set, limit, audit }, from, seen });
        (change, seen.saturating_sub(from))
    }

    /// All rules that have served, in order.
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// What all times are counted from.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Where the host listens.
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// The value of the header with everybody's cookies.
    pub fn cookies(&self) -> String {
        self.cookies.join("; ")
    }

    /// The host's process.
    pub fn pid(&self) -> Pid {
        self.host.pid()
    }

    /// What the host has said.
    pub fn output(&self) -> String {
        self.host.output()
    }

    /// The file with the audit lines.
    pub fn audit_file(&self) -> PathBuf {
        self.host.setup().data().join("audit.jsonl")
    }

    /// How many generations the host has said to be alive when the last one ended.
    pub fn alive(&self) -> Option<usize> {
        let output = self.output();
        let line = output.lines().rev().find(|line| line.contains("a generation has ended, "))?;
        line.rsplit_once("ended, ")?.1.split(' ').next()?.parse().ok()
    }
}

/// Whom the auth component of a set lets in.
pub fn user(set: u8) -> String {
    format!("user-{set}")
}

/// Which set's auth component lets `user` in.
pub fn set_of(user: &str) -> Option<u8> {
    user.strip_prefix("user-")?.parse().ok()
}

/// A configuration that names a set. A caller may ask once a second, so that most are refused and some
/// are answered.
fn write(config: &PathBuf, set: u8) {
    let text = format!(
        "[auth]\ncomponent = \"auth-{set}\"\n[auth.settings]\nuser_path = \"name-{set}\"\n\
         [limit]\ncomponent = \"limit-{set}\"\n[limit.settings]\nmax = 1\nwindow_s = 1\n\
         [audit]\ncomponent = \"audit-{set}\"\n"
    );
    let beside = config.with_extension("beside");
    fs::write(&beside, text).expect("writing a configuration");
    fs::rename(&beside, config).expect("renaming a configuration");
}
