//! The files of the checkout. Knows where they lie and no rule about them.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the project's own files are; what is built or downloaded lies beside these.
const FOLDERS: [&str; 4] = ["components", "host", "tests", "wit"];

/// One file of text.
#[derive(Debug)]
pub struct File {
    /// Its path from the checkout on, with `/` between the parts.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// The folder that everything of the project lies in.
pub fn root() -> &'static Path {
    let tidy = Path::new(env!("CARGO_MANIFEST_DIR"));
    tidy.ancestors().nth(2).expect("the crate lies in tests/tidy")
}

/// The text of the file at `path`.
#[track_caller]
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files of the project whose name ends with `.extension`, in order. There is always one: a rule
/// for files that are not found would hold for nothing.
#[track_caller]
pub fn files(extension: &str) -> Vec<File> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        walk(&root().join(folder), &mut paths);
    }
    paths.sort();
    let files: Vec<_> = paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root()).expect("it was found below").display().to_string();
            File { path, text }
        })
        .collect();
    assert!(!files.is_empty(), "there is no .{extension} file in {FOLDERS:?}");
    files
}

/// The names of the folders in `folder` that hold the file `with`.
#[track_caller]
pub fn folders(folder: &str, with: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().join(with).is_file())
        .map(|entry| entry.file_name().into_string().expect("the project's names are text"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no folder in {folder} holds {with}");
    names
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.flatten() {
        let kind = entry.file_type().expect("Linux says what an entry is");
        let name = entry.file_name();
        if kind.is_dir() && name != "target" && name != "__pycache__" {
            walk(&entry.path(), paths);
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
}
