//! Compiled components, kept from one host of the tests to the next: compiling takes a second, and
//! every host begins with an empty data folder. It owns a folder below `target`, and refuses to know
//! what is in the files: the host finds its own by name, and compiles what it does not find.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::host::built;

/// Three builds of the five components.
const FILES_MAX: usize = 15;

/// The ending of the host's files of compiled code; anything else there is still being written.
const ENDING: &str = "cwasm";

/// Where the tests keep them.
fn shelf() -> PathBuf {
    built("target/compiled-for-tests")
}

/// Where a host with this data folder keeps them.
fn place(data: &Path) -> PathBuf {
    data.join("compiled")
}

/// Gives a host what others have compiled. What cannot be had it compiles itself.
pub(crate) fn lend(data: &Path) {
    let _ = copy(&shelf(), &place(data));
}

/// Keeps what a host has compiled. Where that fails the next one compiles again.
pub(crate) fn keep(data: &Path) {
    if copy(&place(data), &shelf()).is_ok() {
        let _ = trim();
    }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let files = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    Ok(files.filter(|path| path.extension().is_some_and(|ending| ending == ENDING)).collect())
}

/// Copies what is missing, each beside its place first: other tests do the same meanwhile.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let files = files(from)?;
    std::fs::create_dir_all(to)?;
    for file in files {
        let Some(name) = file.file_name() else { continue };
        let target = to.join(name);
        if target.exists() {
            continue;
        }
        let beside = tempfile::NamedTempFile::new_in(to)?;
        std::fs::copy(&file, beside.path())?;
        beside.persist(target).map_err(|error| error.error)?;
    }
    Ok(())
}

/// Removes what was kept first.
fn trim() -> io::Result<()> {
    let dated = |file: PathBuf| Some((file.metadata().ok()?.modified().ok()?, file));
    let mut files: Vec<(SystemTime, PathBuf)> = files(&shelf())?.into_iter().filter_map(dated).collect();
    files.sort();
    let surplus = files.len().saturating_sub(FILES_MAX);
    for (_, file) in files.into_iter().take(surplus) {
        std::fs::remove_file(file)?;
    }
    Ok(())
}
