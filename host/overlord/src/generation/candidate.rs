//! From a component's name to a policy that may serve: where its file is read from, and where the
//! last good bytes of each slot are kept.
#![expect(
    clippy::disallowed_methods,
    reason = "the components' files, and the last good bytes of each, are read and kept here"
)]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sandbox::package::{COMPONENT_BYTES_MAX, Digest};
use crate::sandbox::{
    Agent, Audit, Auth, History, Limit, LoadError, Loader, Policy, SlotName, Terms, Trial, Trust, World,
    in_one_line, try_settings,
};

/// A policy that has passed everything but publication.
#[derive(Debug, Clone)]
pub enum Candidate {
    /// Who is asking?
    Auth(Arc<Policy<Auth>>),
    /// May they ask now?
    Limit(Arc<Policy<Limit>>),
    /// What was said?
    History(Arc<Policy<History>>),
    /// How is it written down?
    Audit(Arc<Policy<Audit>>),
    /// How is the program driven?
    Agent(Arc<Policy<Agent>>),
}

/// Why there is no candidate.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The component may not serve.
    #[error("{path}: {}", in_one_line(&error.to_string()))]
    Load {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: LoadError,
    },
}

/// The most files that are looked through for a pinned digest: a folder of components has tens.
const SEARCHED_MAX: usize = 256;

/// A component's bytes, and where they were found.
#[derive(Debug)]
pub struct Taken {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The other file that they were taken from, where the component's own has none of the pinned
    /// digests.
    pub instead: Option<PathBuf>,
}

/// The folder of components, and the one in which the last good bytes are kept.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Where operators put components.
    pub components: PathBuf,
    /// The host's own copies.
    pub last_good: Option<PathBuf>,
}

impl Candidate {
    /// Loads `bytes` for a slot, runs its cases and tries its settings; returns how many cases there
    /// were.
    pub async fn load(
        loader: &Loader,
        slot: SlotName,
        name: &str,
        bytes: &[u8],
        terms: Terms,
    ) -> Result<(Self, usize), LoadError> {
        Ok(match slot {
            SlotName::Auth => tried(loader, name, bytes, terms, Self::Auth).await?,
            SlotName::Limit => tried(loader, name, bytes, terms, Self::Limit).await?,
            SlotName::History => tried(loader, name, bytes, terms, Self::History).await?,
            SlotName::Audit => tried(loader, name, bytes, terms, Self::Audit).await?,
            SlotName::Agent => tried(loader, name, bytes, terms, Self::Agent).await?,
        })
    }

    /// What its file hashed to.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Auth(policy) => policy.digest(),
            Self::Limit(policy) => policy.digest(),
            Self::History(policy) => policy.digest(),
            Self::Audit(policy) => policy.digest(),
            Self::Agent(policy) => policy.digest(),
        }
    }
}

impl Shelf {
    /// The file of a component.
    pub fn path(&self, name: &str) -> PathBuf {
        self.components.join(format!("{name}.wasm"))
    }

    /// Reads a component's file, if it is not absurdly large.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, CandidateError> {
        let path = self.path(name);
        read_bounded(&path).map_err(|error| CandidateError::File { path, error })
    }

    /// Reads what is to serve in a slot: the component's own file, or where digests are pinned and it has
    /// none of them, the first other file that has one, in the components folder and among the kept
    /// copies. Where there is none either, the component's own is for the loader to refuse.
    pub fn take(&self, slot: SlotName, name: &str, trust: &Trust) -> Result<Taken, CandidateError> {
        let own = self.read(name);
        if own.as_ref().is_ok_and(|bytes| trust.pinned(Digest::of(bytes))) || trust.pins.is_empty() {
            return own.map(|bytes| Taken { bytes, instead: None });
        }
        // What is kept for this slot comes first: it has served before.
        let kept = self.last_good.as_ref().map(|folder| folder.join(kept_as(slot, name)));
        let folders = self.last_good.iter().chain([&self.components]);
        let others = kept.into_iter().chain(folders.flat_map(|folder| components_in(folder)));
        for path in others.take(SEARCHED_MAX) {
            if let Ok(bytes) = read_bounded(&path)
                && trust.pinned(Digest::of(&bytes))
            {
                return Ok(Taken { bytes, instead: Some(path) });
            }
        }
        own.map(|bytes| Taken { bytes, instead: None })
    }

    /// Keeps bytes that serve, for a start at which the file of this component is bad.
    pub fn keep(&self, slot: SlotName, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let Some(folder) = &self.last_good else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        let file = folder.join(kept_as(slot, name));
        if std::fs::read(&file).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        let beside = folder.join(format!("{slot}.new"));
        let mut new = std::fs::File::create(&beside)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        std::fs::rename(&beside, &file)
    }

    /// The last good bytes of a component in a slot. Those of another name are another rule: one that
    /// is mistyped in the configuration must not be served by what was there before.
    pub fn kept(&self, slot: SlotName, name: &str) -> Option<Vec<u8>> {
        read_bounded(&self.last_good.as_ref()?.join(kept_as(slot, name))).ok()
    }
}

impl Taken {
    /// Says which file serves where it is not the one of the component's name.
    pub fn say(&self, slot: SlotName, name: &str) {
        let Some(instead) = &self.instead else { return };
        tracing::warn!(
            slot = %slot, component = name, digest = %Digest::of(&self.bytes).short(),
            "{name}.wasm has none of the digests that `{slot}.digest` pins; {} has one and is taken instead",
            instead.display()
        );
    }
}

/// The files of a folder that may be components, in the order of their names.
fn components_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm") && path.is_file())
        .take(SEARCHED_MAX)
        .collect();
    files.sort();
    files
}

fn kept_as(slot: SlotName, name: &str) -> String {
    format!("{slot}-{name}.wasm")
}

async fn tried<W: World>(
    loader: &Loader,
    name: &str,
    bytes: &[u8],
    terms: Terms,
    candidate: impl FnOnce(Arc<Policy<W>>) -> Candidate,
) -> Result<(Candidate, usize), LoadError> {
    let new = loader.load::<W>(name, bytes, terms).await?;
    match try_settings(&new.policy).await {
        Trial::Fault(fault) => Err(LoadError::Settings { slot: W::SLOT, fault }),
        Trial::Broke(why) => Err(LoadError::Trial(why)),
        Trial::Answered => Ok((candidate(new.policy), new.cases)),
    }
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        return Err(std::io::Error::other(format!("a component may have {COMPONENT_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_serves_no_component_of_another_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf { components: folder.path().into(), last_good: Some(folder.path().join("kept")) };
        shelf.keep(SlotName::Auth, "auth-cookie", b"one").expect("kept");
        shelf.keep(SlotName::Auth, "auth-cookie", b"two").expect("kept");
        assert_eq!(shelf.kept(SlotName::Auth, "auth-cookie").as_deref(), Some(b"two".as_slice()));
        assert_eq!(shelf.kept(SlotName::Auth, "auth-cokie"), None);
        assert_eq!(shelf.kept(SlotName::Limit, "auth-cookie"), None);
    }

    #[test]
    fn a_pinned_digest_is_found_under_any_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf { components: folder.path().into(), last_good: Some(folder.path().join("kept")) };
        let trust = |bytes: &[u8]| Trust { pins: vec![Digest::of(bytes)], ..Trust::default() };
        let take = |trust: &Trust| {
            let taken = shelf.take(SlotName::Limit, "limit-window", trust).expect("there is something");
            (taken.bytes, taken.instead.map(|path| path.file_name().expect("a file").to_owned()))
        };
        std::fs::write(shelf.path("limit-window"), b"new").expect("written");
        std::fs::write(shelf.path("limit-old"), b"old").expect("written");
        std::fs::write(folder.path().join("limit.txt"), b"text").expect("written");
        shelf.keep(SlotName::Limit, "limit-window", b"older").expect("kept");
        assert_eq!(take(&Trust::default()), (b"new".to_vec(), None));
        assert_eq!(take(&trust(b"new")), (b"new".to_vec(), None));
        assert_eq!(take(&trust(b"old")), (b"old".to_vec(), Some("limit-old.wasm".into())));
        assert_eq!(take(&trust(b"older")), (b"older".to_vec(), Some("limit-limit-window.wasm".into())));
        // One that nothing has leaves the component's own to be refused.
        assert_eq!(take(&trust(b"text")), (b"new".to_vec(), None));
        std::fs::remove_file(shelf.path("limit-window")).expect("removed");
        assert_eq!(take(&trust(b"old")).0, b"old");
        assert!(shelf.take(SlotName::Limit, "limit-window", &trust(b"text")).is_err());
    }
}
