//! What can go wrong when a program is to be run, as what the caller can do about it.

use std::path::PathBuf;

/// Why there is no supervisor.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No wall can be had, or not the one that was asked for.
    #[error(
        "could not put a wall between agents and this host ({reasons}); run the host where one of \
         these works, or say in the configuration that there is to be none"
    )]
    NoWall {
        /// One clause for each wall that was tried.
        reasons: String,
    },
    /// A path that is to be protected cannot be resolved.
    #[error("could not resolve {} to protect it: {source}; give a path that exists", path.display())]
    Path {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a program does not run.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("there is no such program")]
    Missing,
    /// The operating system does not allow it.
    #[error("the system does not allow to run it")]
    Denied,
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}
