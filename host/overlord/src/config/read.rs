//! Reads the gathered values into the typed configuration, one key after another, and notes what
//! cannot be. Knows what each key may be; knows nothing of one value's bearing on another.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::agent::{AgentCommand, AgentConfig, Inherited, check_home};
use super::decisions::DecisionsConfig;
use super::errors::{ConfigError, Origin};
use super::keys::{Key, Shape};
use super::layers::{FILE_VARIABLE, Found, Gathered};
use super::secrets::{self, Secret, Secrets};
use super::values::{Raw, is_token, shown};
use super::web::{self, HostName, WebOrigin};
use super::words::{Words, meant};
use super::{
    AuditConfig, AuthConfig, Config, LogConfig, MetricsConfig, OtlpConfig, RulesConfig, RunsConfig,
    ServerConfig, SessionsConfig, SigningConfig, Surroundings,
};

/// The largest configuration file that is read: hundreds of times what the annotated one has.
pub(super) const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Reads the file, if there is one, into `gathered`; its absolute path.
pub(super) fn file(
    named: Option<&Path>,
    surroundings: &Surroundings,
    gathered: &mut Gathered,
    errors: &mut Vec<ConfigError>,
) -> Option<PathBuf> {
    let variable = surroundings.environment.iter().rev().find(|(name, _)| name == FILE_VARIABLE);
    let (origin, path) = match (named, variable) {
        (Some(path), _) => ("command line", path),
        (None, Some((_, path))) => (FILE_VARIABLE, Path::new(path)),
        (None, None) => return None,
    };
    let path = surroundings.directory.join(path);
    match secrets::read_limited(&path, FILE_MAX_BYTES) {
        Ok(text) => gathered.file(&path, &text, errors),
        Err(source) => errors.push(ConfigError::Unreadable {
            origin: origin.to_owned(),
            path: path.clone(),
            source,
            way_out: "name a file that the host may read, or none at all",
        }),
    }
    Some(path)
}

/// Turns values into types.
pub(super) struct Reader<'a> {
    pub(super) gathered: &'a Gathered,
    surroundings: &'a Surroundings,
    pub(super) errors: Vec<ConfigError>,
    /// The keys that have an error, whose values are placeholders.
    unsound: BTreeSet<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        gathered: &'a Gathered,
        surroundings: &'a Surroundings,
        errors: Vec<ConfigError>,
    ) -> Self {
        Self { gathered, surroundings, errors, unsound: BTreeSet::new() }
    }

    /// All that was wrong.
    pub(super) fn finish(self) -> Vec<ConfigError> {
        self.errors
    }

    /// The whole configuration, with placeholders where there were errors.
    pub(super) fn config(&mut self, file: Option<PathBuf>) -> Config {
        let data =
            self.path("data").or_else(|| self.under("data", "XDG_STATE_HOME", ".local/state", "overlord"));
        let data = data.unwrap_or_default();
        let workspace = self
            .path("workspace")
            .or_else(|| self.under("workspace", "XDG_DATA_HOME", ".local/share", "overlord/workspace"));
        let (secrets, secret_key_file) = self.secrets();
        Config {
            listen: self.address("listen"),
            workspace: workspace.unwrap_or_default(),
            components: self.path("components").unwrap_or_else(|| installed(&self.surroundings.program)),
            secrets,
            server: ServerConfig {
                stop_after: self.seconds("server.stop_after_s"),
                connections_max: self.number("server.connections_max"),
                public_url: self.origin_of("server.public_url"),
                trusted_peers: self.networks("server.trusted_peers"),
                allowed_hosts: self.hosts("server.allowed_hosts"),
            },
            sessions: SessionsConfig {
                unowned: self.choice("sessions.unowned"),
                open: self.flag("sessions.open"),
                deleted_keep_days: self.number("sessions.deleted_keep_days"),
            },
            runs: RunsConfig {
                abandoned_after: Some(self.seconds("runs.abandoned_after_s")).filter(|time| !time.is_zero()),
            },
            rules: RulesConfig::read(self),
            log: LogConfig { level: self.choice("log.level"), format: self.choice("log.format") },
            signing: SigningConfig::read(self),
            metrics: MetricsConfig::read(self),
            decisions: DecisionsConfig::read(self),
            otlp: OtlpConfig::read(self),
            auth: AuthConfig {
                slot: self.slot("auth"),
                cookie: self.token("auth.cookie"),
                own_cookie: self.token("auth.own_cookie"),
                headers: self.tokens("auth.headers"),
            },
            limit: self.limit(),
            history: self.slot("history"),
            audit: AuditConfig { slot: self.slot("audit"), file: self.audit_file(&data) },
            agent: self.agent(),
            data,
            file,
            secret_key_file,
            warnings: Vec::new(),
        }
    }

    /// Who says what a key is.
    pub(super) fn origin(&self, path: &'static str) -> Origin {
        self.gathered.value(key(path)).map_or(Origin::Default, |found| found.origin.clone())
    }

    /// Whether none of these keys had an error.
    pub(super) fn sound(&self, paths: &[&str]) -> bool {
        !paths.iter().any(|path| self.unsound.contains(path))
    }

    /// Notes that what is said of a key cannot be, for a reason that its type does not tell.
    pub(super) fn refuse(&mut self, path: &'static str, reason: String, way_out: String) {
        self.unsound.insert(path);
        self.refuse_at(self.origin(path), reason, way_out);
    }

    /// The same of what is no key of the table.
    pub(super) fn refuse_at(&mut self, origin: Origin, reason: String, way_out: String) {
        self.errors.push(ConfigError::Refused { origin, reason, way_out });
    }

    /// Notes that the file which a key names cannot be had, or is not what it should be.
    pub(super) fn unreadable(
        &mut self,
        path: &'static str,
        file: PathBuf,
        source: std::io::Error,
        way_out: &'static str,
    ) {
        self.unsound.insert(path);
        let origin = self.origin(path).to_string();
        self.errors.push(ConfigError::Unreadable { origin, path: file, source, way_out });
    }

    fn agent(&mut self) -> AgentConfig {
        let user = self.text("agent.user");
        AgentConfig {
            slot: self.slot("agent"),
            command: self.command(),
            home: self.home(),
            user: Some(user).filter(|user| !user.is_empty()),
            wall: self.choice("agent.wall"),
            environment: self.patterns("agent.environment"),
            running_max: self.number("agent.running_max"),
            time_limit: self.seconds("agent.time_limit_s"),
            idle_limit: self.seconds("agent.idle_limit_s"),
            output_max_bytes: self.number("agent.output_max_bytes"),
        }
    }

    fn secrets(&mut self) -> (Secrets, Option<PathBuf>) {
        let given = self.gathered.value(key("secret_key"));
        let in_file = self.gathered.value(key("secret_key_file"));
        let given_outranks = match (given, in_file) {
            (None, None) => return (Secrets::Generated, None),
            (Some(given), Some(in_file)) if given.origin.rank() == in_file.origin.rank() => {
                let reason = "secret_key and secret_key_file are both given".to_owned();
                self.refuse("secret_key", reason, "leave out one of them".to_owned());
                return (Secrets::Generated, None);
            }
            (given, in_file) => given.map(|g| g.origin.rank()) > in_file.map(|f| f.origin.rank()),
        };
        if given_outranks {
            let texts = self.read("secret_key", Vec::new(), |raw| match raw {
                Raw::Bare(text) | Raw::Text(text) => Some(vec![text.clone()]).filter(|_| !text.is_empty()),
                raw => raw.list(|text| !text.is_empty()).filter(|list| !list.is_empty()),
            });
            return (Secrets::Given(texts.into_iter().map(Secret::new).collect()), None);
        }
        let Some(path) = self.path("secret_key_file") else { return (Secrets::Generated, None) };
        match secrets::read(&path) {
            Ok(secrets) => (Secrets::Given(secrets), Some(path)),
            Err(source) => {
                let way_out = "it must be a file that the host may read, one secret a line";
                self.unreadable("secret_key_file", path, source, way_out);
                (Secrets::Generated, None)
            }
        }
    }

    fn audit_file(&mut self, data: &Path) -> Option<PathBuf> {
        let path = self.path("audit.file").unwrap_or_else(|| data.join("audit.jsonl"));
        (path != Path::new("/dev/null")).then_some(path)
    }

    fn command(&mut self) -> AgentCommand {
        match self.text("agent.command").as_str() {
            "" => AgentCommand::Auto,
            "demo" => AgentCommand::Demo,
            path if path.contains('/') => {
                self.path("agent.command").map_or(AgentCommand::Auto, AgentCommand::Path)
            }
            name => AgentCommand::Name(name.to_owned()),
        }
    }

    fn home(&mut self) -> Option<String> {
        if self.text("agent.home").is_empty() {
            return None;
        }
        let template = self.path("agent.home")?.to_string_lossy().into_owned();
        if let Err(reason) = check_home(&template) {
            let way_out = "write it like /srv/homes/{user}".to_owned();
            self.refuse("agent.home", format!("agent.home is no template: {reason}"), way_out);
        }
        Some(template)
    }

    /// `rest` below the directory that the XDG rules name.
    fn under(&mut self, path: &'static str, xdg: &str, in_home: &str, rest: &str) -> Option<PathBuf> {
        if !self.sound(&[path]) {
            return None;
        }
        let home = || Some(self.surroundings.absolute("HOME")?.join(in_home));
        let found = self.surroundings.absolute(xdg).or_else(home);
        if found.is_none() {
            let reason = format!("{path} is not given, and neither {xdg} nor HOME says where it could be");
            self.refuse(path, reason, format!("set {} to a directory", key(path).variable()));
        }
        Some(found?.join(rest))
    }

    /// A path, absolute; none where nobody says or it is wrong.
    pub(super) fn path(&mut self, path: &'static str) -> Option<PathBuf> {
        let found = self.gathered.value(key(path))?;
        let base = self.base(found);
        self.read(path, None, |raw| raw.path(&base).map(Some))
    }

    /// What a relative path is relative to.
    pub(super) fn base(&self, found: &Found) -> PathBuf {
        match &found.origin {
            Origin::File { path, .. } => path.parent().unwrap_or(Path::new("/")).to_owned(),
            _ => self.surroundings.directory.clone(),
        }
    }

    fn address(&mut self, path: &'static str) -> SocketAddr {
        self.read(path, SocketAddr::from(([127, 0, 0, 1], 0)), |raw| raw.text(|_| true)?.parse().ok())
    }

    pub(super) fn origin_of(&mut self, path: &'static str) -> Option<WebOrigin> {
        self.read(path, None, |raw| match raw.text(|_| true)?.as_str() {
            "" => Some(None),
            text => WebOrigin::parse(text).map(Some),
        })
    }

    fn networks(&mut self, path: &'static str) -> Vec<IpNet> {
        self.read(path, Vec::new(), |raw| raw.list(|_| true)?.iter().map(|text| web::network(text)).collect())
    }

    fn hosts(&mut self, path: &'static str) -> Vec<HostName> {
        self.read(path, Vec::new(), |raw| raw.list(|_| true)?.iter().map(|text| web::host(text)).collect())
    }

    pub(super) fn text(&mut self, path: &'static str) -> String {
        self.read(path, String::new(), |raw| raw.text(|text| !text.contains('\0')))
    }

    fn token(&mut self, path: &'static str) -> String {
        self.read(path, String::new(), |raw| raw.text(is_token))
    }

    pub(super) fn tokens(&mut self, path: &'static str) -> Vec<String> {
        let tokens = self.read(path, Vec::new(), |raw| raw.list(is_token));
        tokens.into_iter().map(|token| token.to_ascii_lowercase()).collect()
    }

    fn patterns(&mut self, path: &'static str) -> Inherited {
        let patterns = self.read(path, Vec::new(), |raw| raw.list(|_| true));
        Inherited::new(patterns).unwrap_or_else(|pattern| {
            let reason = format!("{path} has {}, which no program inherits by", shown(&pattern));
            let way_out = format!("write {}; OVERLORD_ variables stay with the host", key(path).expected());
            self.refuse(path, reason, way_out);
            Inherited::new(Vec::new()).expect("there is nothing wrong with none")
        })
    }

    pub(super) fn flag(&mut self, path: &'static str) -> bool {
        self.read(path, false, Raw::flag)
    }

    pub(super) fn number<T: TryFrom<i64> + Default>(&mut self, path: &'static str) -> T {
        let Shape::Number { min, max } = key(path).shape else { panic!("{path} is no number") };
        self.read(path, T::default(), |raw| {
            let number = raw.number().filter(|number| (min..=max).contains(number))?;
            T::try_from(number).ok()
        })
    }

    pub(super) fn seconds(&mut self, path: &'static str) -> Duration {
        Duration::from_secs(self.number(path))
    }

    pub(super) fn choice<T: Words>(&mut self, path: &'static str) -> T {
        self.read(path, T::WORDS[0].1, meant)
    }

    /// What `take` makes of the key's value, or the placeholder with an error noted.
    pub(super) fn read<T>(
        &mut self,
        path: &'static str,
        placeholder: T,
        take: impl FnOnce(&Raw) -> Option<T>,
    ) -> T {
        let found = self.gathered.value(key(path)).expect("only keys that have a default are read unasked");
        take(&found.raw).unwrap_or_else(|| {
            self.wrong(path);
            placeholder
        })
    }

    pub(super) fn wrong(&mut self, path: &'static str) {
        let key = key(path);
        let Some(Found { raw, origin }) = self.gathered.value(key) else { return };
        if !self.unsound.insert(path) {
            return;
        }
        let secret = matches!(key.shape, Shape::Secrets);
        let found = if secret { raw.kind().to_owned() } else { raw.shown() };
        self.errors.push(ConfigError::Value {
            origin: origin.clone(),
            key: path.to_owned(),
            found,
            expected: key.expected(),
        });
    }
}

pub(super) fn key(path: &str) -> &'static Key {
    Key::find(path).unwrap_or_else(|| panic!("{path} is not in the table of keys"))
}

/// Where the components are installed, seen from the program.
fn installed(program: &Path) -> PathBuf {
    let directory = program.parent().unwrap_or(Path::new("/"));
    let beside = directory.parent().unwrap_or(Path::new("/"));
    let places =
        [directory.join("components"), beside.join("components"), beside.join("lib/overlord/components")];
    places.iter().find(|place| place.is_dir()).unwrap_or(&places[1]).clone()
}
