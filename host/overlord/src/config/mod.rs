//! The configuration: typed, checked, its paths absolute. Read once from the file and the environment,
//! with everything that is wrong reported together.
//!
//! Makes no directory and generates no secret; touches nothing but the files that it reads and the
//! names of directories that it compares. What a slot's settings mean only its component knows.
#![expect(
    clippy::disallowed_methods,
    reason = "what is configured is read and looked for here, before anything runs"
)]

mod agent;
mod annotate;
mod chain;
mod check;
mod decisions;
mod errors;
mod keys;
mod layers;
mod metrics;
mod otlp;
mod read;
mod rules;
mod secrets;
mod signing;
mod slots;
mod table;
mod values;
mod web;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::domain::Whose;

pub use agent::{AgentCommand, AgentConfig, Inherited};
pub use annotate::annotated_defaults;
pub use chain::Then;
pub use decisions::DecisionsConfig;
pub use errors::{ConfigError, ConfigErrors, Origin};
pub use metrics::MetricsConfig;
pub use otlp::OtlpConfig;
pub use rules::{Budget, RulesConfig};
pub use secrets::{Secret, Secrets};
pub use signing::SigningConfig;
pub use web::{HostName, Site, WebOrigin};
pub use words::{FailMode, Instances, LogFormat, LogLevel, Unowned, WallChoice, Wasi};

/// The configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The directory of what must survive a restart.
    pub data: PathBuf,
    /// The directory that the agent works in.
    pub workspace: PathBuf,
    /// The directory of the components.
    pub components: PathBuf,
    /// What cookies are signed with.
    pub secrets: Secrets,
    /// How the HTTP server behaves.
    pub server: ServerConfig,
    /// Who may read and continue which conversation.
    pub sessions: SessionsConfig,
    /// How long questions are answered that nobody listens to.
    pub runs: RunsConfig,
    /// How the rules change.
    pub rules: RulesConfig,
    /// What goes to standard error.
    pub log: LogConfig,
    /// Which files may serve.
    pub signing: SigningConfig,
    /// Who may read the figures.
    pub metrics: MetricsConfig,
    /// How decisions are recorded.
    pub decisions: DecisionsConfig,
    /// Who is told how requests went on their way.
    pub otlp: OtlpConfig,
    /// Who is asking?
    pub auth: AuthConfig,
    /// May they ask now?
    pub limit: LimitConfig,
    /// What was said?
    pub history: Slot,
    /// How is it written down?
    pub audit: AuditConfig,
    /// The program that answers.
    pub agent: AgentConfig,
    /// The file that was read, if any: the agent must not see it.
    pub file: Option<PathBuf>,
    /// The file that the secrets were read from, if any: the agent must not see it.
    pub secret_key_file: Option<PathBuf>,
    /// What is allowed and unwise, a sentence each, for the log at start.
    pub warnings: Vec<String>,
}

/// How the HTTP server behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// How long running questions may still take when the host is told to stop.
    pub stop_after: Duration,
    /// How many connections are open at a time.
    pub connections_max: usize,
    /// How browsers reach the service, where that is not by the address that it listens on.
    pub public_url: Option<WebOrigin>,
    /// The proxies whose word counts for who the client is.
    pub trusted_peers: Vec<IpNet>,
    /// By which other hosts' names the service may be reached.
    pub allowed_hosts: Vec<HostName>,
}

impl ServerConfig {
    /// An address that a program on this machine reaches the host by.
    pub fn on_this_machine(listening: SocketAddr) -> SocketAddr {
        let ip = match listening.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, listening.port())
    }

    /// What to open in a browser, without a slash at its end. `listening`: the address that the host
    /// has, or will have.
    pub fn address(&self, listening: SocketAddr) -> String {
        let here = Self::on_this_machine(listening);
        self.public_url.as_ref().map_or_else(|| format!("http://{here}"), WebOrigin::to_string)
    }
}

/// Who may read and continue which conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionsConfig {
    /// Those that nobody owns.
    pub unowned: Unowned,
    /// Whether everything is open to everyone.
    pub open: bool,
    /// For how many days a deleted one can be restored.
    pub deleted_keep_days: usize,
}

/// How questions go on.
#[derive(Debug, Clone, PartialEq)]
pub struct RunsConfig {
    /// How long one goes on that nobody listens to; none for as long as it takes.
    pub abandoned_after: Option<Duration>,
}

/// What goes to standard error.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    /// How much.
    pub level: LogLevel,
    /// Written how.
    pub format: LogFormat,
}

/// A place that a component fills, or several one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// What the first component is called in the slot.
    pub name: String,
    /// The first component's name: `NAME.wasm` in the components directory.
    pub component: String,
    /// How long its instances live.
    pub instances: Instances,
    /// What WASI it is linked with.
    pub wasi: Wasi,
    /// What becomes of a request when it breaks.
    pub fail: FailMode,
    /// What it is handed with every call.
    pub settings: Settings,
    /// The components that are asked after it, in their order.
    pub then: Vec<Then>,
}

/// A component's settings in the order of the configuration; a key may come more than once.
#[derive(Clone, PartialEq, Default)]
pub struct Settings(pub Vec<(String, String)>);

impl fmt::Debug for Settings {
    /// Names only: what a value means the host does not know, so it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The auth slot.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// Its component.
    pub slot: Slot,
    /// The cookie of the application that signs people in.
    pub cookie: String,
    /// The cookie that Overlord itself issues.
    pub own_cookie: String,
    /// The headers that the component sees, in lower case.
    pub headers: Vec<String>,
}

/// The limit slot.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitConfig {
    /// Its components.
    pub slot: Slot,
    /// On whose cell the first one decides.
    pub cell: Whose,
}

/// The audit slot.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditConfig {
    /// Its component.
    pub slot: Slot,
    /// Where the lines go; none for nowhere.
    pub file: Option<PathBuf>,
}

/// What of the process the configuration depends on besides its file.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The working directory.
    pub directory: PathBuf,
    /// The path of the running program.
    pub program: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> std::io::Result<Self> {
        Ok(Self {
            environment: std::env::vars_os().collect(),
            directory: std::env::current_dir()?,
            program: std::env::current_exe()?,
        })
    }

    /// A variable's value, where it is an absolute path: elsewise the XDG rules have it ignored.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        let (_, value) = self.environment.iter().rev().find(|(known, _)| known == name)?;
        Some(PathBuf::from(value)).filter(|path| path.is_absolute())
    }
}

impl Config {
    /// Reads `file`, or else the file that `OVERLORD_CONFIG` names, or none, and the environment.
    pub fn load(file: Option<&Path>, surroundings: &Surroundings) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let mut gathered = layers::Gathered::presets();
        let file = read::file(file, surroundings, &mut gathered, &mut errors);
        gathered.environment(&surroundings.environment, &mut errors);
        // What a file that could not be read would have said is unknown: to compare one value with
        // another would be guessing.
        let whole =
            !errors.iter().any(|e| matches!(e, ConfigError::Syntax { .. } | ConfigError::Unreadable { .. }));
        let mut reader = read::Reader::new(&gathered, surroundings, errors);
        let mut config = reader.config(file);
        if whole {
            check::check(&mut config, &mut reader);
        }
        match reader.finish() {
            errors if errors.is_empty() => Ok(config),
            errors => Err(ConfigErrors(errors)),
        }
    }
}

#[cfg(test)]
mod tests;
