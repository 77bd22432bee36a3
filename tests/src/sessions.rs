//! Session files where the client would have put them. Knows the client's name for a folder; what is
//! in a file is the test's business.

use std::path::{Path, PathBuf};

use crate::host::{Setup, checkout};

/// From here on the client shortens the folder's name; the tests stay below.
const NAME_MAX: usize = 200;

/// The folder of the session files of this workspace, in the home that all share.
pub fn folder(setup: &Setup) -> PathBuf {
    folder_in(setup, &setup.home())
}

/// The same in another home.
pub fn folder_in(setup: &Setup, home: &Path) -> PathBuf {
    let workspace = setup.workspace().canonicalize().expect("the workspace is there");
    let name = workspace.to_str().expect("the tests use text");
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    assert!(name.len() <= NAME_MAX, "{name} is too long for this test: set TMPDIR to a shorter path");
    home.join(".claude/projects").join(name)
}

/// The file of a session.
pub fn file(setup: &Setup, session: &str) -> PathBuf {
    folder(setup).join(format!("{session}.jsonl"))
}

/// Writes a session's file.
pub fn put(setup: &Setup, session: &str, lines: impl AsRef<[u8]>) {
    std::fs::create_dir_all(folder(setup)).expect("a folder for sessions");
    std::fs::write(file(setup, session), lines).expect("writing a session");
}

/// The recorded sessions: name and content.
pub fn recorded() -> Vec<(String, String)> {
    let folder = checkout().join("tests/fixtures/sessions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the recorded sessions")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a session"))
        })
        .collect();
    files.sort();
    assert!(files.len() >= 10, "recorded sessions are missing");
    files
}
