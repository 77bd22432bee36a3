//! The bytes of every component that serves, may serve again, or is being tried, each in a file that is
//! named by its digest. What is read back is hashed again: a file that is not what its name says is not
//! there.
#![expect(clippy::disallowed_methods, reason = "the components that served are kept here")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::candidate::read_bounded;
use crate::sandbox::package::Digest;

/// A folder of components.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: Option<PathBuf>,
}

impl Kept {
    /// That folder; made when something is kept.
    pub fn of(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// No folder: nothing is kept and nothing is found.
    pub fn none() -> Self {
        Self { folder: None }
    }

    /// Keeps a component; it is on disk when this returns.
    pub fn keep(&self, digest: Digest, bytes: &[u8]) -> std::io::Result<()> {
        let Some((folder, file)) = self.file(digest) else { return Ok(()) };
        if std::fs::metadata(&file).is_ok_and(|found| found.len() == bytes.len() as u64) {
            return Ok(());
        }
        std::fs::create_dir_all(folder)?;
        let beside = folder.join(format!("{digest}.new"));
        let mut new = std::fs::File::create(&beside)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        std::fs::rename(&beside, &file)?;
        std::fs::File::open(folder)?.sync_all()
    }

    /// A component that was kept, whole; none where there is no such file or it is damaged.
    pub fn read(&self, digest: Digest) -> Option<Vec<u8>> {
        read_bounded(&self.file(digest)?.1).ok().filter(|bytes| Digest::of(bytes) == digest)
    }

    /// Removes all but these.
    pub fn only(&self, digests: &BTreeSet<Digest>) -> std::io::Result<()> {
        let names: BTreeSet<_> = digests.iter().map(|digest| format!("{digest}.wasm")).collect();
        let Some(folder) = &self.folder else { return Ok(()) };
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| names.contains(name)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The folder and the file in it.
    fn file(&self, digest: Digest) -> Option<(&Path, PathBuf)> {
        let folder = self.folder.as_deref()?;
        Some((folder, folder.join(format!("{digest}.wasm"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_its_name_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::of(folder.path().join("kept"));
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        kept.only(&BTreeSet::new()).expect("there is nothing to remove");
        assert_eq!(kept.read(one), None);
        kept.keep(one, b"one").expect("kept");
        kept.keep(one, b"one").expect("kept already");
        kept.keep(other, b"other").expect("kept");
        assert_eq!(kept.read(one).as_deref(), Some(b"one".as_slice()));
        std::fs::write(kept.file(other).expect("a folder").1, b"0ther").expect("written");
        assert_eq!(kept.read(other), None, "a damaged one is not there");
        kept.only(&BTreeSet::from([one])).expect("removed");
        assert!(!kept.file(other).expect("a folder").1.exists());
        assert_eq!(kept.read(one).as_deref(), Some(b"one".as_slice()));
    }
}
