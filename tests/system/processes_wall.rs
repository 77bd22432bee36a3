//! The agent is not trusted with the house: a program that runs as the agent tries to read, write and
//! end what is the host's, behind each wall that this machine can have, through the whole host. Without
//! a wall the same attempts go through: they are real.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;

use overlord_tests::host::{Host, Setup, built};

use crate::made::{Shelf, remarked};

/// Tries everything a shell can, writes down what it saw, and answers as a client does. `plan` says
/// where the house is: an attacker knows everything but the secrets.
const ATTACKER: &str = r#"#!/bin/sh
cat >/dev/null
. ./plan
{
  see() { cat "$@"; }
  see "$DATA"/* "$CONFIG" "$COMPONENTS"/*
  ls -la "$DATA" "$COMPONENTS"
  OVERLORD_DATA="$DATA" "$PROGRAM" rules status
  ln -s "$DATA/secret" soft && see soft
  ln "$DATA/secret" hard && see hard
  (cd "$DATA" && see secret)
  see "/proc/$HOST/environ" /proc/*/environ
  see "/proc/$HOST/root$DATA/secret" /proc/*/root"$DATA"/secret /proc/*/cwd"$DATA"/secret
  ls -l "/proc/$HOST/fd" "/proc/$HOST/cwd" "/proc/$HOST/exe"
  head -n 1 "/proc/$HOST/maps" && echo MEMORY-IN-SIGHT
  true >> "/proc/$HOST/mem" && echo MEMORY-IN-REACH
  unshare -Urm sh -c 'umount -l "$0"; cat "$0/secret"' "$DATA"
  unshare -Urm sh -c 'mkdir -p m; mount --rbind "$1" m; umount -l "m/$2"; cat "m/$2/secret"' x "$(dirname "$DATA")" "$(basename "$DATA")"
  unshare -Urm sh -c 'mount -t proc proc /proc; cat /proc/*/root"$0"/secret' "$DATA"
  unshare -Urmpf --mount-proc sh -c 'cat /proc/*/root"$0"/secret' "$DATA"
  for file in "$DATA/planted" "$CONFIG" "$COMPONENTS/limit-window.wasm"; do
    chmod 777 "$file"; echo spoilt >> "$file"; echo new > "$(dirname "$file")/new"
    rm -f "$file"
  done
  mv "$COMPONENTS" "$COMPONENTS.aside"
  chmod 777 "$DATA"
  [ -z "$KILL" ] || kill -9 "$HOST"
  [ -z "$KILL" ] || kill -9 "$PPID"
} > report 2>&1
printf '{"type":"result","subtype":"success","is_error":false,"result":"tried","num_turns":1,"duration_ms":1}\n'
"#;

/// What must be seen by nobody but the host, each where it lies.
const CONFIG_MARK: &str = "the-mark-in-the-configuration";
const COMPONENT_MARK: &str = "the-mark-in-a-component";
const ENVIRONMENT_MARK: &str = "the-mark-in-the-environment";

/// What `overlord rules` tells of a host that it reaches.
const RULES_MARK: &str = "serves since";

/// A host, its house, and what must not change there.
struct House {
    host: Host,
    shelf: Shelf,
    config: PathBuf,
    planted: PathBuf,
}

/// How a host with this wall is set up. The one that runs as another user needs what is that user's to
/// belong to it.
fn setup(wall: &str) -> Setup {
    let mut setup = Setup::new().with("OVERLORD_AGENT_WALL", wall);
    if wall == "user" {
        let nobody = Some(65534);
        fs::set_permissions(setup.folder(), Permissions::from_mode(0o755)).expect("opening the folder");
        for folder in [setup.workspace(), setup.home()] {
            chown(folder, nobody, nobody).expect("giving a folder away");
        }
        setup = setup.with("OVERLORD_AGENT_USER", "nobody");
    }
    setup
}

/// Whether a wall can be had here; where not, why. A host looks for its wall before its port.
pub fn missing(wall: &str) -> Option<String> {
    if wall == "user" && !rustix::process::geteuid().is_root() {
        return Some("only root can run the agent as another user".to_owned());
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let ended =
        setup(wall).with("OVERLORD_LISTEN", address).command(["serve"]).output().expect("running overlord");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    if said.contains("cannot listen on ") {
        return None;
    }
    assert!(said.contains("could not put a wall between agents and this host"), "{said}");
    Some(said)
}

impl House {
    fn new(wall: &str) -> Self {
        let (setup, shelf) = Shelf::new(setup(wall).without("OVERLORD_SECRET_KEY"));
        shelf.put("audit-jsonl", &remarked("audit-jsonl", COMPONENT_MARK));
        fs::create_dir(setup.folder().join("etc")).expect("making a folder");
        let config = setup.folder().join("etc/overlord.toml");
        fs::write(&config, format!("# {CONFIG_MARK}\n")).expect("writing a configuration");
        let program = setup.workspace().join("agent");
        fs::write(&program, ATTACKER).expect("writing a program");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("making it one");
        let setup = setup
            .with("OVERLORD_CONFIG", &config)
            .with("HOUSE_MARK", ENVIRONMENT_MARK)
            .with("OVERLORD_AGENT_COMMAND", program);
        let planted = setup.data().join("planted");
        fs::write(&planted, "planted").expect("writing a file");
        Self { host: setup.start(), shelf, config, planted }
    }

    /// Lets the attacker run, and gives back what it has seen.
    fn attacked(&self, kill: bool) -> String {
        let setup = self.host.setup();
        let plan = format!(
            "DATA='{}'\nPROGRAM='{}'\nCONFIG='{}'\nCOMPONENTS='{}'\nHOST={}\nKILL={}\n",
            setup.data().display(),
            built("target/release/overlord").display(),
            self.config.display(),
            self.shelf.folder().display(),
            self.host.pid().as_raw_nonzero(),
            if kill { "yes" } else { "" }
        );
        fs::write(setup.workspace().join("plan"), plan).expect("writing the plan");
        let alice = self.host.sign_in("alice");
        let answer = alice.ask(&alice.new_session(), "attack");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["result"], "tried");
        let report = fs::read(setup.workspace().join("report")).expect("it wrote down what it saw");
        String::from_utf8_lossy(&report).into_owned()
    }

    fn secret(&self) -> String {
        self.kept("secret")
    }

    /// What changes the rules over the control socket.
    fn token(&self) -> String {
        self.kept("control.token")
    }

    fn kept(&self, name: &str) -> String {
        let file = self.host.setup().data().join(name);
        fs::read_to_string(file).expect("the host made one").trim().to_owned()
    }
}

/// The attack behind a wall: nothing seen, nothing changed, the host alive.
fn holds(wall: &str) {
    if let Some(why) = missing(wall) {
        // The refusal is asserted; what stays untried is said.
        eprintln!("NOT TRIED HERE, the wall `{wall}`: {why}");
        return;
    }
    let house = House::new(wall);
    let (secret, token) = (house.secret(), house.token());
    let seen = house.attacked(true);
    let state = house.host.setup().data().join("state.redb").display().to_string();
    let marks = [&secret, &token, CONFIG_MARK, COMPONENT_MARK, ENVIRONMENT_MARK, &state, "planted\n"];
    for mark in marks.into_iter().chain(["MEMORY-IN", RULES_MARK]) {
        assert!(!seen.contains(mark), "{mark} was seen: {seen}");
    }
    let now = |path: &PathBuf| fs::read_to_string(path).unwrap_or_default();
    assert_eq!(now(&house.planted), "planted", "the data folder was changed");
    assert_eq!(now(&house.config), format!("# {CONFIG_MARK}\n"), "the configuration was changed");
    assert_eq!(fs::read(house.shelf.file("limit-window")).ok(), Some(crate::made::real("limit-window")));
    let folders =
        [house.host.setup().data(), house.shelf.folder().to_owned(), house.config.with_file_name("")];
    for folder in folders {
        assert!(!folder.join("new").exists(), "something was put into {}", folder.display());
    }
    let mode = fs::metadata(house.host.setup().data()).expect("it is there").permissions().mode();
    // Landlock knows nothing of chmod: what runs as the same user may open the folder to other users of
    // the machine, if not to itself. The host closes it again when it starts.
    assert!(wall == "landlock" || mode & 0o777 == 0o700, "the data folder was opened: {mode:o}");
    let alice = house.host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "once more").status, 200, "the host is not what it was");
}

#[test]
fn behind_a_namespace_nothing_of_the_house_is_there() {
    holds("namespace");
}

#[test]
fn behind_landlock_nothing_of_the_house_opens() {
    holds("landlock");
}

#[test]
fn as_another_user_nothing_of_the_house_opens() {
    holds("user");
}

#[test]
fn without_a_wall_the_same_attempts_go_through() {
    let house = House::new("none-i-trust-the-agent");
    let (secret, token) = (house.secret(), house.token());
    let seen = house.attacked(false);
    for mark in [&secret, &token, CONFIG_MARK, COMPONENT_MARK, RULES_MARK] {
        assert!(seen.contains(mark), "{mark} was not seen, so the attempt is none");
    }
    assert!(!house.planted.exists() && house.host.setup().data().join("new").exists());
    assert!(!house.config.exists());
}

#[test]
fn this_machine_has_a_wall_and_the_host_says_which() {
    let host = Setup::new().start();
    let said = host.output();
    let line = said.lines().find(|line| line.contains("wall: agents run as")).expect("it says so");
    assert!(!line.contains("NO WALL"), "{line}");
}
