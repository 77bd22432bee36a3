//! The program that tries to get out: everything that a model's programs might, against a house
//! that a host would keep. Each attempt undoes what it managed, since without a wall all succeed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use overlord_process::Kind;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};
use serde::{Deserialize, Serialize};

/// What makes this binary the attacker.
pub(crate) const PART: &str = "attack";

/// In the host's environment and in its files.
pub(crate) const SECRET: &str = "the-secret-of-the-house";
pub(crate) const SECRET_VARIABLE: &str = "HOUSE_SECRET";

/// What a host would keep, and where.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct House {
    pub(crate) base: PathBuf,
    pub(crate) program: PathBuf,
}

/// What the attacker knows: everything but the secret's content.
#[derive(Serialize, Deserialize)]
pub(crate) struct Plan {
    house: House,
    host: i32,
    started: String,
    terminal: String,
    walled_mounts: bool,
}

/// What the house holds open for as long as it is attacked.
pub(crate) struct Open {
    sockets: [UnixListener; 3],
}

impl House {
    /// Furnishes a house below `base` for `owner`, with a copy of this binary to be run in there.
    pub(crate) fn build(base: &Path, owner: Option<u32>, agent: Option<u32>) -> Self {
        let base = fs::canonicalize(base).expect("a folder");
        let house = Self { program: base.join("opt/bin/agent"), base };
        for folder in ["house/data", "home/inner/data", "home/inner/tools", "work", "outside", "opt/bin"] {
            fs::create_dir_all(house.base.join(folder)).expect("a folder");
        }
        for file in house.secrets().into_iter().chain([house.tool(), house.outside()]) {
            fs::write(file, SECRET).expect("a file");
        }
        let binary = std::env::current_exe().expect("this binary");
        fs::copy(binary, &house.program).expect("a copy of this binary");
        give(&house.base, owner);
        for private in ["house/data", "home/inner/data"] {
            let mode = fs::Permissions::from_mode(0o700);
            fs::set_permissions(house.base.join(private), mode).expect("its mode");
        }
        for file in house.secrets() {
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");
        }
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&house.base, open).expect("its mode");
        if agent.is_some() {
            // What is writable belongs to the agent's account, as an operator would set it up.
            for path in [house.work(), house.home()] {
                std::os::unix::fs::chown(path, agent, agent).expect("a change of owner");
            }
        }
        house
    }

    pub(crate) fn hidden(&self) -> Vec<PathBuf> {
        ["house/data", "house/config.toml", "home/inner/data"].map(|path| self.base.join(path)).into()
    }

    pub(crate) fn read_only(&self) -> Vec<PathBuf> {
        vec![self.base.join("home/inner/tools"), self.program.clone()]
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.base.join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.base.join("home")
    }

    fn secrets(&self) -> [PathBuf; 3] {
        ["house/data/secret", "house/config.toml", "home/inner/data/secret"].map(|path| self.base.join(path))
    }

    fn tool(&self) -> PathBuf {
        self.base.join("home/inner/tools/tool")
    }

    fn outside(&self) -> PathBuf {
        self.base.join("outside/file")
    }

    fn sockets(&self) -> [SocketAddr; 3] {
        [
            SocketAddr::from_pathname(self.base.join("house/data/socket")).expect("short enough"),
            SocketAddr::from_pathname(PathBuf::from(format!("/tmp/house-{}", self.id())))
                .expect("short enough"),
            SocketAddr::from_abstract_name(format!("house-{}", self.id())).expect("short enough"),
        ]
    }

    fn id(&self) -> String {
        self.base.file_name().expect("a name").to_string_lossy().into_owned()
    }

    pub(crate) fn open_sockets(&self) -> Open {
        let sockets = self.sockets().map(|address| UnixListener::bind_addr(&address).expect("free"));
        for address in self.sockets().iter().filter_map(SocketAddr::as_pathname) {
            let _ = fs::set_permissions(address, fs::Permissions::from_mode(0o777));
        }
        Open { sockets }
    }

    pub(crate) fn plan(&self, kind: Kind) -> Plan {
        Plan {
            house: self.clone(),
            host: i32::try_from(std::process::id()).expect("an id"),
            started: start_of("self").expect("the host sees itself"),
            terminal: terminal(),
            walled_mounts: kind != Kind::Landlock,
        }
    }
}

fn give(path: &Path, owner: Option<u32>) {
    if owner.is_some() {
        std::os::unix::fs::chown(path, owner, owner).expect("a change of owner");
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            give(&entry.path(), owner);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        for socket in &self.sockets {
            if let Ok(address) = socket.local_addr()
                && let Some(path) = address.as_pathname()
            {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Tries everything, and says of each attempt whether it went through.
pub(crate) fn play() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("a plan");
    let plan: Plan = serde_json::from_str(&text).expect("a plan");
    for (name, managed) in attempts(&plan) {
        println!("{} {name}", if managed { "BROKEN" } else { "held" });
    }
}

fn attempts(plan: &Plan) -> Vec<(String, bool)> {
    let house = &plan.house;
    let mut all = Vec::new();
    let mut tried = |name: &str, managed: bool| all.push((name.to_owned(), managed));
    tried("reads a secret", house.secrets().iter().any(|file| reads(file)));
    tried(
        "lists a hidden folder",
        house
            .hidden()
            .iter()
            .any(|folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())),
    );
    tried("appends to a secret", house.secrets().iter().any(|file| appends(file)));
    tried("adds to a hidden folder", house.hidden().iter().any(|folder| adds(folder)));
    tried(
        "makes a hidden folder readable",
        house.hidden().iter().any(|folder| {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).is_ok()
                && fs::read_dir(folder).is_ok_and(|mut e| e.next().is_some())
        }),
    );
    tried("moves a hidden path away", house.hidden().iter().any(|path| moves(path)));
    tried("moves a folder above a hidden one", moves(&house.base.join("home/inner")));
    tried("links to a secret", house.secrets().iter().any(|file| links(file, &house.work())));
    tried(
        "writes what is read-only",
        appends(&house.tool()) || house.read_only().iter().any(|path| adds(path)),
    );
    tried("replaces what is read-only", house.read_only().iter().any(|path| moves(path)));
    // Landlock leaves the machine's own /tmp writable, and sockets with a path reachable.
    if plan.walled_mounts || !house.base.starts_with("/tmp") {
        tried("writes elsewhere", appends(&house.outside()) || adds(&house.base.join("outside")));
    }
    if plan.walled_mounts {
        tried("connects to a socket in the data folder", connects(&house.sockets()[0]));
        tried("connects to a socket in /tmp", connects(&house.sockets()[1]));
    }
    tried("connects to an abstract socket", connects(&house.sockets()[2]));
    tried(
        "reaches a secret through a process",
        each_process().any(|pid| {
            ["root", "cwd"].iter().any(|door| {
                let door = format!("/proc/{pid}/{door}");
                house.secrets().iter().any(|file| {
                    let below = file.strip_prefix("/").expect("it is absolute");
                    reads(&Path::new(&door).join(below))
                })
            })
        }),
    );
    tried(
        "reads the host's variables",
        each_process().any(|pid| {
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|read| holds(&read, SECRET_VARIABLE))
        }),
    );
    all.extend(on_the_host(plan));
    all.extend(nested(house).map(|(name, script)| {
        let managed = holds(&output(&script), SECRET);
        (name.to_owned(), managed)
    }));
    all
}

/// Attempts on the host itself and on the machine.
fn on_the_host(plan: &Plan) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    let mut tried = |name: &str, managed: bool| all.push((name.to_owned(), managed));
    let same = start_of(&plan.host.to_string()).as_ref() == Some(&plan.started);
    let host = Pid::from_raw(plan.host).expect("an id");
    tried(
        "opens the host's memory",
        same && {
            let door = |name: &str| PathBuf::from(format!("/proc/{}/{name}", plan.host));
            fs::read(door("maps")).is_ok_and(|read| !read.is_empty())
                || OpenOptions::new().write(true).open(door("mem")).is_ok()
                || ["fd/0", "root", "cwd", "exe"].iter().any(|name| fs::read_link(door(name)).is_ok())
        },
    );
    tried(
        "takes a descriptor of the host",
        same && rustix::process::pidfd_open(host, PidfdFlags::empty())
            .is_ok_and(|pidfd| rustix::process::pidfd_getfd(pidfd, 0, PidfdGetfdFlags::empty()).is_ok()),
    );
    tried("may signal the host", same && rustix::process::test_kill_process(host).is_ok());
    tried(
        "may signal what runs it",
        rustix::process::getppid().is_some_and(|parent| {
            // The first process of a PID namespace can be named and takes no signal from inside.
            parent.as_raw_nonzero().get() != 1 && rustix::process::test_kill_process(parent).is_ok()
        }),
    );
    tried("holds a capability or the way to one", status_shows_rights());
    tried(
        "holds more than three descriptors",
        fs::read_dir("/proc/self/fd").map_or(true, |all| all.count() > 4),
    );
    tried("has a terminal", OpenOptions::new().write(true).open("/dev/tty").is_ok());
    tried("opens the host's terminal", OpenOptions::new().write(true).open(&plan.terminal).is_ok());
    tried("opens a disk", opens_disks());
    tried(
        "sets what the kernel runs",
        [
            "/proc/sys/kernel/core_pattern",
            "/proc/sysrq-trigger",
            "/sys/kernel/uevent_helper",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ]
        .iter()
        .any(|path| OpenOptions::new().write(true).open(path).is_ok()),
    );
    tried(
        "leaves a core dump",
        rustix::process::getrlimit(rustix::process::Resource::Core).current != Some(0),
    );
    all
}

/// What a program can do that makes itself the superuser of a namespace of its own.
fn nested(house: &House) -> [(&'static str, String); 6] {
    let data = house.base.join("house/data").display().to_string();
    let above = house.base.join("house").display().to_string();
    let home = house.home().display().to_string();
    let inside = |script: &str| format!("cd /; unshare -Urm sh -c '{script}'");
    [
        ("unmounts what hides", inside(&format!("umount -l {data}; umount -l {data}; cat {data}/secret"))),
        (
            "binds the folder above",
            inside(&format!("mkdir -p {home}/m; mount --bind {above} {home}/m; cat {home}/m/data/secret")),
        ),
        (
            "binds all and unmounts",
            inside(&format!(
                "mkdir -p {home}/m; mount --rbind {above} {home}/m; umount -l {home}/m/data; cat {home}/m/data/secret"
            )),
        ),
        (
            "looks through an overlay",
            inside(&format!(
                "mkdir -p {home}/m; mount -t overlay -o lowerdir={above} none {home}/m; cat {home}/m/data/secret"
            )),
        ),
        (
            "makes it writable again",
            inside(&format!("mount -o remount,rw,bind /; chmod 755 {data}; cat {data}/secret")),
        ),
        (
            "starts another process tree",
            format!("unshare -Urmpf --mount-proc sh -c 'cat /proc/*/root{data}/secret'"),
        ),
    ]
}

fn reads(file: &Path) -> bool {
    fs::read(file).is_ok_and(|read| holds(&read, SECRET))
}

fn appends(file: &Path) -> bool {
    // Opened, nothing written; and cut where it ends, which changes nothing.
    let opened = OpenOptions::new().append(true).open(file).is_ok() && reads(file);
    let length = fs::metadata(file).map_or(0, |found| found.len());
    opened
        || length > 0
            && OpenOptions::new().write(true).open(file).is_ok_and(|opened| opened.set_len(length).is_ok())
}

fn adds(folder: &Path) -> bool {
    let new = folder.join("planted");
    File::create_new(&new).is_ok_and(|mut file| file.write_all(b"x").is_ok()) && fs::remove_file(&new).is_ok()
}

fn moves(path: &Path) -> bool {
    let aside = path.with_extension("aside");
    fs::rename(path, &aside).is_ok() && fs::rename(&aside, path).is_ok()
}

fn links(file: &Path, to: &Path) -> bool {
    let (hard, soft) = (to.join("hard"), to.join("soft"));
    let hard_works = fs::hard_link(file, &hard).is_ok() && reads(&hard);
    let soft_works = std::os::unix::fs::symlink(file, &soft).is_ok() && reads(&soft);
    let _ = fs::remove_file(hard);
    let _ = fs::remove_file(soft);
    hard_works || soft_works
}

fn connects(address: &SocketAddr) -> bool {
    UnixStream::connect_addr(address).is_ok()
}

fn opens_disks() -> bool {
    fs::read_dir("/dev").is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry.file_type().is_ok_and(|kind| kind.is_block_device()) && File::open(entry.path()).is_ok()
        })
    })
}

fn status_shows_rights() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("its own status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        u64::from_str_radix(line.trim(), 16).expect("a number")
    };
    ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"].iter().any(|name| field(name) != 0)
        || field("NoNewPrivs:") != 1
}

fn each_process() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn output(script: &str) -> Vec<u8> {
    let outcome = Command::new("/bin/sh").args(["-c", script]).output().expect("a shell");
    let errors = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert!(!errors.contains("unshare: not found"), "util-linux is missing: apt install util-linux");
    outcome.stdout
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn start_of(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

/// A terminal that the host's user has open somewhere.
fn terminal() -> String {
    use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    unlockpt(&terminal).expect("its own");
    let name = ptsname(&terminal, Vec::new()).expect("a name").into_string().expect("text");
    // It stays as long as the host.
    std::mem::forget(terminal);
    name
}
