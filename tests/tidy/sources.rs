//! What every Rust file of the project is held to.

use crate::checkout::{self, File};
use crate::nothing_found;

/// Where a file should have been two, and a little for the one that is just over it.
const LINES_MAX: usize = 450;

/// Where `unsafe` may stand: what each of these does cannot be done without.
const UNSAFE: [&str; 3] = [
    "components/arena/src/global.rs",     // a global allocator
    "host/overlord/src/sandbox/cache.rs", // machine code from disk
    "host/process/src/sys.rs",            // system calls that no crate offers
];

/// What is put aside is not finished, and what was only for looking is not either. Written in halves,
/// or this file would be the first to be found.
const PUT_ASIDE: [&str; 8] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("#[ign", "ore"),
];

/// How an attribute begins that switches a lint off.
const SWITCHES_OFF: [&str; 5] =
    ["#[allow(", "#![allow(", "#[expect(", "#![expect(", "#![cfg_attr(test, allow("];

#[test]
fn every_file_opens_with_what_it_is() {
    let found: Vec<_> = rust().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path).collect();
    nothing_found("a file opens with `//!`: what it owns, and what it refuses to know", &found);
}

#[test]
fn no_file_is_two() {
    let found: Vec<_> = rust()
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    nothing_found(&format!("a file has at most {LINES_MAX} lines"), &found);
}

#[test]
fn nothing_is_put_aside() {
    let found = places(|line| PUT_ASIDE.iter().any(|word| line.contains(word)));
    nothing_found("nothing is left for later, and no test is left out", &found);
}

#[test]
fn unsafe_stands_where_it_must_and_nowhere_else() {
    let word = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|part| part == concat!("un", "safe"))
    };
    let found: Vec<_> = places(word)
        .into_iter()
        .filter(|place| !UNSAFE.iter().any(|path| place.starts_with(&format!("{path}:"))))
        .collect();
    nothing_found(
        "what is not safe stands only in the files that this test names, each with its reason",
        &found,
    );
    for path in UNSAFE {
        assert!(checkout::read(path).lines().any(word), "{path} does without by now: take it off the list");
    }
}

#[test]
fn a_lint_is_switched_off_with_a_reason() {
    let mut found = Vec::new();
    for file in rust() {
        let lines: Vec<_> = file.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let start = line.trim_start();
            if !SWITCHES_OFF.iter().any(|off| start.starts_with(off)) {
                continue;
            }
            let rest = &lines[index..];
            let end = rest.iter().position(|line| line.contains(")]")).expect("an attribute ends");
            let attribute = rest[..=end].concat();
            if !attribute.contains("reason = ") && !attribute.contains("// ") {
                found.push(format!("{}:{}: {start}", file.path, index + 1));
            }
        }
    }
    nothing_found("whoever switches a lint off says why: `reason = \"…\"`, or a comment behind it", &found);
}

/// The Rust files of the project.
fn rust() -> impl Iterator<Item = File> {
    checkout::files("rs").into_iter()
}

/// `path:line: text` of each line that `wrong` finds.
fn places(wrong: impl Fn(&str) -> bool) -> Vec<String> {
    rust()
        .flat_map(|file| {
            let lines: Vec<_> = file
                .text
                .lines()
                .enumerate()
                .filter(|(_, line)| wrong(line))
                .map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim()))
                .collect();
            lines
        })
        .collect()
}
