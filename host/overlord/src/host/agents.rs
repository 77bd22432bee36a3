//! What answers questions, and where: the program, its user, its homes, the wall around it. Knows nothing
//! of rules.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use overlord_process::{Kind, Launcher, Options, Supervisor, WallRequest};
use uuid::Uuid;

use super::build::StartError;
use super::plan::own_audit_files;
use crate::capability::process::is_there;
use crate::config::{AgentCommand, Config, Surroundings, WallChoice};
use crate::homes::Homes;
use crate::stages::Agent;

/// How much of a program's standard error is kept for a message: its last words.
const STDERR_BYTES: usize = 8 << 10;

/// The longest line of a program's output: a tool's result comes on one, base64 pictures included.
const LINE_BYTES_MAX: usize = 32 << 20;

/// How long a program that was asked to stop may take, by SIGINT and then by SIGTERM.
const GRACE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(5)];

/// How long a program that has closed its output may take to end.
const LINGER: Duration = Duration::from_secs(10);

/// The name by which the client is looked for.
const CLAUDE: &str = "claude";

/// What answers questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// The built-in demo agent, by choice or for want of a client.
    Demo {
        /// Whether the configuration asks for it.
        chosen: bool,
    },
    /// A program.
    Command(PathBuf),
}

impl Program {
    /// Says which it is, and whether it is there.
    pub(super) fn announce(&self, surroundings: &Surroundings) {
        match self {
            Self::Demo { chosen: true } => tracing::info!("agent: the built-in demo agent, as configured"),
            Self::Demo { chosen: false } => {
                tracing::warn!("agent: the built-in demo agent, since there is no `{CLAUDE}` on the PATH");
            }
            Self::Command(path) if is_there(path, &surroundings.environment) => {
                tracing::info!("agent: {}", path.display());
            }
            Self::Command(path) => tracing::warn!(
                "agent: {} (`agent.command`, OVERLORD_AGENT_COMMAND) cannot be found; questions are answered \
                 with 502 until it is there",
                path.display()
            ),
        }
    }

    /// What `/agent/health` calls it: a name and no path.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Demo { .. } => "demo".to_owned(),
            Self::Command(path) => {
                path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
            }
        }
    }
}

pub(super) fn program(command: &AgentCommand, surroundings: &Surroundings) -> Program {
    match command {
        AgentCommand::Demo => Program::Demo { chosen: true },
        AgentCommand::Name(name) => Program::Command(name.into()),
        AgentCommand::Path(path) => Program::Command(path.clone()),
        AgentCommand::Auto => {
            if is_there(Path::new(CLAUDE), &surroundings.environment) {
                Program::Command(CLAUDE.into())
            } else {
                Program::Demo { chosen: false }
            }
        }
    }
}

pub(super) fn homes(
    config: &Config,
    surroundings: &Surroundings,
    owner: Option<(u32, u32)>,
) -> Result<Homes, StartError> {
    let variable = |name: &str| {
        let found = surroundings.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
    };
    let template = match &config.agent.home {
        Some(template) => template.clone(),
        None => variable("HOME").ok_or(StartError::NoHome)?,
    };
    let client =
        variable("CLAUDE_CONFIG_DIR").filter(|_| config.agent.environment.allows("CLAUDE_CONFIG_DIR"));
    Ok(Homes::new(&template, client.map(PathBuf::from), owner))
}

/// Numbers of the account that agents run as.
pub(super) fn account(name: &str) -> Result<(u32, u32), StartError> {
    overlord_process::account_ids(name).map_err(|why| StartError::NoUser(name.to_owned(), why))
}

/// Finds the wall, and says which it is.
pub(super) async fn supervisor(
    config: &Config,
    surroundings: &Surroundings,
    homes: &Homes,
    id: Uuid,
) -> Result<Arc<Supervisor>, StartError> {
    let mut hidden = vec![config.data.clone(), config.components.clone()];
    hidden.extend(config.file.clone());
    hidden.extend(config.secret_key_file.clone());
    hidden.extend(config.metrics.token_file.clone());
    // Other users' homes; a program's own is laid open again.
    hidden.extend(homes.separate().then(|| homes.root()));
    // It holds what users asked.
    let audit = config.audit.file.clone().into_iter().chain(own_audit_files(config));
    hidden.extend(audit.filter(|file| file.is_file() && !file.starts_with(&config.data)));
    let options = Options {
        launcher: Launcher { program: "/proc/self/exe".into(), arguments: vec!["launch".into()] },
        data_id: id,
        wall: match config.agent.wall {
            WallChoice::Auto => WallRequest::Strongest,
            WallChoice::User => WallRequest::Only(Kind::User),
            WallChoice::Namespace => WallRequest::Only(Kind::Namespace),
            WallChoice::Landlock => WallRequest::Only(Kind::Landlock),
            WallChoice::NoneITrustTheAgent => WallRequest::Only(Kind::None),
        },
        agent_user: config.agent.user.clone(),
        hidden,
        read_only: surroundings.program.parent().map(Path::to_owned).into_iter().collect(),
    };
    let supervisor = Supervisor::start(options).await?;
    let wall = supervisor.wall();
    if wall.kind() == Kind::None {
        tracing::warn!("wall: {wall}");
    } else {
        tracing::info!("wall: {wall}");
    }
    for reason in wall.passed_over() {
        tracing::info!("wall: {reason}");
    }
    if homes.separate() && !wall.hides() {
        tracing::warn!(
            "wall: it does not keep one user's agent out of another user's home, although each has one"
        );
    }
    if config.agent.user.is_none() && rustix::process::geteuid().is_root() {
        tracing::warn!(
            "wall: agents run as root, who can read all of the machine's files that are not hidden; give them a \
             user of their own (`agent.user`, OVERLORD_AGENT_USER), or run the host as another user"
        );
    }
    Ok(Arc::new(supervisor))
}

pub(super) fn agent(
    config: &Config,
    surroundings: &Surroundings,
    program: &Program,
    supervisor: Arc<Supervisor>,
    workspace: PathBuf,
    homes: Homes,
) -> Agent {
    let (path, leading) = match program {
        // The launcher is this very program.
        Program::Demo { .. } => (PathBuf::from("/proc/self/exe"), vec!["demo-agent".to_owned()]),
        Program::Command(path) => (path.clone(), Vec::new()),
    };
    Agent {
        supervisor,
        program: path,
        leading,
        allowed: config.agent.environment.clone(),
        own: surroundings.environment.clone(),
        workspace,
        homes,
        limits: overlord_process::Limits {
            time: config.agent.time_limit,
            idle: config.agent.idle_limit,
            output_bytes: config.agent.output_max_bytes,
            line_bytes: LINE_BYTES_MAX,
            stderr_bytes: STDERR_BYTES,
            grace: GRACE,
            linger: LINGER,
        },
    }
}
