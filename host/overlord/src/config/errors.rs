//! What can be wrong with a configuration, said so that whoever wrote it finds the place and the way
//! out. Never shows a secret or the value of a setting.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value comes from. Later ones outrank earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A variable of the original service's.
    Original(&'static str),
    /// A variable of Overlord's own.
    Variable(String),
}

impl Origin {
    /// How strong it is: of two values from the same rank neither outranks the other.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Original(_) => 2,
            Self::Variable(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Original(name) => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be had.
    #[error("{origin}: reading {} failed: {source}; {way_out}", path.display())]
    Unreadable {
        /// Who names the file.
        origin: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// What to do about it.
        way_out: &'static str,
    },
    /// The file is not TOML.
    #[error("{origin}: reading the file as TOML failed: {reason}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// Why.
        reason: String,
    },
    /// A key that there is not.
    #[error("{origin}: there is no key {key}; {way_out}")]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// Its path.
        key: String,
        /// What was meant, perhaps.
        way_out: String,
    },
    /// A variable that there is not.
    #[error("{name}: there is no such variable; {way_out}")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// What was meant, perhaps.
        way_out: String,
    },
    /// A value that cannot be.
    #[error("{origin}: {key} is {found}, which is not {expected}")]
    Value {
        /// Who says it.
        origin: Origin,
        /// The key's path.
        key: String,
        /// What they say.
        found: String,
        /// What may be said.
        expected: String,
    },
    /// A value that cannot be for a reason of its own, or because of another.
    #[error("{origin}: {reason}; {way_out}")]
    Refused {
        /// Who says it.
        origin: Origin,
        /// Why it cannot be.
        reason: String,
        /// What to do about it.
        way_out: String,
    },
}

/// Everything that is wrong with a configuration, in the order in which it was found. Never empty.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "the configuration has an error: {only}"),
            all => {
                write!(f, "the configuration has {} errors:", all.len())?;
                all.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// How alike two names must be (Damerau-Levenshtein, 0 to 1) for one to be offered for the other: a
/// letter left out, doubled or exchanged in a short name is above it, another word below.
const ALIKE: f64 = 0.75;

/// The candidate most like `name`, if any is like it at all.
pub(super) fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, &candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
