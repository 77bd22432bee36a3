//! From a component's name to a policy that may serve: where its file is read from, and what is tried
//! before it counts as one.
#![expect(clippy::disallowed_methods, reason = "the components' files are read here")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kept::Kept;
use super::plan::Plan;
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
    /// The component is in quarantine.
    #[error("{path}: {why}")]
    Quarantined {
        /// The file.
        path: PathBuf,
        /// Since when, and why.
        why: String,
    },
}

/// The most files that are looked through for a pinned digest: a folder of components has tens.
const SEARCHED_MAX: usize = 256;

/// A component's bytes, and where they were found.
#[derive(Debug)]
pub struct Taken {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The other place that they were taken from, where the component's own file has none of the pinned
    /// digests.
    pub instead: Option<String>,
}

/// The folder in which operators put components.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// The folder.
    pub components: PathBuf,
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

    /// The same bytes that were tried before: what must be done again to have them called, and nothing
    /// else.
    pub(super) async fn again(
        loader: &Loader,
        slot: SlotName,
        name: &str,
        bytes: &[u8],
        terms: Terms,
    ) -> Result<Self, LoadError> {
        Ok(match slot {
            SlotName::Auth => Self::Auth(loader.prepare(name, bytes, terms).await?.into()),
            SlotName::Limit => Self::Limit(loader.prepare(name, bytes, terms).await?.into()),
            SlotName::History => Self::History(loader.prepare(name, bytes, terms).await?.into()),
            SlotName::Audit => Self::Audit(loader.prepare(name, bytes, terms).await?.into()),
            SlotName::Agent => Self::Agent(loader.prepare(name, bytes, terms).await?.into()),
        })
    }

    /// How its slot is set up.
    pub(super) fn terms(&self) -> &Terms {
        match self {
            Self::Auth(policy) => policy.terms(),
            Self::Limit(policy) => policy.terms(),
            Self::History(policy) => policy.terms(),
            Self::Audit(policy) => policy.terms(),
            Self::Agent(policy) => policy.terms(),
        }
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

    /// Reads what is to serve in the entries of a slot that hold a component: its own file, or where
    /// digests are pinned and it has none of them, a kept copy or another file of the folder that has
    /// one. Where there is none either, and where several components of the slot might be meant, its own
    /// is for the loader to refuse.
    pub fn take(
        &self,
        kept: &Kept,
        plan: &Plan,
        slot: SlotName,
        name: &str,
    ) -> Result<Taken, CandidateError> {
        let own = self.read(name);
        let nothing = Trust::default();
        let trust = plan.holding(slot, name).next().map_or(&nothing, |(_, entry)| &entry.terms.trust);
        // A pin that another component of the slot has as well may be meant for that one.
        let mut others = plan.entries(slot).iter().filter(|entry| entry.component != name);
        let alone = !others.any(|entry| entry.terms.trust.pins.iter().any(|pin| trust.pins.contains(pin)));
        if own.as_ref().is_ok_and(|bytes| trust.pinned(Digest::of(bytes))) || trust.pins.is_empty() || !alone
        {
            return own.map(|bytes| Taken { bytes, instead: None });
        }
        // What has served before comes first.
        for &pin in &trust.pins {
            if let Some(bytes) = kept.read(pin) {
                return Ok(Taken { bytes, instead: Some("a kept copy".to_owned()) });
            }
        }
        for path in components_in(&self.components) {
            if let Ok(bytes) = read_bounded(&path)
                && trust.pinned(Digest::of(&bytes))
            {
                return Ok(Taken { bytes, instead: Some(path.display().to_string()) });
            }
        }
        own.map(|bytes| Taken { bytes, instead: None })
    }
}

impl Taken {
    /// Says which file serves where it is not the one of the component's name.
    pub fn say(&self, slot: SlotName, name: &str) {
        let Some(instead) = &self.instead else { return };
        tracing::warn!(
            slot = %slot, component = name, digest = %Digest::of(&self.bytes).short(),
            "{name}.wasm has none of the digests that `{slot}.digest` pins; {instead} has one and is taken instead"
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

pub(super) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    // Whoever opens a pipe waits for somebody to write into it.
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() {
        let what = if kind.is_dir() { "a directory" } else { "a pipe, socket or device" };
        return Err(std::io::Error::other(format!("it is {what}, and no file")));
    }
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
    use crate::domain::Whose;
    use crate::generation::Entry;

    /// An entry for each of the lists of pins.
    fn plan(pins: &[&[&[u8]]]) -> Plan {
        let entry = |(n, pins): (usize, &&[&[u8]])| {
            let trust = Trust { pins: pins.iter().map(|pin| Digest::of(pin)).collect(), ..Trust::default() };
            Entry {
                name: format!("limit-window-{n}"),
                component: if n == 0 { "limit-window".into() } else { "limit-old".into() },
                terms: Terms { trust, ..Terms::default() },
                whose: Whose::Caller,
                file: None,
            }
        };
        Plan::new(|_| pins.iter().enumerate().map(entry).collect())
    }

    #[test]
    fn a_pinned_digest_is_found_under_any_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf { components: folder.path().into() };
        let kept = Kept::of(folder.path().join("kept"));
        let take = |plan: &Plan| {
            let taken = shelf.take(&kept, plan, SlotName::Limit, "limit-window").expect("there is something");
            (taken.bytes, taken.instead)
        };
        let old = shelf.path("limit-old");
        std::fs::write(shelf.path("limit-window"), b"new").expect("written");
        std::fs::write(&old, b"old").expect("written");
        std::fs::write(folder.path().join("limit.txt"), b"text").expect("written");
        kept.keep(Digest::of(b"older"), b"older").expect("kept");
        assert_eq!(take(&plan(&[&[]])), (b"new".to_vec(), None));
        assert_eq!(take(&plan(&[&[b"new"]])), (b"new".to_vec(), None));
        assert_eq!(take(&plan(&[&[b"old"]])), (b"old".to_vec(), Some(old.display().to_string())));
        assert_eq!(take(&plan(&[&[b"older"]])), (b"older".to_vec(), Some("a kept copy".into())));
        // Another one of the slot may have pins of its own.
        let own = plan(&[&[b"old"], &[b"other"]]);
        assert_eq!(take(&own), (b"old".to_vec(), Some(old.display().to_string())));
        // One that nothing has leaves the component's own to be refused; so do two that may be meant.
        assert_eq!(take(&plan(&[&[b"text"]])), (b"new".to_vec(), None));
        assert_eq!(take(&plan(&[&[b"old"], &[b"old"]])), (b"new".to_vec(), None));
        assert_eq!(take(&plan(&[&[b"older", b"old"], &[b"old"]])), (b"new".to_vec(), None));
        std::fs::remove_file(shelf.path("limit-window")).expect("removed");
        assert_eq!(take(&plan(&[&[b"old"]])).0, b"old");
        assert!(shelf.take(&kept, &plan(&[&[b"text"]]), SlotName::Limit, "limit-window").is_err());
    }
}
