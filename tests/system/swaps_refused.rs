//! Components that may not serve: whatever is put into the folder, what served goes on serving, and
//! the log says once, in one line, what is wrong.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use overlord_tests::host::{Host, Setup, wait_until};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Signal, kill_process};

use crate::made::{
    self, Does, Shelf, broken, broken_at_once, closed_limiter, faulting_limiter, generation, generations,
    logged, real, remarked, with_cases,
};

/// A case that does not hold of a limiter that admits nobody.
const FAILING_CASE: &str = r#"[[case]]
name = "somebody may ask"
call = 'admit([], {caller: {user: "alice", roles: []}, now: 1000, running: 0, waiting: 0, facts: []}, [])'
expect = 'ok({verdict: admit, cell: none})'
"#;

fn house() -> (Host, Shelf) {
    let (setup, shelf) = Shelf::new(Setup::new());
    (setup.start(), shelf)
}

/// Does something bad to the limiter's file and asserts what becomes of it: one line with these words,
/// and a host that answers as before. The next good component is taken.
#[track_caller]
fn refused(bad: impl FnOnce(&Shelf, &Path), words: &[&str]) {
    let (host, shelf) = house();
    let file = shelf.file("limit-window");
    bad(&shelf, &file);
    let complaint = logged(&host, &[words, &["limit-window.wasm", "generation 1 serves on"]].concat());

    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
    // It was looked at once: others that come later are taken, and it is not spoken of again.
    for number in 2..5 {
        shelf.put("audit-jsonl", &remarked("audit-jsonl", &number.to_string()));
        generation(&host, number);
    }
    assert!(!host.output().contains("\u{1b}["), "what a component says reaches a terminal");
    let again = complaints(&host);
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(again[0].ends_with(complaint.rsplit_once("serves on").expect("it is there").1), "{again:?}");

    // Nor when the configuration is read again: what it names is the same.
    let read = || host.output().matches("the configuration was read again").count();
    let before = read();
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    wait_until("the configuration to be read again", || (read() > before).then_some(()));
    assert_eq!(complaints(&host).len(), 1, "{:?}", complaints(&host));
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);

    if file.is_dir() {
        fs::remove_dir(&file).expect("making room");
    }
    shelf.put("limit-window", &remarked("limit-window", "mended"));
    generation(&host, 5);
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
}

/// The lines about components that are not as they should be. The one about missing cases is none.
fn complaints(host: &Host) -> Vec<String> {
    let output = host.output();
    output.lines().filter(|line| line.contains("serves on")).map(str::to_owned).collect()
}

#[test]
fn half_a_component() {
    let bytes = real("limit-window");
    refused(|shelf, _| shelf.put("limit-window", &bytes[..bytes.len() / 2]), &["it is damaged: "]);
}

#[test]
fn an_empty_file() {
    refused(|shelf, _| shelf.put("limit-window", b""), &["this is no WebAssembly"]);
}

#[test]
fn a_file_that_is_something_else() {
    refused(|shelf, _| shelf.put("limit-window", b"#!/bin/sh\necho hello\n"), &["this is no WebAssembly"]);
}

#[test]
fn a_core_module() {
    let words = ["this is a core module, not a component", "overlord component new"];
    refused(|shelf, _| shelf.put("limit-window", b"\0asm\x01\0\0\0"), &words);
}

#[test]
fn a_component_of_another_world() {
    let words = [
        "it does not export `overlord:policy/limiter@0.1.0`",
        "the world `limit-policy` of the slot `limit` asks for",
        "it exports `overlord:policy/audit@0.1.0`",
    ];
    refused(|shelf, _| shelf.put("limit-window", &real("audit-jsonl")), &words);
}

#[test]
fn a_component_that_wants_what_its_slot_does_not_grant() {
    let words =
        ["it imports `overlord:policy/files@0.1.0`", "does not grant (granted: `overlord:policy/types`)"];
    refused(|shelf, _| shelf.put("limit-window", &real("history-claude")), &words);
}

#[test]
fn a_component_that_wants_wasi() {
    let words =
        ["it imports `wasi:cli/environment@0.2.6`", "build it without WASI, or set `wasi = \"empty\"`"];
    refused(|shelf, _| shelf.put("limit-window", &made::wants_wasi()), &words);
}

#[test]
fn a_component_that_traps_at_its_start() {
    let bytes = broken("limit-policy", Does::TrapAtStart);
    let words = ["it cannot be started: ", "unreachable", "falls_over"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_component_that_loops_at_its_start() {
    let bytes = broken("limit-policy", Does::LoopAtStart);
    let words = ["it cannot be started: ", "it computed for longer than 1s and was stopped"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_component_that_eats_memory_at_its_start() {
    let bytes = broken("limit-policy", Does::EatAtStart);
    let words = ["it cannot be started: ", "64 MiB of memory"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_component_that_breaks_on_every_question() {
    for (does, words) in [
        (Does::Trap, "unreachable"),
        (Does::Loop, "it computed for longer than 1s and was stopped"),
        (Does::Eat, "64 MiB of memory"),
    ] {
        let bytes = broken_at_once("limit-policy", does);
        let words = ["it breaks when it is asked something harmless: ", words, "falls_over"];
        refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
    }
}

#[test]
fn a_component_that_breaks_in_a_case_of_its_own() {
    let bytes = with_cases(broken("limit-policy", Does::Loop), FAILING_CASE);
    let words = ["its case \"somebody may ask\" breaks: ", "it computed for longer than 1s"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_component_whose_interface_has_another_type() {
    let mut bytes = real("limit-window");
    let (from, to) = (b"retry-after-s", b"retry-after-x");
    let places: Vec<_> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "a field's name is in the component's types");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    let words = ["it does not fit the world `limit-policy`: ", "retry-after"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_component_whose_own_case_does_not_hold() {
    let bytes = with_cases(closed_limiter("closed"), FAILING_CASE);
    let words = ["its case \"somebody may ask\" does not hold: expected ", "admit", "found ", "refuse"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_component_whose_cases_cannot_be_read() {
    let bytes = with_cases(closed_limiter("closed"), "case = 7");
    refused(|shelf, _| shelf.put("limit-window", &bytes), &["its cases cannot be read: "]);
}

#[test]
fn a_component_whose_cases_pretend_to_be_lines_of_the_log() {
    let case = FAILING_CASE.replace("somebody may ask", "somebody\\nmay\\u001b[31m ask");
    let bytes = with_cases(closed_limiter("closed"), &case);
    refused(|shelf, _| shelf.put("limit-window", &bytes), &["its case \"somebody", "may", "does not hold"]);
}

#[test]
fn a_component_that_does_not_take_its_settings() {
    let bytes = faulting_limiter("these settings\nare \u{1b}[31mnone");
    let words = ["it does not take the settings of the slot `limit`: these settings", "none"];
    refused(|shelf, _| shelf.put("limit-window", &bytes), &words);
}

#[test]
fn a_file_of_a_hundred_megabytes() {
    let huge = |shelf: &Shelf, file: &Path| {
        let beside = shelf.folder().join("huge");
        let new = File::create(&beside).expect("making a file");
        new.set_len(100 << 20).expect("room for a file with nothing in it");
        fs::rename(beside, file).expect("moving it into its place");
    };
    refused(huge, &["cannot read ", "a component may have 67108864 bytes"]);
}

#[test]
fn a_file_that_is_taken_away() {
    refused(
        |_, file| fs::remove_file(file).expect("removing a component"),
        &["cannot read ", "No such file"],
    );
}

#[test]
fn a_folder_in_the_place_of_a_file() {
    let folder = |_: &Shelf, file: &Path| {
        fs::remove_file(file).expect("removing a component");
        fs::create_dir(file).expect("making a folder");
    };
    refused(folder, &["cannot read ", "directory"]);
}

#[test]
fn a_pipe_in_the_place_of_a_file() {
    let pipe = |_: &Shelf, file: &Path| {
        fs::remove_file(file).expect("removing a component");
        mknodat(CWD, file, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("making a pipe");
    };
    refused(pipe, &["cannot read ", "it is a pipe, socket or device, and no file"]);
}

#[test]
fn a_link_that_leads_nowhere() {
    let link = |shelf: &Shelf, file: &Path| {
        let beside = shelf.folder().join("beside");
        symlink("/nowhere/at/all.wasm", &beside).expect("making a link");
        fs::rename(beside, file).expect("moving it into its place");
    };
    refused(link, &["cannot read ", "No such file"]);
}

#[test]
fn what_is_replaced_again_and_again_ends_with_the_last_one() {
    let (host, shelf) = house();
    let bad = real("limit-window");
    for number in 0..40 {
        shelf.put("limit-window", &remarked("limit-window", &format!("try {number}")));
        shelf.put("limit-window", &bad[..bad.len() - 1 - number]);
    }
    let last = remarked("limit-window", "the last one");
    shelf.put("limit-window", &last);
    let digest = made::digest(host.setup(), &last);
    logged(&host, &[" generation ", &format!("limit=limit-window@{digest}")]);
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
}

/// Nobody renames it into its place: it is written over what serves, a piece at a time, and read meanwhile.
#[test]
fn what_is_written_over_while_it_is_read_changes_nothing_until_it_is_whole() {
    let (host, shelf) = house();
    let alice = host.sign_in("alice");
    let mut last = Vec::new();
    for number in 0..4 {
        last = remarked("limit-window", &format!("a piece at a time, {number}"));
        let mut file = File::create(shelf.file("limit-window")).expect("opening it where it lies");
        for piece in last.chunks(last.len() / 8 + 1) {
            file.write_all(piece).expect("writing a piece");
            assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
        }
    }
    let digest = made::digest(host.setup(), &last);
    logged(&host, &[" generation ", &format!("limit=limit-window@{digest}")]);
    // What it was in between was either not looked at or not whole.
    let said = complaints(&host);
    assert!(said.iter().all(|line| line.contains("limit-window.wasm")), "{said:?}");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
}

#[test]
fn a_start_with_a_bad_file_is_served_by_the_last_good_one_and_says_so_loudly() {
    let (host, shelf) = house();
    let good = made::digest(host.setup(), &real("limit-window"));
    let (status, setup) = host.stop();
    assert!(status.success(), "{status}");
    shelf.put("limit-window", b"rubbish");
    fs::remove_file(shelf.file("audit-jsonl")).expect("removing a component");

    let host = setup.start();
    let line = generation(&host, 1);
    assert!(line.contains(&format!("limit=limit-window@{good}")), "{line}");
    for name in ["limit-window", "audit-jsonl"] {
        let line = logged(&host, &["THE LAST GOOD COPY SERVES INSTEAD", &format!("{name}.wasm")]);
        assert!(line.contains("ERROR"), "{line}");
    }
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    host.audited("ask_ok", &session);

    // It is not tried again until it changes, and then it counts.
    shelf.put("limit-window", &closed_limiter("mended, and closed"));
    generation(&host, 2);
    assert_eq!(generations(&host), 2);
    assert_eq!(complaints(&host).len(), 0, "{:?}", complaints(&host));
    let answer = alice.ask(&session, "hello");
    assert_eq!((answer.status, answer.text().contains("mended, and closed")), (429, true));
}

#[test]
fn a_first_start_with_bad_files_stops_and_lists_them() {
    let (setup, shelf) = Shelf::new(Setup::new());
    shelf.put("limit-window", b"rubbish");
    shelf.put("auth-cookie", &real("audit-jsonl"));
    fs::remove_file(shelf.file("agent-claude")).expect("removing a component");
    let ended = setup.command(["serve"]).output().expect("running overlord");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).expect("text");
    for words in [
        "cannot start, since not every slot has a component that may serve:",
        "\n  auth: ",
        "it does not export `overlord:policy/auth@0.1.0`",
        "\n  limit: ",
        "this is no WebAssembly",
        "\n  agent: cannot read ",
        "`make components` builds those that belong to Overlord",
    ] {
        assert!(said.contains(words), "{words} is missing: {said}");
    }
    assert!(
        !said.contains("\n  audit: ") && !said.contains("\n  history: ") && !said.contains("panicked"),
        "{said}"
    );
}
