//! The program as one question may use it: how often it is started, with what, and how it is told to
//! stop. Implements the contract's interfaces over the crate that owns real children.

use std::any::Any;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use overlord_process::{Child, Event, Limits, StopCause, Supervisor};
use tokio::sync::watch;
use uuid::Uuid;
use wasmtime::component::Resource;

use super::environment::together;
use super::scripted::{ScriptedChild, ScriptedProcess};
use crate::config::Inherited;
use crate::domain;
use crate::sandbox::bindings::agent::overlord::policy::process::{
    Command, Exit, Host, HostChild, SpawnError, Step,
};
use crate::sandbox::bindings::agent::overlord::policy::progress::{self, Update};
use crate::sandbox::{Guest, Lent};

/// How often one question may start the program: once, once more the other way round (new instead of
/// resume), and room for an adapter that looks at the version first.
const STARTS_MAX: u32 = 4;

/// The most bytes of a command's arguments together: the system's own limit is near 128 KiB for one.
const ARGUMENT_BYTES_MAX: usize = 96 << 10;

/// The most bytes on a program's standard input: a message has at most 10,000 characters.
const STDIN_BYTES_MAX: usize = 1 << 20;

/// The longest that an adapter may give a program that has said what matters.
const FINISH_MAX: Duration = Duration::from_mins(1);

/// What every start of the program has in common.
#[derive(Debug, Clone)]
pub struct ProgramSetup {
    /// The program.
    pub program: PathBuf,
    /// What comes before the adapter's own arguments.
    pub leading: Vec<String>,
    /// All of its environment that does not come from the adapter.
    pub inherited: Vec<(OsString, OsString)>,
    /// What an adapter may add.
    pub allowed: Inherited,
    /// Where it runs.
    pub directory: PathBuf,
    /// What it may write to besides that directory.
    pub writable: Vec<PathBuf>,
    /// Its limits.
    pub limits: Limits,
}

/// The host's wish that a run stop; see [`Stop`].
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<bool>);

/// Tells a run that it is to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl StopHandle {
    /// A handle that has not been used.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// What the run listens to.
    pub fn listen(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Stops the run. Safe to repeat.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Default for StopHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Whether the wish has been uttered.
    pub fn wished(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the wish.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|wished| *wished).await.is_err() {
            // Whoever could have wished is gone: it never comes.
            std::future::pending::<()>().await;
        }
    }
}

/// Whoever hears what is said while the program works.
pub trait Listener: std::fmt::Debug + Send + Sync {
    /// Something is said. Neither waits nor fails.
    fn hear(&self, update: domain::Update);
}

/// The program, for one question.
#[derive(Debug)]
pub struct Program(Kind);

#[derive(Debug)]
enum Kind {
    Real(Real),
    Scripted { scripts: VecDeque<ScriptedProcess>, broken: Option<String> },
}

#[derive(Debug)]
struct Real {
    supervisor: Arc<Supervisor>,
    setup: Arc<ProgramSetup>,
    run: Uuid,
    stop: Stop,
    starts: u32,
    stopped: Stopped,
    listener: Arc<dyn Listener>,
    keep: Arc<dyn Any + Send + Sync>,
}

/// Why the host ended a child of this run, if it did.
#[derive(Debug, Clone, Default)]
pub struct Stopped(Arc<Mutex<Option<StopCause>>>);

impl Stopped {
    /// The first reason.
    pub fn cause(&self) -> Option<StopCause> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, cause: Option<StopCause>) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = cause;
        }
    }
}

impl Program {
    /// Lends the program to the run `run`. `keep` is held until the last of its processes is gone.
    pub fn real(
        supervisor: Arc<Supervisor>,
        setup: Arc<ProgramSetup>,
        run: Uuid,
        stop: Stop,
        listener: Arc<dyn Listener>,
        keep: Arc<dyn Any + Send + Sync>,
    ) -> (Self, Stopped) {
        let stopped = Stopped::default();
        let real = Real { supervisor, setup, run, stop, starts: 0, stopped: stopped.clone(), listener, keep };
        (Self(Kind::Real(real)), stopped)
    }

    /// A made-up program, one script a start.
    pub fn scripted(scripts: Vec<ScriptedProcess>) -> Self {
        Self(Kind::Scripted { scripts: scripts.into(), broken: None })
    }

    /// Where the adapter did not keep to the script.
    pub fn script_broken(&self) -> Option<String> {
        match &self.0 {
            Kind::Scripted { broken: Some(why), .. } => Some(why.clone()),
            Kind::Scripted { scripts, .. } if !scripts.is_empty() => {
                Some(format!("it did not start the program as often as expected ({} more)", scripts.len()))
            }
            _ => None,
        }
    }

    async fn spawn(&mut self, command: Command) -> Result<LentChild, SpawnError> {
        match &mut self.0 {
            Kind::Real(real) => real.spawn(command).await,
            Kind::Scripted { scripts, broken } => match scripts.pop_front() {
                None => {
                    *broken = Some("it started the program more often than expected".to_owned());
                    Err(SpawnError::Denied)
                }
                Some(script) => {
                    if let Some(why) = script.differs(&command) {
                        broken.get_or_insert(why);
                    }
                    script.start().map(LentChild::Scripted)
                }
            },
        }
    }
}

impl Real {
    async fn spawn(&mut self, command: Command) -> Result<LentChild, SpawnError> {
        self.starts += 1;
        if self.starts > STARTS_MAX {
            tracing::warn!(
                "the agent component started its program more than {STARTS_MAX} times for one question"
            );
            return Err(SpawnError::Denied);
        }
        if self.stop.wished() {
            return Err(SpawnError::Other("the run is being stopped".to_owned()));
        }
        let bytes: usize = command.arguments.iter().map(|argument| argument.len() + 1).sum();
        if bytes > ARGUMENT_BYTES_MAX || command.stdin.len() > STDIN_BYTES_MAX {
            return Err(SpawnError::Other(format!(
                "a command may have {ARGUMENT_BYTES_MAX} bytes of arguments and {STDIN_BYTES_MAX} bytes of input"
            )));
        }
        let environment = together(&self.setup.inherited, &self.setup.allowed, command.environment);
        let environment = environment.map_err(|why| {
            tracing::warn!("the agent component wants to set {why}");
            SpawnError::Denied
        })?;
        let command = overlord_process::Command {
            program: self.setup.program.clone(),
            arguments: self.setup.leading.iter().cloned().chain(command.arguments).collect(),
            environment,
            directory: self.setup.directory.clone(),
            stdin: command.stdin,
            run: self.run,
            writable: self.setup.writable.clone(),
        };
        match self.supervisor.spawn(command, self.setup.limits.clone()).await {
            Ok(child) => Ok(LentChild::Real(Box::new(RealChild {
                child: Some(child),
                stop: self.stop.clone(),
                wish_told: false,
                stopped: self.stopped.clone(),
                keep: Arc::clone(&self.keep),
            }))),
            Err(overlord_process::SpawnError::Missing) => Err(SpawnError::Missing),
            Err(overlord_process::SpawnError::Denied) => Err(SpawnError::Denied),
            Err(overlord_process::SpawnError::Other(why)) => Err(SpawnError::Other(why)),
        }
    }
}

/// A running program in a guest's hands.
#[derive(Debug)]
pub enum LentChild {
    /// A process.
    Real(Box<RealChild>),
    /// Made up by a case.
    #[allow(private_interfaces)] // nobody outside looks into it
    Scripted(ScriptedChild),
}

/// A process in a guest's hands.
#[derive(Debug)]
pub struct RealChild {
    /// There until it is dropped.
    child: Option<Child>,
    stop: Stop,
    wish_told: bool,
    stopped: Stopped,
    keep: Arc<dyn Any + Send + Sync>,
}

impl RealChild {
    fn child(&self) -> &Child {
        self.child.as_ref().expect("only dropping takes it")
    }

    async fn next(&mut self) -> Step {
        let wished = !self.wish_told;
        let child = self.child.as_mut().expect("only dropping takes it");
        let step = tokio::select! {
            biased;
            () = self.stop.wait(), if wished => {
                self.wish_told = true;
                child.begin_stop();
                Step::Cancelled
            }
            event = child.next() => match event {
                Event::Line(line) => Step::Line(line),
                Event::Idle => Step::Idle,
                Event::End => Step::End,
            },
        };
        self.stopped.note(self.child().stopped_because());
        step
    }

    async fn wait(&mut self) -> Exit {
        let exit = self.child().wait().await;
        self.stopped.note(self.child().stopped_because());
        match exit {
            overlord_process::Exit::Code(code) => Exit::Code(code),
            overlord_process::Exit::Signal(signal) => Exit::Signal(signal),
        }
    }
}

impl Drop for RealChild {
    /// What a guest leaves running is stopped, and its place is held until it is gone.
    fn drop(&mut self) {
        let (Some(child), keep) = (self.child.take(), Arc::clone(&self.keep)) else { return };
        // Its place is given back here and now: whoever has the answer may ask again at once.
        if child.has_ended() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                child.stop().await;
                drop(keep);
            });
        }
    }
}

impl Host for Guest {
    async fn spawn(&mut self, command: Command) -> wasmtime::Result<Result<Resource<LentChild>, SpawnError>> {
        let Lent::Program(program) = &mut self.lent else { return Ok(Err(SpawnError::Denied)) };
        let outcome = program.spawn(command).await;
        self.waited();
        Ok(match outcome {
            Ok(child) => Ok(self.table.push(child)?),
            Err(error) => Err(error),
        })
    }
}

impl HostChild for Guest {
    async fn next(&mut self, child: Resource<LentChild>) -> wasmtime::Result<Step> {
        let step = match self.table.get_mut(&child)? {
            LentChild::Real(child) => child.next().await,
            LentChild::Scripted(child) => child.next(),
        };
        self.waited();
        Ok(step)
    }

    async fn interrupt(&mut self, child: Resource<LentChild>) -> wasmtime::Result<()> {
        if let LentChild::Real(child) = self.table.get_mut(&child)? {
            child.child().interrupt();
        }
        Ok(())
    }

    async fn finish(&mut self, child: Resource<LentChild>, within_ms: u32) -> wasmtime::Result<()> {
        if let LentChild::Real(child) = self.table.get_mut(&child)? {
            child.child().finish_within(Duration::from_millis(within_ms.into()).min(FINISH_MAX));
        }
        Ok(())
    }

    async fn wait(&mut self, child: Resource<LentChild>) -> wasmtime::Result<Exit> {
        let exit = match self.table.get_mut(&child)? {
            LentChild::Real(child) => child.wait().await,
            LentChild::Scripted(child) => child.exit(),
        };
        self.waited();
        Ok(exit)
    }

    async fn stderr_tail(&mut self, child: Resource<LentChild>) -> wasmtime::Result<String> {
        Ok(match self.table.get_mut(&child)? {
            LentChild::Real(child) => child.child().stderr_tail(),
            LentChild::Scripted(child) => child.stderr(),
        })
    }

    async fn drop(&mut self, child: Resource<LentChild>) -> wasmtime::Result<()> {
        self.table.delete(child)?;
        Ok(())
    }
}

impl progress::Host for Guest {
    async fn emit(&mut self, update: Update) -> wasmtime::Result<()> {
        if let Update::Note(note) = &update {
            tracing::debug!("agent: {}", note.escape_debug());
        }
        if let Lent::Program(program) = &self.lent
            && let Kind::Real(real) = &program.0
        {
            real.listener.hear(heard(update));
        }
        Ok(())
    }
}

fn heard(update: Update) -> domain::Update {
    match update {
        Update::Delta(text) => domain::Update::Delta(text),
        Update::Replacement(text) => domain::Update::Replace(text),
        Update::ToolCalled(call) => {
            domain::Update::ToolCalled { id: call.id, name: call.name, input: call.input }
        }
        Update::ToolEnded(result) => {
            domain::Update::ToolEnded { id: result.id, failed: result.failed, output: result.output }
        }
        Update::Denied(name) => domain::Update::Denied(name),
        Update::Note(text) => domain::Update::Note(text),
    }
}
