//! Which room of the host may know which: the invariants of ARCHITECTURE.md, stated as absences.

use crate::checkout::{self, File};
use crate::nothing_found;

/// The host's own code.
const HOST: &str = "host/overlord/src/";

/// The rooms from the street to the cellar; those on one floor may know each other. Whoever opens a
/// new one has to say where it lies.
const FLOORS: [&[&str]; 8] = [
    &["main", "lib", "cli"],
    &["host"],
    &["server"],
    &["pipeline"],
    &["stages"],
    &["generation", "runs", "replay"],
    &["sandbox", "capability", "config", "homes", "traces"],
    &["domain"],
];

/// Which crates only some rooms may name.
const CRATES: [(&[&str], &[&str]); 8] = [
    (&["axum", "tower"], &["server"]),
    (&["hyper", "hyper_util", "http_body_util"], &["server", "traces"]),
    (&["opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp"], &["traces"]),
    (&["wasmtime", "wasmtime_wasi"], &["sandbox", "capability"]),
    (&["wit_component", "wasmparser", "wasm_encoder"], &["sandbox"]),
    (&["redb"], &["capability"]),
    (&["notify"], &["generation"]),
    (&["clap"], &["cli"]),
];

/// Who may ask the operating system: one room, what happens before anything runs, and five files that
/// each keep a folder of their own.
const ASK_THE_SYSTEM: [&str; 10] = [
    "capability/mod.rs",
    "cli/mod.rs",
    "config/mod.rs",
    "host/mod.rs",
    "main.rs",
    "generation/candidate.rs", // the components
    "generation/kept.rs",      // the host's own copies of them
    "generation/watch.rs",     // whether one of them has changed
    "homes.rs",                // users' homes
    "sandbox/cache.rs",        // compiled code
];

#[test]
fn no_room_knows_one_above_it() {
    let found: Vec<_> = rooms()
        .flat_map(|(room, file)| {
            let own = floor(&room);
            let known = known(&file.text);
            known
                .into_iter()
                .filter(|other| floor(other) < own)
                .map(|other| format!("{} knows {other}", file.path))
                .collect::<Vec<_>>()
        })
        .collect();
    nothing_found("a room of the host knows only its own floor and those below", &found);
}

#[test]
fn the_domain_knows_nobody() {
    let found: Vec<_> = rooms()
        .filter(|(room, _)| room == "domain")
        .flat_map(|(_, file)| known(&file.text).into_iter().filter(|other| other != "domain"))
        .collect();
    nothing_found("`domain` is what everybody knows and knows nobody", &found);
}

#[test]
fn a_foreign_crate_is_named_only_in_its_room() {
    let mut found = Vec::new();
    for (room, file) in rooms() {
        for (crates, allowed) in CRATES {
            for name in
                crates.iter().filter(|name| names(&file.text, name) && !allowed.contains(&room.as_str()))
            {
                found.push(format!("{} names {name}, which is for {}", file.path, allowed.join(" and ")));
            }
        }
    }
    nothing_found("a crate that shapes a room is named only there", &found);
}

#[test]
fn the_operating_system_is_asked_in_few_places() {
    // Clippy refuses the calls wherever this is not written; here is the list of where it may be.
    let lint = concat!("clippy::dis", "allowed_methods");
    let off = |line: &str| line.contains(lint) && !line.contains("cfg_attr(test");
    let found: Vec<_> = rooms()
        .filter(|(_, file)| file.text.lines().any(off))
        .map(|(_, file)| file.path)
        .filter(|path| !ASK_THE_SYSTEM.contains(&path.trim_start_matches(HOST)))
        .collect();
    nothing_found("only these ask the operating system: ASK_THE_SYSTEM in tests/tidy/rooms.rs", &found);
}

#[test]
fn only_guests_name_the_contract() {
    let found: Vec<_> = checkout::files("rs")
        .into_iter()
        .filter(|file| file.path.starts_with("components/") && !file.path.ends_with("/src/guest.rs"))
        .filter(|file| names(&file.text, "wit_bindgen") || file.text.contains("exports::overlord"))
        .map(|file| file.path)
        .collect();
    nothing_found("the generated types of the contract stop at a component's guest.rs", &found);
}

/// The files of the host, each with the name of its room.
fn rooms() -> impl Iterator<Item = (String, File)> {
    checkout::files("rs").into_iter().filter_map(|file| {
        let below = file.path.strip_prefix(HOST)?;
        let room = below.split('/').next()?.trim_end_matches(".rs").to_owned();
        Some((room, file))
    })
}

/// How far down a room lies.
#[track_caller]
fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|floor| floor.contains(&room))
        .unwrap_or_else(|| panic!("the room `{room}` lies on no floor: put it into FLOORS of {}", file!()))
}

/// The rooms that `text` names by `crate::ROOM` or `crate::{ROOM::…, …}`.
fn known(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for rest in code(text).split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_usize;
            let top = group.chars().take_while(|c| {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => return false,
                    '}' => depth -= 1,
                    _ => {}
                }
                true
            });
            let mut inside = 0_usize;
            let flat: String = top
                .filter(|c| {
                    inside = match c {
                        '{' => inside + 1,
                        '}' => inside - 1,
                        _ => inside,
                    };
                    inside == 0
                })
                .collect();
            rooms.extend(flat.split(',').map(first_word));
        } else {
            rooms.push(first_word(rest));
        }
    }
    rooms.retain(|room| room.starts_with(|c: char| c.is_ascii_lowercase()));
    rooms.sort();
    rooms.dedup();
    rooms
}

/// Whether `text` has a path that begins with the crate `name`.
fn names(text: &str, name: &str) -> bool {
    let code = code(text);
    code.match_indices(&format!("{name}::"))
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

/// The text without comments.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn first_word(text: &str) -> String {
    let text = text.trim_start();
    text[..text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())].to_owned()
}

#[test]
fn rooms_are_found_in_every_way_to_name_them() {
    let text = "use crate::config::{Config, Secret};\nuse crate::{domain::{self, Session}, host};\n\
                // crate::server\nfn f() { crate::stages::answer(); super::crate_name(); crate::Type; }";
    assert_eq!(known(text), ["config", "domain", "host", "stages"]);
    assert!(names("let x = axum::Router::new();", "axum") && names("use axum::Router;", "axum"));
    assert!(!names("// axum::Router\nuse my_axum::Router; use crate::axum::x;", "axum"));
}
