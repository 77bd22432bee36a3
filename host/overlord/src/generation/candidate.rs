//! From a component's name to a policy that may serve: where its file is read from, and what is tried
//! before it counts as one.
#![expect(clippy::disallowed_methods, reason = "the components' files are read here")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sandbox::package::{COMPONENT_BYTES_MAX, Digest};
use crate::sandbox::{
    Agent, Audit, Auth, History, Limit, LoadError, Loader, Policy, SlotName, Terms, World,
    fault_with_settings, in_one_line,
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
}

async fn tried<W: World>(
    loader: &Loader,
    name: &str,
    bytes: &[u8],
    terms: Terms,
    candidate: impl FnOnce(Arc<Policy<W>>) -> Candidate,
) -> Result<(Candidate, usize), LoadError> {
    let new = loader.load::<W>(name, bytes, terms).await?;
    match fault_with_settings(&new.policy).await {
        Some(fault) => Err(LoadError::Settings { slot: W::SLOT, fault }),
        None => Ok((candidate(new.policy), new.cases)),
    }
}

pub(super) fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        return Err(std::io::Error::other(format!("a component may have {COMPONENT_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
