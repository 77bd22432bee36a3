//! Starts programs: tries the walls once, then sends each program's launcher on its way and hands
//! the running program to its keeper.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use uuid::Uuid;

use crate::child::Child;
use crate::error::{SpawnError, StartError};
use crate::keeper::{Control, Limits, Running, Shared, keep};
use crate::proc;
use crate::sweep::tag;
use crate::wall::{Candidate, Kind, Wall, WallRequest, candidates};
use crate::wire::{self, Failure, Host, Isolation, Namespaces, Raw, Report, Spec, TAG};

/// How long a launcher may take to start a program. It needs milliseconds.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How to start a launcher.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The binary whose `main` calls [`launcher::main`]: usually `/proc/self/exe`, which stays
    /// right when the file is replaced.
    ///
    /// [`launcher::main`]: crate::launcher::main
    pub program: PathBuf,
    /// What makes it do so.
    pub arguments: Vec<OsString>,
}

/// What a supervisor is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// How to start a launcher.
    pub launcher: Launcher,
    /// Names the host's data folder in the tags of its programs.
    pub data_id: Uuid,
    /// Which wall is wanted.
    pub wall: WallRequest,
    /// The account that programs run as, where there is one and the host may switch.
    pub agent_user: Option<String>,
    /// Neither readable nor writable for a program. Give folders rather than files: a file that is
    /// replaced while a program runs (written beside and renamed) is a new file, not a hidden one.
    pub hidden: Vec<PathBuf>,
    /// Readable, never writable, even where they lie in a writable place.
    pub read_only: Vec<PathBuf>,
}

/// A program to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// A path, or a bare name that is looked up on the `PATH` of `environment`. Never split.
    pub program: PathBuf,
    /// Everything after its name.
    pub arguments: Vec<String>,
    /// All of its environment, but for the tag that is added.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub directory: PathBuf,
    /// What it finds on its standard input, which is then closed.
    pub stdin: Vec<u8>,
    /// Names the run in the tag.
    pub run: Uuid,
    /// The only places where it may write, besides temporary folders of its own: its directory
    /// and home, usually. Each must exist.
    pub writable: Vec<PathBuf>,
}

/// Starts programs behind the wall that it found.
#[derive(Debug)]
pub struct Supervisor {
    launcher: Launcher,
    data_id: Uuid,
    wall: Wall,
    hidden: Vec<Raw>,
    read_only: Vec<Raw>,
}

/// A launcher on its way.
struct Launched {
    child: tokio::process::Child,
    control: UnixStream,
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

impl Supervisor {
    /// Tries the walls, strongest first, with a child that attacks each from within, and keeps
    /// the first that holds.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let hidden = resolve(&options.hidden)?;
        let read_only = resolve(&options.read_only)?;
        let (all, passed_over) = candidates(options.wall, options.agent_user.as_deref());
        let untried = Isolation { namespaces: Namespaces::None, account: None, landlock: false };
        let mut supervisor = Self {
            launcher: options.launcher,
            data_id: options.data_id,
            wall: Wall { kind: Kind::None, isolation: untried, sentence: String::new(), passed_over },
            hidden,
            read_only,
        };
        for Candidate { kind, isolation, sentence } in all {
            supervisor.wall.kind = kind;
            supervisor.wall.isolation = isolation;
            supervisor.wall.sentence = sentence;
            match supervisor.try_wall().await {
                Ok(()) => return Ok(supervisor),
                Err(reason) => {
                    let wall = &mut supervisor.wall;
                    let how = match wall.isolation.namespaces {
                        Namespaces::Privileged => " in namespaces",
                        Namespaces::Unprivileged => " by a user namespace",
                        Namespaces::None => "",
                    };
                    wall.passed_over.push(format!("not {kind}{how}: {reason}"));
                }
            }
        }
        Err(StartError::NoWall { reasons: supervisor.wall.passed_over.join("; ") })
    }

    /// The wall that programs run behind.
    pub fn wall(&self) -> &Wall {
        &self.wall
    }

    /// Starts a program; returns when it runs, or with the reason why it does not.
    pub async fn spawn(&self, command: Command, limits: Limits) -> Result<Child, SpawnError> {
        let run = command.run;
        let (spec, message) = self.spec(command);
        let launched = self.launch(spec, run).await?;
        let mut control = control(launched.control)?;
        let first = match first_word(&mut control).await {
            Ok(Report::Started) => Ok(()),
            Ok(Report::Failed(failure)) => Err(failure.into()),
            Ok(_) => Err(SpawnError::Other("the launcher spoke out of turn".to_owned())),
            Err(error) => Err(error),
        };
        if let Err(error) = first {
            dismiss(launched.child).await;
            return Err(error);
        }
        let running = Running {
            launcher: launched.child,
            control,
            stdout: pipe::Receiver::from_owned_fd(launched.stdout)
                .map_err(|error| own("read the program's output", &error))?,
            stderr: pipe::Receiver::from_owned_fd(launched.stderr)
                .map_err(|error| own("read the program's errors", &error))?,
            data_id: self.data_id,
            run,
        };
        let mut stdin = pipe::Sender::from_owned_fd(launched.stdin)
            .map_err(|error| own("write the program's input", &error))?;
        let shared = Arc::new(Shared::new());
        let (orders, received) = mpsc::unbounded_channel();
        let (told, exit) = watch::channel(None);
        let keeping = keep(running, limits, Arc::clone(&shared), received, told);
        tokio::spawn(async move {
            // A program that does not want its input closes it, and the write fails: its choice.
            // One that never reads holds this up until it ends.
            let writing = tokio::spawn(async move { stdin.write_all(&message).await });
            keeping.await;
            writing.abort();
        });
        Ok(Child { shared, orders, exit })
    }

    async fn try_wall(&self) -> Result<(), String> {
        if self.wall.kind == Kind::None {
            return Ok(());
        }
        let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        let started = proc::process(own).map(|process| process.started);
        let host = Host { pid: own, started: started.ok_or("the host cannot see itself")? };
        let spec = Spec {
            program: Raw(Vec::new()),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: Raw(b"/".to_vec()),
            isolation: self.wall.isolation.clone(),
            hidden: self.hidden.clone(),
            read_only: self.read_only.clone(),
            writable: Vec::new(),
            probe: Some(host),
        };
        let launched = self.launch(spec, Uuid::nil()).await.map_err(|error| error.to_string())?;
        let mut control = control(launched.control).map_err(|error| error.to_string())?;
        let first = first_word(&mut control).await;
        dismiss(launched.child).await;
        match first.map_err(|error| error.to_string())? {
            Report::Probed(managed) if managed.is_empty() => Ok(()),
            Report::Probed(managed) => Err(format!("a program in there {}", managed.join(", "))),
            Report::Failed(Failure::Other(reason)) => Err(reason),
            _ => Err("the launcher spoke out of turn".to_owned()),
        }
    }

    /// What the launcher is told, and what the program finds on its input.
    fn spec(&self, command: Command) -> (Spec, Vec<u8>) {
        let tagged = (Raw(TAG.into()), Raw(tag(self.data_id, command.run).into_bytes()));
        let environment = command
            .environment
            .into_iter()
            .map(|(name, value)| (Raw::from(name), Raw::from(value)))
            .filter(|(name, _)| name.0 != TAG.as_bytes())
            .chain([tagged])
            .collect();
        let spec = Spec {
            program: command.program.into(),
            arguments: command.arguments.into_iter().map(|text| Raw(text.into_bytes())).collect(),
            environment,
            directory: command.directory.into(),
            isolation: self.wall.isolation.clone(),
            hidden: self.hidden.clone(),
            read_only: self.read_only.clone(),
            writable: command.writable.into_iter().map(Raw::from).collect(),
            probe: None,
        };
        (spec, command.stdin)
    }

    /// Starts a launcher and tells it what to do. Away from the runtime's own threads: starting a
    /// process holds its thread until the new one has found its binary.
    async fn launch(&self, spec: Spec, run: Uuid) -> Result<Launched, SpawnError> {
        let Launcher { program, arguments } = self.launcher.clone();
        let tag = tag(self.data_id, run);
        tokio::task::spawn_blocking(move || launch(&program, &arguments, &tag, &spec))
            .await
            .map_err(|error| SpawnError::Other(format!("could not start a launcher: {error}")))?
            .map_err(|error| own("start a launcher", &error))
    }
}

impl From<Failure> for SpawnError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing => Self::Missing,
            Failure::Denied => Self::Denied,
            Failure::Other(reason) => Self::Other(reason),
        }
    }
}

fn launch(program: &Path, arguments: &[OsString], tag: &str, spec: &Spec) -> io::Result<Launched> {
    let (control, theirs) = UnixStream::pair()?;
    let (stdin_theirs, stdin) = io::pipe()?;
    let (stdout, stdout_theirs) = io::pipe()?;
    let (stderr, stderr_theirs) = io::pipe()?;
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        // What the program is given is in the spec. Nothing that a caller may choose (say,
        // `LD_PRELOAD`) acts on the launcher, which may be the superuser's.
        .env_clear()
        .env(TAG, tag)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(OwnedFd::from(stdout_theirs)))
        .stderr(Stdio::from(OwnedFd::from(stderr_theirs)));
    let child = command.spawn()?;
    // Holds the launcher's ends.
    drop(command);
    control.set_write_timeout(Some(START_LIMIT))?;
    wire::send(&control, spec, stdin_theirs.as_fd())?;
    control.set_nonblocking(true)?;
    Ok(Launched { child, control, stdin: stdin.into(), stdout: stdout.into(), stderr: stderr.into() })
}

fn control(socket: UnixStream) -> Result<Control, SpawnError> {
    tokio::net::UnixStream::from_std(socket)
        .map(Control::new)
        .map_err(|error| own("listen to a launcher", &error))
}

/// Ends a launcher that runs no program, and waits for it so that it does not stay a zombie.
async fn dismiss(mut launcher: tokio::process::Child) {
    // Errors mean that it is gone.
    let _ = launcher.kill().await;
}

/// The launcher's first word.
async fn first_word(control: &mut Control) -> Result<Report, SpawnError> {
    match timeout(START_LIMIT, control.report()).await {
        Ok(Ok(Some(report))) => Ok(report),
        Ok(Ok(None)) => Err(SpawnError::Other("the launcher ended without a word".to_owned())),
        Ok(Err(error)) => Err(own("hear from a launcher", &error)),
        Err(_) => Err(SpawnError::Other(format!(
            "the launcher did not start the program within {} s",
            START_LIMIT.as_secs()
        ))),
    }
}

/// Real paths: what a program could reach through a link is hidden too. A path that does not exist
/// yet is taken where its folder does.
fn resolve(paths: &[PathBuf]) -> Result<Vec<Raw>, StartError> {
    paths
        .iter()
        .map(|path| {
            let real = fs::canonicalize(path).or_else(|error| {
                match (error.kind(), path.parent(), path.file_name()) {
                    (io::ErrorKind::NotFound, Some(parent), Some(name)) => {
                        Ok(fs::canonicalize(parent)?.join(name))
                    }
                    _ => Err(error),
                }
            });
            real.map(Raw::from).map_err(|source| StartError::Path { path: path.clone(), source })
        })
        .collect()
}

fn own(what: &str, error: &io::Error) -> SpawnError {
    SpawnError::Other(format!("could not {what}: {error}"))
}
