//! The command line as a stranger meets it: help that can be read, errors in one sentence, exit codes
//! that mean something, and what the commands print of use elsewhere.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Output, Stdio};

use overlord_tests::caller::Caller;
use overlord_tests::host::{Setup, built};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::made::{Does, Shelf, broken, closed_limiter, real, with_cases};

/// Runs a command to its end.
fn run(setup: &Setup, arguments: &[&str]) -> Output {
    setup.command(arguments).stdin(Stdio::null()).output().expect("running overlord")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What a command that is done has printed.
#[track_caller]
fn printed(setup: &Setup, arguments: &[&str]) -> String {
    let ended = run(setup, arguments);
    assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {}", text(&ended.stderr));
    text(&ended.stdout)
}

/// The sentence of a command that failed: exit code 1, and one line that says so.
#[track_caller]
fn failed(setup: &Setup, arguments: &[&str]) -> String {
    let ended = run(setup, arguments);
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.starts_with("overlord: ") && said.lines().count() == 1, "{arguments:?}: {said}");
    said
}

#[test]
fn every_command_explains_itself() {
    let setup = Setup::new();
    let commands: [(&[&str], &[&str]); 16] = [
        (
            &["--help"],
            &[
                "serve",
                "check",
                "config",
                "component",
                "cookie",
                "sign-in",
                "demo-agent",
                "Exit codes: 0 done",
            ],
        ),
        (&["serve", "--help"], &["--config", "--log-level", "--log-json", "SIGTERM", "SIGHUP"]),
        (&["check", "--help"], &["without starting anything"]),
        (&["config", "--help"], &["defaults, annotated"]),
        (&["component", "--help"], &["inspect", "new", "check", "test", "keygen", "sign", "verify"]),
        (&["component", "check", "--help"], &["--slot", "--config", "--json", "Exit codes: 0 it may serve"]),
        (&["component", "test", "--help"], &["--cases", "--filter", "--junit", "--wasi", "NO_COLOR"]),
        (&["component", "keygen", "--help"], &["readable by you alone"]),
        (&["component", "sign", "--help"], &["--key", "--output", "openssl genpkey"]),
        (&["component", "verify", "--help"], &["NAME:BASE64", "signing.keys"]),
        (&["component", "inspect", "--help"], &["world, imports, exports, size, hash"]),
        (&["component", "new", "--help"], &["wasm32-unknown-unknown", "--output", "--cases"]),
        (&["cookie", "--help"], &["curl -b", "--role"]),
        (
            &["rules", "--help"],
            &["shadow", "canary", "promote", "rollback", "quarantine", "--json", "socket"],
        ),
        (&["rules", "load", "--help"], &["--slot", "--entry", "<FILE>"]),
        (&["sign-in", "--help"], &["once", "within the hour", "--role"]),
    ];
    for (arguments, words) in commands {
        let help = printed(&setup, arguments);
        for word in words {
            assert!(help.contains(word), "{arguments:?} does not speak of {word}: {help}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{arguments:?}: {help}");
    }
    assert_eq!(printed(&setup, &["--version"]), format!("overlord {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_is_not_understood_is_exit_code_two_and_a_hint() {
    let setup = Setup::new();
    for (arguments, words) in [
        (&["frobnicate"][..], "unrecognized subcommand 'frobnicate'"),
        (&["serv"], "serve"),
        (&["serve", "--prot", "8"], "unexpected argument '--prot'"),
        (&["serve", "--log-level", "loud"], "possible values: error, warn, info, debug, trace"),
        (&["cookie"], "<USER>"),
        (&["component", "new", "core.wasm"], "--output"),
        (&["rules", "canary"], "<PERCENT>"),
        (&["rules", "canary", "many"], "invalid float"),
        (&["rules", "load", "x.wasm"], "--slot"),
        (&["rules", "load", "x.wasm", "--slot", "nowhere"], "auth, limit, history, audit, agent"),
        (&["rules", "rollback", "first"], "invalid digit"),
        (&[], "Usage: overlord <COMMAND>"),
    ] {
        let ended = run(&setup, arguments);
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words) && ended.stdout.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn output_that_nobody_takes_is_no_panic() {
    let setup = Setup::new();
    let component = built("target/components/limit-window.wasm").display().to_string();
    for arguments in
        [&["config"][..], &["check"], &["cookie", "alice"], &["component", "inspect", &component]]
    {
        // A full disk is told of; a reader that has seen enough is not.
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let ended = setup.command(arguments).stdout(full).output().expect("running overlord");
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.starts_with("overlord: cannot write to standard output: ") && said.lines().count() == 1,
            "{said}"
        );

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = setup.command(arguments).stdout(writer).output().expect("running overlord");
        assert_eq!((ended.status.code(), text(&ended.stderr)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn check_says_of_each_slot_what_would_serve() {
    let setup = Setup::new();
    let there = || fs::read_dir(setup.data()).expect("it is there").count();
    let before = there();
    let said = printed(&setup, &["check"]);
    assert!(said.starts_with("configuration  defaults and environment  good\n"), "{said}");
    for (slot, name) in [
        ("auth", "auth-cookie"),
        ("limit", "limit-window"),
        ("history", "history-claude"),
        ("audit", "audit-jsonl"),
        ("agent", "agent-claude"),
    ] {
        let line =
            said.lines().find(|line| line.starts_with(&format!("{slot:<14} {name}@"))).unwrap_or_default();
        assert!(line.ends_with(" cases hold") && line.contains("  good, "), "{slot}: {said}");
    }
    assert_eq!(there(), before, "a check leaves nothing behind");
}

#[test]
fn check_finds_every_bad_component_and_says_what_is_wrong_with_it() {
    let (setup, shelf) = Shelf::new(Setup::new());
    shelf.put("limit-window", &broken("limit-policy", Does::TrapAtStart));
    shelf.put("audit-jsonl", &real("limit-window"));
    shelf.put("agent-claude", &with_cases(broken("agent-adapter", Does::Trap), "[[case]]\nname = 1\n"));
    fs::remove_file(shelf.file("history-claude")).expect("removing a component");
    let ended = run(&setup, &["check"]);
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stdout);
    for (slot, words) in [
        ("auth", "  good, "),
        ("limit", "BAD: "),
        ("history", "BAD: cannot read "),
        ("audit", "it does not export `overlord:policy/audit@0.1.0`"),
        ("agent", "its cases cannot be read"),
    ] {
        let line = said.lines().find(|line| line.starts_with(slot)).unwrap_or_default();
        assert!(line.contains(words), "{slot}: {said}");
    }
    assert_eq!(text(&ended.stderr), "overlord: 4 of 5 components may not serve\n");
}

#[test]
fn a_component_is_shown_as_what_it_is() {
    let setup = Setup::new();
    let file = built("target/components/agent-claude.wasm").display().to_string();
    let said = printed(&setup, &["component", "inspect", &file]);
    let size = fs::metadata(&file).expect("run `make build` first").len();
    for line in [
        &format!("file     {file}"),
        &format!("size     {size} bytes"),
        "world    agent-adapter (slot agent)",
        "imports  overlord:policy/process@0.1.0",
        "         overlord:policy/progress@0.1.0",
        "exports  overlord:policy/agent@0.1.0",
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is missing: {said}");
    }
    let hash = said.lines().find_map(|line| line.strip_prefix("sha256   ")).expect("a hash");
    assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");
}

#[test]
fn what_is_no_component_is_said_in_a_sentence() {
    let setup = Setup::new();
    let place = |name: &str, bytes: &[u8]| {
        let file = setup.folder().join(name);
        fs::write(&file, bytes).expect("writing a file");
        file.display().to_string()
    };
    let (module, letter, huge) = (
        place("core.wasm", b"\0asm\x01\0\0\0"),
        place("letter.wasm", b"Dear sir,\n"),
        place("huge.wasm", b""),
    );
    File::options()
        .write(true)
        .open(&huge)
        .and_then(|file| file.set_len(100 << 20))
        .expect("room for nothing");
    let half = place("half.wasm", &real("limit-window")[..9000]);
    for (file, words) in [
        (&module, "this is a core module, not a component; `overlord component new"),
        (&letter, "this is no WebAssembly"),
        (&huge, "has 104857600 bytes; a component may have 67108864"),
        (&half, "it is damaged"),
        (&"/no/such/file.wasm".to_owned(), "cannot read /no/such/file.wasm"),
    ] {
        let said = failed(&setup, &["component", "inspect", file]);
        assert!(said.contains(words) && said.contains(file.as_str()), "{said}");
    }
}

#[test]
fn a_module_becomes_a_component_only_where_it_can() {
    let setup = Setup::new();
    let (module, component) = (setup.folder().join("core.wasm"), setup.folder().join("made.wasm"));
    fs::write(&module, b"\0asm\x01\0\0\0").expect("writing a module");
    let (module, out) = (module.display().to_string(), component.display().to_string());
    let said = printed(&setup, &["component", "new", &module, "-o", &out]);
    assert_eq!(said, format!("{out} (1 KiB)\n"));
    assert!(printed(&setup, &["component", "inspect", &out]).contains("world    none of Overlord's"));
    let again = printed(&setup, &["component", "new", &module, "-o", &out]);
    assert_eq!(again, format!("{out} is up to date\n"));

    // The cases of a folder go with it, in the order of their names.
    let cases = setup.folder().join("cases");
    fs::create_dir(&cases).expect("making a folder");
    let case = |name: &str| format!("[[case]]\nname = \"{name}\"\ncall = \"x()\"\nexpect = \"1\"\n");
    fs::write(cases.join("a.toml"), case("one")).expect("writing a case");
    fs::write(cases.join("b.toml"), case("two")).expect("writing a case");
    fs::write(cases.join("notes.md"), "not a case").expect("writing a file");
    let folder = cases.display().to_string();
    printed(&setup, &["component", "new", &module, "-o", &out, "--cases", &folder]);
    assert!(printed(&setup, &["component", "inspect", &out]).contains("cases    2\n"));

    fs::write(cases.join("c.toml"), "this is = = no TOML").expect("writing a case");
    let ended = run(&setup, &["component", "new", &module, "-o", &out, "--cases", &folder]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains("c.toml is no TOML"), "{}", text(&ended.stderr));
    let already = failed(&setup, &["component", "new", &out, "-o", &out]);
    assert!(already.contains("this is a component already; use it as it is"), "{already}");
    let nowhere = failed(&setup, &["component", "new", &module, "-o", "/no/such/folder/made.wasm"]);
    assert!(nowhere.contains("cannot write /no/such/folder/made.wasm"), "{nowhere}");
}

#[test]
fn a_cookie_signs_its_user_in_with_their_roles() {
    let host = Setup::new().with("OVERLORD_SESSIONS_UNOWNED", "admin").start();
    let (alice, root) = (host.sign_in("alice"), host.sign_in_as("root", &["auditor", "admin"]));
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    assert_eq!(host.audited("ask_ok", &session)["user"], "alice");
    // What is hidden from others is not hidden from an admin.
    assert!(host.sign_in("bob").history(&session).is_empty());
    assert_eq!(root.history(&session).len(), 2);
    let name = alice.cookie().and_then(|cookie| cookie.split_once('=')).expect("NAME=VALUE").0;
    assert_eq!(name, "overlord_session");

    // The same user signs in with a secret that the host made itself, as long as it is the same folder.
    let other = Setup::new().without("OVERLORD_SECRET_KEY").start();
    other.sign_in("alice").new_session();
    let stranger = Caller::new(other.address(), alice.cookie().map(str::to_owned));
    assert_eq!(stranger.send("POST", "/agent/sessions/new", &[], None).status, 401);
}

#[test]
fn a_cookie_for_nobody_is_refused_in_a_sentence() {
    let setup = Setup::new();
    for user in ["", "a\nb", &"x".repeat(300)] {
        let said = failed(&setup, &["cookie", user]);
        assert!(said.contains("the user's name is not text of 1 to 256 characters"), "{said}");
    }
    let (setup, shelf) = Shelf::new(Setup::new());
    shelf.put("auth-cookie", &closed_limiter("no auth at all"));
    assert!(failed(&setup, &["cookie", "alice"]).contains("auth-cookie.wasm"));
}

#[test]
fn the_demo_agent_speaks_the_clients_command_line() {
    let setup = Setup::new();
    let said = printed(&setup, &["demo-agent", "-p", "demo:fast hello"]);
    assert!(said.contains("demo") && said.contains("hello"), "{said}");
    assert!(printed(&setup, &["demo-agent", "--version"]).contains("Overlord's demo agent"));
    let ended = run(&setup, &["demo-agent", "-p", "--resume", "3b241101-e2bb-4255-8caf-4136c566a962", "x"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains("No conversation found with session ID"), "{}", text(&ended.stderr));
}

#[test]
fn the_lines_to_copy_after_the_start_work() {
    let setup = Setup::new();
    let mut serve = setup.command(["serve", "--hello", "alice"]);
    let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("running overlord");
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    while !said.contains("Ctrl-C stops it.") {
        assert!(lines.read_line(&mut said).expect("text") > 0, "it broke off: {said}");
    }
    let between = |start: &str, end: &str| {
        let rest = said.split_once(start).unwrap_or_else(|| panic!("{start} is missing: {said}")).1;
        rest.split_once(end).unwrap_or_else(|| panic!("{end} is missing: {said}")).0.to_owned()
    };
    let address = between("Overlord serves http://", "\n").parse().expect("an address");
    let alice = Caller::new(address, Some(between("-b '", "'")));
    let token = between(&format!("\n  Open http://{address}/#token="), "\n");
    let login = |token: &str| Caller::new(address, None).post("/login", &json!({ "token": token })).status;
    assert_eq!((login(&token), login(&token)), (204, 401), "the address signs in once");
    let body = between("-d '", "'");
    let answer =
        alice.send("POST", "/agent/ask", &[("content-type", "application/json")], Some(body.as_bytes()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = between("/agent/sessions/", "/history");
    assert_eq!(alice.history(&session).len(), 2);
    assert!(
        said.contains("agent      the built-in demo agent, as configured; no model is behind it"),
        "{said}"
    );

    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_options_of_the_log_outrank_the_configuration() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let setup = Setup::new().with("OVERLORD_LISTEN", address).with("OVERLORD_LOG_LEVEL", "trace");
    let said = text(&run(&setup, &["serve", "--log-json", "--log-level", "info"]).stderr);
    let (last, lines) = {
        let mut lines: Vec<_> = said.lines().collect();
        (lines.pop().expect("a sentence"), lines)
    };
    assert!(last.starts_with("overlord: cannot listen on "), "{said}");
    assert!(lines.len() > 1 && !said.contains("\"DEBUG\""), "{said}");
    for line in lines {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(line["message"].is_string(), "{line}");
    }
    let said = failed(&setup, &["serve", "--log-level", "error"]);
    assert!(said.contains("something else listens there"), "{said}");
}

#[test]
fn every_line_of_a_log_in_json_is_json() {
    let host = Setup::new().with("OVERLORD_LOG_FORMAT", "json").with("OVERLORD_LOG_LEVEL", "debug").start();
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast demo:fail \"quotes\" \u{1b}[31m").status, 502);
    let output = host.output();
    let lines: Vec<_> = output.lines().filter(|line| !line.starts_with("http://")).collect();
    assert!(lines.len() > 4, "{output}");
    for line in lines {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(
            line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
}
