//! A program that a case makes up: what it is expected to be asked, and what it answers.

use serde::Deserialize;

use crate::sandbox::bindings::agent::overlord::policy::process::{Command, Exit, SpawnError, Step};

/// One start of the program, as a case tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedProcess {
    /// The arguments that it must be started with; any, if not given.
    pub arguments: Option<Vec<String>>,
    /// What must be on its standard input; anything, if not given.
    pub stdin: Option<String>,
    /// The lines that it prints.
    #[serde(default)]
    pub stdout: Vec<String>,
    /// What it writes to its standard error.
    #[serde(default)]
    pub stderr: String,
    /// The code that it exits with.
    pub exit: Option<i32>,
    /// The signal that it ends by.
    pub signal: Option<i32>,
    /// Why it does not start: `missing`, `denied`, or a sentence.
    pub spawn_error: Option<String>,
    /// After how many lines the host wishes that it stop.
    pub cancelled_after: Option<usize>,
    /// After how many lines nothing more comes for the length of the idle limit.
    pub idle_after: Option<usize>,
}

/// A made-up program under way.
#[derive(Debug)]
pub(super) struct ScriptedChild {
    script: ScriptedProcess,
    told: usize,
    wish_told: bool,
}

impl ScriptedProcess {
    /// Compares a command with what was expected; the difference as a sentence.
    pub(super) fn differs(&self, command: &Command) -> Option<String> {
        if let Some(expected) = &self.arguments
            && *expected != command.arguments
        {
            return Some(format!("expected the arguments {expected:?}, found {:?}", command.arguments));
        }
        let found = String::from_utf8_lossy(&command.stdin);
        if let Some(expected) = &self.stdin
            && *expected != found
        {
            return Some(format!("expected {expected:?} on standard input, found {found:?}"));
        }
        None
    }

    pub(super) fn start(self) -> Result<ScriptedChild, SpawnError> {
        match self.spawn_error.as_deref() {
            None => Ok(ScriptedChild { script: self, told: 0, wish_told: false }),
            Some("missing") => Err(SpawnError::Missing),
            Some("denied") => Err(SpawnError::Denied),
            Some(other) => Err(SpawnError::Other(other.to_owned())),
        }
    }
}

impl ScriptedChild {
    pub(super) fn next(&mut self) -> Step {
        if !self.wish_told {
            let step = if self.script.cancelled_after == Some(self.told) {
                Some(Step::Cancelled)
            } else if self.script.idle_after == Some(self.told) {
                Some(Step::Idle)
            } else {
                None
            };
            if let Some(step) = step {
                self.wish_told = true;
                return step;
            }
        }
        let Some(line) = self.script.stdout.get(self.told) else { return Step::End };
        self.told += 1;
        Step::Line(line.clone().into_bytes())
    }

    pub(super) fn exit(&self) -> Exit {
        match self.script.signal {
            Some(signal) => Exit::Signal(signal),
            None => Exit::Code(self.script.exit.unwrap_or(0)),
        }
    }

    pub(super) fn stderr(&self) -> String {
        self.script.stderr.clone()
    }
}
