//! The order in which a host comes up, and what stops it from doing so.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use overlord_process::{Kind, Launcher, Options, Supervisor, WallRequest};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::folders::{self, DataFolder, FolderError};
use super::plan::{own_audit_files, plan, visible_cookies};
use super::{Host, Signals};
use crate::capability::audit_file::AuditFile;
use crate::capability::control::ControlSocket;
use crate::capability::decisions::{self, Bounds};
use crate::capability::process::is_there;
use crate::capability::sign_in::SignIns;
use crate::capability::state::{State, StateError};
use crate::config::{self, AgentCommand, Config, Surroundings, Unowned, WallChoice};
use crate::domain::Recent;
use crate::generation::{Budget, Kept, Publisher, Shelf, Tools};
use crate::homes::Homes;
use crate::pipeline::{House, REFUSALS_MAX};
use crate::runs::Runs;
use crate::sandbox::{CodeCache, Loader, Sandbox};
use crate::server::{Guard, Metrics, Service, Visible};
use crate::stages::{Admission, Agent, Desk, FailMode, Places, Recorder, Remember, Rules, Titles};

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

/// Why a host does not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The components.
    #[error(transparent)]
    Components(#[from] crate::generation::StartError),
    /// The wall.
    #[error("{0}")]
    Wall(#[from] overlord_process::StartError),
    /// The engine.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
    /// The port.
    #[error("cannot listen on {address}: {error}; {hint}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        error: std::io::Error,
        /// The way out.
        hint: &'static str,
    },
    /// A thread.
    #[error("cannot start the audit log's writer: {0}")]
    Audit(std::io::Error),
    /// The recording of decisions.
    #[error("cannot start recording decisions: {0}; `decisions.record = false` does without")]
    Decisions(std::io::Error),
    /// The user that agents run as.
    #[error("the agent cannot run as the user `{0}` (`agent.user`, OVERLORD_AGENT_USER): {1}")]
    NoUser(String, String),
    /// The home.
    #[error(
        "there is no HOME in the environment and no `agent.home` (OVERLORD_AGENT_HOME) in the configuration: the agent needs one"
    )]
    NoHome,
    /// The home, where the agent is another user.
    #[error(
        "the agent runs as the user `{0}`, who cannot write to {1}, where it would keep its sessions; give it a home of its own (`agent.home`, OVERLORD_AGENT_HOME), such as /srv/overlord/homes/{{user}}"
    )]
    ClosedHome(String, PathBuf),
    /// The folder of the homes.
    #[error(
        "cannot make the folder {0} for the homes of users: {1}; make it yourself, or choose another one (`agent.home`, OVERLORD_AGENT_HOME)"
    )]
    Homes(PathBuf, std::io::Error),
    /// Signals.
    #[error("cannot listen for signals: {0}")]
    Signals(String),
    /// The first sign-in address.
    #[error("cannot make a first sign-in address: {0}")]
    SignIn(String),
    /// The first credential.
    #[error("cannot issue a first cookie: {0}")]
    Hello(String),
}

pub(super) async fn build(
    config: Config,
    surroundings: Surroundings,
    signals: Signals,
) -> Result<Host, StartError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let folder = DataFolder::open(&config.data)?;
    // Before anything that only one host may do with a data folder.
    let state = State::open(folder.path())?;
    let id = folder.id()?;
    let stragglers = overlord_process::sweep(id);
    if stragglers > 0 {
        tracing::warn!(
            "ended {stragglers} processes that an earlier host with this data folder had left behind"
        );
    }
    let owner = config.agent.user.as_deref().map(account).transpose()?;
    let workspace = folders::workspace(&config.workspace, owner)?;
    let secrets = folder.secrets(&config.secrets)?;

    let sandbox = Arc::new(Sandbox::new().map_err(|error| StartError::Engine(format!("{error:#}")))?);
    let loader = Loader::new(Arc::clone(&sandbox), CodeCache::at(&folder.path().join("compiled")));
    // Before the wall, which hides what is there.
    let file = config.audit.file.as_deref().unwrap_or(Path::new("/dev/null"));
    let remember = remember(&config, &folder)?;
    let recorder = Recorder {
        remember: remember.clone(),
        file: AuditFile::open(file).map_err(StartError::Audit)?,
        own: Arc::new(own_audit(&config).map_err(StartError::Audit)?),
        fail: match config.audit.slot.fail {
            config::FailMode::Open => FailMode::Open,
            config::FailMode::Closed => FailMode::Closed,
        },
    };
    let tools = Tools {
        loader,
        shelf: Shelf { components: config.components.clone() },
        kept: Kept::of(folder.path().join("kept")),
        state: state.clone(),
        witness: Arc::new(recorder.clone()),
        previous_max: config.rules.previous_max,
        budget: budget(&config),
    };
    let publisher = Publisher::start(tools, plan(&config, &secrets, &workspace)).await?;

    let program = program(&config.agent.command, &surroundings);
    program.announce(&surroundings);
    let homes = homes(&config, &surroundings, owner)?;
    if let (Some(home), Some(user)) = (homes.closed(), &config.agent.user) {
        return Err(StartError::ClosedHome(user.clone(), home));
    }
    homes.make_root().map_err(|error| StartError::Homes(homes.root(), error))?;
    let supervisor = supervisor(&config, &surroundings, &homes, id).await?;
    let desk = Desk::new(SignIns::of(folder.path()), recorder.clone());
    let house = House {
        current: publisher.current(),
        admission: Admission {
            state: state.clone(),
            places: Places::new(limit(config.agent.running_max)),
            queue: Arc::default(),
            remember,
        },
        state,
        recorder,
        rules: Rules {
            unowned_for_admins: config.sessions.unowned == Unowned::Admin,
            open: config.sessions.open,
        },
        titles: Titles::default(),
        deleted_keep_days: limit(config.sessions.deleted_keep_days),
        agent: agent(&config, &surroundings, &program, supervisor, workspace.clone(), homes),
        refusals: Recent::new(REFUSALS_MAX),
        runs: Runs::new(epoch()),
        abandoned_after: config.runs.abandoned_after,
    };
    crate::pipeline::recall_interrupted(&house).await?;
    let listener = listen(&config).await?;
    let address = listener.local_addr().map_err(|error| listen_error(config.listen, error))?;
    let publisher = Arc::new(publisher);
    let service = Service {
        publisher: Arc::clone(&publisher),
        figures: Arc::default(),
        guard: Arc::new(Guard::new(&config.server, address.ip())),
        house: Arc::new(house),
        visible: Arc::new(Visible {
            cookies: visible_cookies(&config),
            headers: config.auth.headers.clone(),
        }),
        desk: Arc::new(desk),
        metrics: Arc::new(Metrics::new(sandbox, config.metrics.token.clone())),
        own_cookie: config.auth.own_cookie.as_str().into(),
        workspace: workspace.to_string_lossy().into(),
        demo: matches!(program, Program::Demo { .. }),
        agent: program.name().into(),
    };
    // Last of all: what opens it replaces what an earlier host has left.
    let control = ControlSocket::open(folder.path())
        .inspect_err(|error| tracing::error!("{error}; `overlord rules` cannot reach this host"))
        .ok();
    Ok(Host { config, surroundings, listener, address, publisher, service, control, program, signals })
}

impl Program {
    /// Says which it is, and whether it is there.
    fn announce(&self, surroundings: &Surroundings) {
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
    fn name(&self) -> String {
        match self {
            Self::Demo { .. } => "demo".to_owned(),
            Self::Command(path) => {
                path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
            }
        }
    }
}

/// When the host changes the rules by itself.
fn budget(config: &Config) -> Budget {
    let configured = &config.rules.budget;
    Budget {
        automatic: configured.automatic,
        failures_max: configured.failures_max as u64,
        window: configured.window,
        divergences_max: configured.divergences_max.map(|max| max as u64),
    }
}

/// What records decisions, if they are to be recorded.
fn remember(config: &Config, folder: &DataFolder) -> Result<Remember, StartError> {
    let config::DecisionsConfig { record, max_bytes, keep, redact } = &config.decisions;
    if !record {
        return Ok(Remember::default());
    }
    let bounds = Bounds { max_bytes: *max_bytes, keep: *keep };
    Remember::start(&folder.path().join(decisions::FOLDER), &folder.decisions_key()?, bounds, redact)
        .map_err(StartError::Decisions)
}

/// Tells this host's events from those of any other.
fn epoch() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low
}

fn limit(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn program(command: &AgentCommand, surroundings: &Surroundings) -> Program {
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

fn homes(
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
fn account(name: &str) -> Result<(u32, u32), StartError> {
    overlord_process::account_ids(name).map_err(|why| StartError::NoUser(name.to_owned(), why))
}

/// Finds the wall, and says which it is.
async fn supervisor(
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

fn agent(
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

/// Opens the files that audit lines go to besides the audit log. One that is the audit log has its one
/// writer.
fn own_audit(config: &Config) -> std::io::Result<HashMap<PathBuf, AuditFile>> {
    let files = own_audit_files(config).into_iter().filter(|file| Some(file) != config.audit.file.as_ref());
    files.map(|file| AuditFile::open(&file).map(|open| (file, open))).collect()
}

async fn listen(config: &Config) -> Result<TcpListener, StartError> {
    TcpListener::bind(config.listen).await.map_err(|error| listen_error(config.listen, error))
}

fn listen_error(address: std::net::SocketAddr, error: std::io::Error) -> StartError {
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "something else listens there; stop it, or choose another port (`listen`, OVERLORD_LISTEN)"
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for root; choose another one (`listen`, OVERLORD_LISTEN)"
        }
        _ => "choose another address (`listen`, OVERLORD_LISTEN)",
    };
    StartError::Listen { address, error, hint }
}
