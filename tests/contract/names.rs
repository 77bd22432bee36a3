//! What each component imports and exports: exactly its world's, and nothing of WASI. A change here
//! is a change of what the component can reach.

use overlord::sandbox::{SlotName, names_of};

use crate::stage::{COMPONENTS, built, sandbox};

/// A limiter may say the form of its cells.
const MIGRATION: &str = "overlord:policy/migration@0.1.0";

/// Imports, the one export that makes it its world's, and what it offers beside that.
const NAMES: [(&str, &[&str], &str, &[&str]); 11] = [
    (
        "agent-claude",
        &["overlord:policy/types@0.1.0", "overlord:policy/process@0.1.0", "overlord:policy/progress@0.1.0"],
        "overlord:policy/agent@0.1.0",
        &[],
    ),
    ("audit-cef", &["overlord:policy/types@0.1.0"], "overlord:policy/audit@0.1.0", &[]),
    ("audit-ecs", &["overlord:policy/types@0.1.0"], "overlord:policy/audit@0.1.0", &[]),
    ("audit-jsonl", &["overlord:policy/types@0.1.0"], "overlord:policy/audit@0.1.0", &[]),
    (
        "auth-cookie",
        &["overlord:policy/types@0.1.0", "overlord:policy/http@0.1.0"],
        "overlord:policy/auth@0.1.0",
        &[],
    ),
    (
        "auth-jwt",
        &["overlord:policy/types@0.1.0", "overlord:policy/http@0.1.0"],
        "overlord:policy/auth@0.1.0",
        &[],
    ),
    (
        "auth-proxy",
        &["overlord:policy/types@0.1.0", "overlord:policy/http@0.1.0"],
        "overlord:policy/auth@0.1.0",
        &[],
    ),
    (
        "history-claude",
        &["overlord:policy/types@0.1.0", "overlord:policy/files@0.1.0"],
        "overlord:policy/history@0.1.0",
        &[],
    ),
    ("limit-bucket", &["overlord:policy/types@0.1.0"], "overlord:policy/limiter@0.1.0", &[MIGRATION]),
    ("limit-quota", &["overlord:policy/types@0.1.0"], "overlord:policy/limiter@0.1.0", &[MIGRATION]),
    ("limit-window", &["overlord:policy/types@0.1.0"], "overlord:policy/limiter@0.1.0", &[]),
];

#[test]
fn each_component_imports_what_its_world_grants_and_nothing_else() {
    for (name, imports, export, beside) in NAMES {
        let (mut imports, mut exports) = (imports.to_vec(), [&[export], beside].concat());
        let names = names_of(&sandbox(), &built(name)).expect("it is a component");
        let mut found: Vec<_> = names.imports.iter().map(String::as_str).collect();
        found.sort_unstable();
        imports.sort_unstable();
        assert_eq!(found, imports, "{name}");
        let mut found: Vec<_> = names.exports.iter().map(String::as_str).collect();
        found.sort_unstable();
        exports.sort_unstable();
        assert_eq!(found, exports, "{name}");
        let slot = names.world().map(SlotName::as_str).expect("it is of one of the worlds");
        assert!(name.starts_with(slot), "{name} is for the slot {slot}");
    }
}

#[test]
fn every_component_of_the_project_is_known_here() {
    let folder = overlord_tests::host::checkout().join("components");
    let guests = std::fs::read_dir(folder).expect("the components are part of the checkout");
    let mut found: Vec<_> = guests
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("src/guest.rs").is_file())
        .map(|path| path.file_name().expect("a name").to_str().expect("text").to_owned())
        .collect();
    found.sort();
    assert_eq!(found, COMPONENTS);
    assert_eq!(NAMES.map(|(name, ..)| name), COMPONENTS);
}
