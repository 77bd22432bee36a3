//! The order in which a host comes up, and what stops it from doing so.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use uuid::Uuid;

use super::agents::{Program, account, agent, homes, program, supervisor};
use super::folders::{self, DataFolder, FolderError};
use super::plan::{own_audit_files, plan, visible_cookies};
use super::{Host, Signals};
use crate::capability::audit_file::AuditFile;
use crate::capability::control::ControlSocket;
use crate::capability::decisions::{self, Bounds};
use crate::capability::sign_in::SignIns;
use crate::capability::state::{State, StateError};
use crate::config::{self, Config, Surroundings, Unowned};
use crate::domain::Recent;
use crate::generation::{Kept, Publisher, Shelf, Tools};
use crate::pipeline::{House, REFUSALS_MAX};
use crate::runs::Runs;
use crate::sandbox::{CodeCache, Loader, Sandbox};
use crate::server::{Guard, Metrics, Service, Visible};
use crate::stages::{Admission, Desk, FailMode, Places, Recorder, Remember, Rules, Titles};

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
        budget: config.rules.budget.clone(),
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
    let service = Arc::new(Service {
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
    });
    // Last of all: what opens it replaces what an earlier host has left.
    let control = ControlSocket::open(folder.path())
        .inspect_err(|error| tracing::error!("{error}; `overlord rules` cannot reach this host"))
        .ok();
    Ok(Host { config, surroundings, listener, address, publisher, service, control, program, signals })
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
