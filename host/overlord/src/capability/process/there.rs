//! Whether there is a program to run. Runs nothing.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Whether there is such a program: a bare name on the PATH of this environment, or a path.
pub fn is_there(program: &Path, environment: &[(OsString, OsString)]) -> bool {
    if program.components().count() == 1 && program.is_relative() {
        let path = environment.iter().find(|(name, _)| name == "PATH");
        return path.is_some_and(|(_, path)| on_path(path, program));
    }
    program.is_file()
}

fn on_path(path: &OsStr, name: &Path) -> bool {
    std::env::split_paths(path).any(|folder| {
        let file = folder.join(name);
        file.is_file() && rustix::fs::access(&file, rustix::fs::Access::EXEC_OK).is_ok()
    })
}
