//! Compiled code on disk, found by what it was compiled from and for. A miss is never an error, and
//! nothing is ever loaded but what this file wrote.
#![expect(clippy::disallowed_methods, reason = "compiled code is kept and found here, and nowhere else")]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::package::Digest;

/// How many compiled components are kept; the ones not used for longest go first.
const FILES_MAX: usize = 64;

/// A folder of compiled components. It must be out of reach of everybody but the host: machine code
/// is loaded from it.
#[derive(Debug, Clone)]
pub struct CodeCache {
    folder: Option<PathBuf>,
}

impl CodeCache {
    /// Keeps compiled code in `folder`, which is made if there is none.
    pub fn at(folder: &Path) -> Self {
        match std::fs::create_dir_all(folder) {
            Ok(()) => Self { folder: Some(folder.to_owned()) },
            Err(error) => {
                tracing::warn!(
                    "cannot make the folder {} for compiled code ({error}): every start compiles anew",
                    folder.display()
                );
                Self::none()
            }
        }
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// The component, compiled now or earlier. Takes tens to hundreds of milliseconds on a miss, so
    /// it is not for a thread that answers requests.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        digest: Digest,
        bytes: &[u8],
    ) -> wasmtime::Result<Component> {
        let Some(file) = self.file(engine, digest) else { return Component::new(engine, bytes) };
        if let Some(component) = load(engine, &file) {
            // Marks it as used, for `trim`.
            let _ = std::fs::File::options()
                .append(true)
                .open(&file)
                .and_then(|file| file.set_modified(SystemTime::now()));
            return Ok(component);
        }
        let component = Component::new(engine, bytes)?;
        if let Err(error) =
            component.serialize().map_err(std::io::Error::other).and_then(|code| keep(&file, &code))
        {
            tracing::warn!("cannot keep compiled code in {}: {error}", file.display());
        }
        self.trim();
        Ok(component)
    }

    fn file(&self, engine: &Engine, digest: Digest) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{digest}-{:016x}.cwasm", hasher.finish());
        self.folder.as_ref().map(|folder| folder.join(name))
    }

    /// Removes what has not been used for longest.
    fn trim(&self) {
        let Some(entries) = self.folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok()) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        for (_, file) in files.iter().rev().skip(FILES_MAX) {
            let _ = std::fs::remove_file(file);
        }
    }
}

#[allow(unsafe_code)] // see the safety comment
fn load(engine: &Engine, file: &Path) -> Option<Component> {
    if !file.exists() {
        return None;
    }
    // SAFETY: the file lies in the host's data folder, which only the host's user can enter and
    // which every wall hides from agents; `keep` below is all that writes there; its name holds the
    // hash of everything that makes compiled code fit this engine, which wasmtime checks again.
    match unsafe { Component::deserialize_file(engine, file) } {
        Ok(component) => Some(component),
        Err(error) => {
            tracing::warn!("compiled code in {} cannot be used, compiling anew: {error:#}", file.display());
            None
        }
    }
}

/// Writes beside the file and renames, so that nobody loads half of it.
fn keep(file: &Path, code: &[u8]) -> std::io::Result<()> {
    // A name for each writer: one that another is still writing to must not be moved into place.
    static WRITERS: AtomicU64 = AtomicU64::new(0);
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    let beside = file.with_extension(format!("new-{}-{writer}", std::process::id()));
    std::fs::write(&beside, code)?;
    std::fs::rename(&beside, file)
}
