//! The values that say how the agent's program is run. Owns what they mean; runs nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::{Slot, WallChoice};
use crate::homes::{Homes, USER};

/// The agent slot.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// Its component.
    pub slot: Slot,
    /// The program.
    pub command: AgentCommand,
    /// Its HOME: an absolute path, in which `{user}` stands for the user; none for the host's own.
    pub home: Option<String>,
    /// The system user to run it as; none for the host's own.
    pub user: Option<String>,
    /// What keeps it out of the house.
    pub wall: WallChoice,
    /// What it inherits of the host's environment.
    pub environment: Inherited,
    /// How many run at a time, all users together.
    pub running_max: usize,
    /// How long an answer may take.
    pub time_limit: Duration,
    /// How long it may be silent.
    pub idle_limit: Duration,
    /// How much it may print for one answer.
    pub output_max_bytes: u64,
}

/// The program that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentCommand {
    /// `claude` where it is on the PATH, or else the demo agent.
    Auto,
    /// The built-in demo agent.
    Demo,
    /// A name to look up on the PATH.
    Name(String),
    /// An absolute path.
    Path(PathBuf),
}

/// Whether a path can be a template of homes, or why not.
pub(super) fn check_home(template: &str) -> Result<(), &'static str> {
    if template.replacen(USER, "", 1).contains(['{', '}']) {
        return Err("{user} may come once and is all that may stand in braces");
    }
    // The folder of all homes is hidden from each program but for its own, and that cannot be all there is.
    if template.contains(USER) && Homes::new(template, None, None).root().parent().is_none() {
        return Err("the homes lie directly in /, where everything else is");
    }
    Ok(())
}

/// The prefix of what no child ever inherits: the host's own variables, the secret among them.
const OWN: &str = "OVERLORD_";

/// Which environment variables the program inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited(Vec<String>);

impl Inherited {
    /// Takes patterns; the first one that is none comes back.
    pub(crate) fn new(patterns: Vec<String>) -> Result<Self, String> {
        let sound = |pattern: &String| {
            let name = pattern.strip_suffix('*').unwrap_or(pattern);
            let mut characters = name.chars();
            // A `*` alone is allowed: it says what it does.
            let first = characters.next().map_or(pattern == "*", |c| c == '_' || c.is_ascii_alphabetic());
            first && characters.all(|c| c == '_' || c.is_ascii_alphanumeric()) && !name.starts_with(OWN)
        };
        match patterns.iter().find(|pattern| !sound(pattern)) {
            Some(pattern) => Err(pattern.clone()),
            None => Ok(Self(patterns)),
        }
    }

    /// Whether the program inherits the variable of this name.
    pub fn allows(&self, name: &str) -> bool {
        !name.starts_with(OWN)
            && self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            })
    }
}
