//! The control socket and `overlord rules`: who may speak there, what is said where nobody listens, and
//! that a host which died leaves nothing in the way.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use overlord_tests::host::{Host, PATIENCE, Setup};
use serde_json::Value;

fn rules(setup: &Setup, arguments: &[&str]) -> Output {
    let mut command = setup.command(["rules"]);
    command.args(arguments).stdin(Stdio::null()).output().expect("running overlord")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[track_caller]
fn printed(setup: &Setup, arguments: &[&str]) -> String {
    let ended = rules(setup, arguments);
    assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {}", text(&ended.stderr));
    text(&ended.stdout)
}

#[track_caller]
fn failed(setup: &Setup, arguments: &[&str]) -> String {
    let ended = rules(setup, arguments);
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.starts_with("overlord: ") && said.lines().count() == 1, "{arguments:?}: {said}");
    said
}

fn socket(setup: &Setup) -> PathBuf {
    setup.data().join("control.sock")
}

fn token(setup: &Setup) -> String {
    fs::read_to_string(setup.data().join("control.token")).expect("there is one while a host runs")
}

/// The answer to a request over the socket.
fn raw(host: &Host, head: &str) -> String {
    let mut stream = UnixStream::connect(socket(host.setup())).expect("reaching the host");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_socket_asks_for_the_token_and_knows_only_what_is_for_administrators() {
    let host = Setup::new().start();
    let token = token(host.setup());
    let ask = |path: &str, lines: &str| raw(&host, &format!("GET {path} HTTP/1.1\r\nHost: x{lines}"));
    let good = format!("\r\nAuthorization: Bearer {token}");
    for scheme in ["Bearer", "bearer"] {
        let lines = format!("\r\nAuthorization: {scheme} {token}");
        assert!(ask("/admin/api/rules", &lines).starts_with("HTTP/1.1 200"), "{scheme}");
    }
    let cookie = host.sign_in_as("alice", &["admin"]).cookie().expect("she has one").to_owned();
    for lines in [
        String::new(),
        "\r\nAuthorization: Bearer ".to_owned(),
        format!("\r\nAuthorization: Bearer {}", &token[1..]),
        format!("\r\nAuthorization: Bearer {token}x"),
        format!("\r\nAuthorization: Basic {token}"),
        format!("\r\nAuthorization: {token}"),
        format!("{good}{good}"),
        format!("\r\nCookie: {cookie}"),
    ] {
        for path in ["/admin/api/rules", "/", "/nothing"] {
            let answer = ask(path, &lines);
            assert!(answer.starts_with("HTTP/1.1 401"), "{path} {lines:?}: {answer}");
            assert!(!answer.contains(&token), "{answer}");
        }
    }
    for path in [
        "/",
        "/agent/me",
        "/agent/me/",
        "/agent/health",
        "/admin",
        "/login",
        "/assets/admin.js",
        "/admin/api",
    ] {
        assert!(ask(path, &good).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(!host.output().contains(&token), "the log has the token");
    let over_tcp =
        host.anyone().send("GET", "/admin/api/rules", &[("authorization", &format!("Bearer {token}"))], None);
    assert_eq!(over_tcp.status, 401, "the token is good for the socket alone");
}

#[test]
fn nobody_else_can_open_the_files_and_they_go_with_the_host() {
    let host = Setup::new().start();
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let (one, other) = (socket(host.setup()), host.setup().data().join("control.token"));
    assert_eq!((mode(one.clone()), mode(other.clone()), mode(host.setup().data())), (0o600, 0o600, 0o700));
    let (status, setup) = host.stop();
    assert!(status.success() && !one.exists() && !other.exists());
    let said = failed(&setup, &[]);
    assert!(
        said.contains("cannot show the rules: no host runs with the data folder")
            && said.contains("overlord serve"),
        "{said}"
    );
}

#[test]
fn what_a_killed_host_leaves_is_replaced() {
    let host = Setup::new().start();
    let old = token(host.setup());
    let setup = host.kill();
    assert!(socket(&setup).exists(), "it had no time to take it away");
    assert!(failed(&setup, &["promote"]).contains("cannot promote the candidate: no host runs"));
    let host = setup.start();
    assert_ne!(token(host.setup()), old);
    assert!(printed(host.setup(), &["status"]).contains("serves since"));
}

#[test]
fn what_is_in_the_sockets_place_is_left_alone_and_the_host_serves() {
    let setup = Setup::new();
    fs::write(socket(&setup), "mine").expect("written");
    let host = setup.start();
    assert!(host.output().contains("`overlord rules` cannot reach this host"), "{}", host.output());
    assert_eq!(fs::read(socket(host.setup())).expect("there"), b"mine");
    assert_eq!(host.anyone().get("/agent/health").status, 200);
}

#[test]
fn a_data_folder_with_a_long_path_has_a_socket_too() {
    let setup = Setup::new();
    let data = setup.folder().join("x".repeat(100)).join("y".repeat(100));
    let host = setup.with("OVERLORD_DATA", &data).start();
    assert!(data.join("control.sock").exists());
    assert!(printed(host.setup(), &[]).contains("generation "));
}

#[test]
fn the_rules_are_shown_to_people_and_to_programs() {
    let host = Setup::new().start();
    let shown = printed(host.setup(), &[]);
    let json: Value = serde_json::from_str(&printed(host.setup(), &["--json"])).expect("JSON");
    assert_eq!(
        json,
        serde_json::from_str::<Value>(&printed(host.setup(), &["status", "--json"])).expect("JSON")
    );
    for entry in json["serving"]["entries"].as_array().expect("a list") {
        let digest = entry["digest"].as_str().expect("text");
        let slot = entry["slot"].as_str().expect("text");
        let line = shown.lines().find(|line| line.trim_start().starts_with(slot)).unwrap_or_default();
        assert!(line.contains(&digest[..12]) && line.ends_with(" ago"), "{slot}: {shown}");
    }
    for part in ["no candidate\n", "no previous generation\n", "nothing is in quarantine"] {
        assert!(shown.contains(part), "{part:?}: {shown}");
    }
}

#[test]
fn what_the_host_refuses_is_one_line_that_says_what_was_wanted() {
    let host = Setup::new().start();
    let setup = host.setup();
    for (arguments, words) in [
        (&["shadow"][..], "cannot compare the candidate: "),
        (&["canary", "5"], "cannot let the candidate serve 5 % of the callers: "),
        (&["canary", "0"], "more than 0 percent"),
        (&["promote"], "cannot promote the candidate: "),
        (&["abort"], "cannot let go of the candidate: "),
        (&["rollback"], "cannot go back to the last generation: "),
        (&["rollback", "99"], "cannot go back to generation 99: "),
        (&["quarantine", "abc"], "give at least its first 6"),
        (&["quarantine", "abcdef012345"], "knows no digest that begins so"),
        (&["release", &"0".repeat(64)], "cannot release 0000"),
        (&["load", "/nowhere.wasm", "--slot", "limit"], "cannot load /nowhere.wasm for limit: "),
        (&["load", "/dev/null", "--slot", "limit"], "cannot load /dev/null for limit: "),
        (&["load", "/dev/zero", "--slot", "limit"], "larger than a component may be"),
        (&["load", "/dev/null", "--slot", "limit", "--entry", "a b"], "lower-case letters"),
    ] {
        let said = failed(setup, arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

/// As another user of the machine, to whom somebody has opened the folder.
#[test]
fn another_user_is_turned_away_whatever_they_can_read() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT TRIED HERE: to be another user, the tests must run as root");
        return;
    }
    let host = Setup::new().start();
    let data = host.setup().data();
    let open = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    open(host.setup().folder().to_owned(), 0o755);
    open(data.clone(), 0o755);
    open(data.join("control.sock"), 0o666);
    open(data.join("control.token"), 0o644);
    // A program that everybody may run, whatever lies above the built one.
    let program = host.setup().folder().join("overlord");
    fs::copy(host.setup().command(["rules"]).get_program(), &program).expect("copied");
    open(program.clone(), 0o755);
    let ended = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(program)
        .args(["rules"])
        .env("OVERLORD_DATA", &data)
        .env("HOME", "/")
        .output()
        .expect("util-linux has setpriv");
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("Only the user that the host runs as, and root"), "{said}");
}
