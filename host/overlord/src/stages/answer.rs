//! The run itself: the agent policy drives the program, behind a permit. Owns what is said when there
//! is no answer.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use overlord_process::{Limits, StopCause, Supervisor};

use super::admit::Permit;
use crate::capability::process::{Listener, Program, ProgramSetup, Stop, Stopped};
use crate::config::Inherited;
use crate::domain::{Answer, Question, REQUEST_ID_VARIABLE, RequestId};
use crate::homes::Homes;
use crate::sandbox::hooks::NoAnswer;

/// The program of this host, and how it is run.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Keeps children behind their wall.
    pub supervisor: Arc<Supervisor>,
    /// The program.
    pub program: PathBuf,
    /// What comes before the adapter's arguments.
    pub leading: Vec<String>,
    /// What a child may inherit.
    pub allowed: Inherited,
    /// The host's own environment.
    pub own: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub workspace: PathBuf,
    /// Each user's home.
    pub homes: Homes,
    /// What a run may take.
    pub limits: Limits,
}

/// Why there is no answer, for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed(pub String);

impl Agent {
    fn setup(&self, home: &Path, request: &RequestId) -> Result<ProgramSetup, Failed> {
        self.homes.make(home).map_err(|error| {
            tracing::error!("cannot make the home {} of a user: {error}", home.display());
            Failed("the agent's home directory cannot be made; the host's log says why".to_owned())
        })?;
        let mut inherited: Vec<_> = self
            .own
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(|name| self.allowed.allows(name)))
            .cloned()
            .collect();
        inherited
            .retain(|(name, _)| name != "HOME" && !(self.homes.separate() && name == "CLAUDE_CONFIG_DIR"));
        inherited.push(("HOME".into(), home.into()));
        inherited.push((REQUEST_ID_VARIABLE.into(), request.as_str().into()));
        Ok(ProgramSetup {
            program: self.program.clone(),
            leading: self.leading.clone(),
            inherited,
            allowed: self.allowed.clone(),
            directory: self.workspace.clone(),
            writable: self.writable(home),
            limits: self.limits.clone(),
        })
    }

    fn writable(&self, home: &Path) -> Vec<PathBuf> {
        let mut writable = vec![self.workspace.clone(), home.to_owned()];
        writable.extend(self.homes.client_directory(home));
        writable
    }
}

/// Where a question is put to the agent, and how.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The home in which the session lives.
    pub home: &'a Path,
    /// Whether the session has a file.
    pub started: bool,
    /// When to stop.
    pub stop: Stop,
    /// Who hears what is said meanwhile.
    pub listener: Arc<dyn Listener>,
}

/// Asks the agent. The place that the permit holds is kept until the last process is gone.
pub async fn answer(
    agent: &Agent,
    permit: &Permit,
    question: &Question,
    setting: Setting<'_>,
) -> Result<Answer, Failed> {
    let caller = permit.caller();
    let user = &caller.principal().user;
    let setup = Arc::new(agent.setup(setting.home, caller.request())?);
    let (program, stopped) = Program::real(
        Arc::clone(&agent.supervisor),
        setup,
        permit.run().uuid(),
        setting.stop,
        setting.listener,
        permit.place(),
    );
    match caller.generation().agent.ask(program, question, user, setting.started).await {
        Ok(answer) => Ok(answer),
        Err(no_answer) => Err(Failed(why(no_answer, &stopped, &agent.limits))),
    }
}

/// The host's own reason comes before the adapter's: it knows why the program ended.
fn why(no_answer: NoAnswer, stopped: &Stopped, limits: &Limits) -> String {
    let own = match stopped.cause() {
        Some(StopCause::Time) => {
            Some(format!("the agent took longer than {} s and was stopped", limits.time.as_secs()))
        }
        Some(StopCause::Idle) => {
            Some(format!("the agent said nothing for {} s and was stopped", limits.idle.as_secs()))
        }
        Some(StopCause::Output) => {
            Some(format!("the agent wrote more than {} MiB and was stopped", limits.output_bytes >> 20))
        }
        Some(StopCause::Line) => Some(format!(
            "the agent wrote a line of more than {} MiB and was stopped",
            limits.line_bytes >> 20
        )),
        Some(StopCause::Host) => Some("the agent was stopped because the service is stopping".to_owned()),
        _ => None,
    };
    match (own, no_answer) {
        (Some(own), _) => own,
        (None, NoAnswer::Failed(why)) => why,
        (None, NoAnswer::Cancelled) => "the agent was stopped".to_owned(),
        (None, NoAnswer::Broken(_)) => {
            "the component that drives the agent failed; the host's log says why".to_owned()
        }
    }
}
