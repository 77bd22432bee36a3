//! The program as a test plays it for an agent adapter: the contract's interfaces `process` and
//! `progress` over a script, with a note of all that the adapter did. No process is started.

use std::collections::VecDeque;
use std::path::Path;

use serde_json::Value;
use wasmtime::component::{HasSelf, Resource, ResourceTable};

use crate::raw;
use bindings::AgentAdapter;
pub use bindings::exports::overlord::policy::agent::{Answer, Failure, Question};
pub use bindings::overlord::policy::process::{Command, Exit, SpawnError, Step};
use bindings::overlord::policy::{process, progress, types};
pub use progress::Update;

#[allow(missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "agent-adapter",
        imports: { default: trappable },
        exports: { default: async },
        with: { "overlord:policy/process.child": super::Child },
    });
}

/// What the adapter is asked in each of these tests.
pub const SESSION: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

/// One run: what it says and how it ends.
pub struct Run {
    steps: VecDeque<Step>,
    exit: Exit,
    stderr: String,
}

/// A run under way.
pub struct Child(Run);

/// The program, and what was done with it.
#[derive(Default)]
pub struct Fake {
    table: ResourceTable,
    runs: VecDeque<Result<Run, SpawnError>>,
    /// How it was started, each time.
    pub spawned: Vec<Command>,
    /// What the adapter said on the way.
    pub updates: Vec<Update>,
    /// How often the program was asked to stop.
    pub interrupts: u32,
    /// In how many milliseconds its end was due, each time that was said.
    pub finishes: Vec<u32>,
    /// How many runs were let go of.
    pub dropped: usize,
}

impl Run {
    /// Prints these lines and exits with `code`.
    pub fn new<L: AsRef<[u8]>>(lines: &[L], code: i32, stderr: &str) -> Self {
        let steps = lines.iter().map(|line| Step::Line(line.as_ref().to_vec())).collect();
        Self { steps, exit: Exit::Code(code), stderr: stderr.to_owned() }
    }

    /// What the published client printed once; a recording of `tests/fixtures/streams`.
    pub fn recorded(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/streams");
        let output = std::fs::read_to_string(folder.join(format!("{name}.stdout"))).expect("a recording");
        let about = std::fs::read(folder.join(format!("{name}.meta.json"))).expect("what is known of it");
        let about: Value = serde_json::from_slice(&about).expect("it is JSON");
        let code = i32::try_from(about["exit"].as_i64().expect("an exit code")).expect("a small one");
        let stderr = about["stderr"].as_str().expect("text");
        Self::new(&output.lines().collect::<Vec<_>>(), code, stderr)
    }

    /// And then these.
    pub fn then(mut self, steps: &[Step]) -> Self {
        self.steps.extend(steps.iter().cloned());
        self
    }

    /// Ends by this signal instead.
    pub fn killed_by(mut self, signal: i32) -> Self {
        self.exit = Exit::Signal(signal);
        self
    }
}

impl Fake {
    /// Each start is the next of these.
    pub fn of(runs: impl IntoIterator<Item = Result<Run, SpawnError>>) -> Self {
        Self { runs: runs.into_iter().collect(), ..Self::default() }
    }

    /// The flags by which it was told which session.
    pub fn modes(&self) -> Vec<&str> {
        let mode = |command: &Command| {
            let flags = ["--session-id", "--resume"];
            flags.into_iter().find(|flag| command.arguments.contains(&format!("{flag}={SESSION}")))
        };
        self.spawned.iter().filter_map(mode).collect()
    }

    /// What it found on its standard input the last time.
    pub fn stdin(&self) -> &str {
        let last = self.spawned.last().expect("it was started");
        std::str::from_utf8(&last.stdin).expect("a message is text")
    }
}

/// Puts a question to `agent-claude`, which finds this program. An error is a trap.
pub async fn ask(
    fake: Fake,
    settings: &[(&str, &str)],
    started: bool,
    message: &str,
) -> (wasmtime::Result<Result<Answer, Failure>>, Fake) {
    let (engine, component) = agent();
    let mut linker = wasmtime::component::Linker::new(&engine);
    AgentAdapter::add_to_linker::<_, HasSelf<Fake>>(&mut linker, |fake| fake)
        .expect("nothing is there twice");
    let mut store = raw::store(&engine, fake);
    let adapter =
        AgentAdapter::instantiate_async(&mut store, &component, &linker).await.expect("the adapter fits");
    let settings: Vec<_> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let question = Question {
        session: SESSION.to_owned(),
        started,
        user: "alice".to_owned(),
        message: message.to_owned(),
        facts: Vec::new(),
    };
    let outcome = adapter.overlord_policy_agent().call_ask(&mut store, &settings, &question).await;
    (outcome, store.into_data())
}

/// The adapter, compiled once.
fn agent() -> (wasmtime::Engine, wasmtime::component::Component) {
    static AGENT: std::sync::OnceLock<(wasmtime::Engine, wasmtime::component::Component)> =
        std::sync::OnceLock::new();
    AGENT.get_or_init(|| raw::component("agent-claude")).clone()
}

impl types::Host for Fake {}

impl process::Host for Fake {
    fn spawn(&mut self, command: Command) -> wasmtime::Result<Result<Resource<Child>, SpawnError>> {
        self.spawned.push(command);
        let run = self.runs.pop_front().expect("it is started no more often than the test says");
        Ok(match run {
            Ok(run) => Ok(self.table.push(Child(run))?),
            Err(error) => Err(error),
        })
    }
}

impl process::HostChild for Fake {
    fn next(&mut self, child: Resource<Child>) -> wasmtime::Result<Step> {
        Ok(self.table.get_mut(&child)?.0.steps.pop_front().unwrap_or(Step::End))
    }

    fn interrupt(&mut self, child: Resource<Child>) -> wasmtime::Result<()> {
        self.table.get(&child)?;
        self.interrupts += 1;
        Ok(())
    }

    fn finish(&mut self, child: Resource<Child>, within_ms: u32) -> wasmtime::Result<()> {
        self.table.get(&child)?;
        self.finishes.push(within_ms);
        Ok(())
    }

    fn wait(&mut self, child: Resource<Child>) -> wasmtime::Result<Exit> {
        Ok(self.table.get(&child)?.0.exit)
    }

    fn stderr_tail(&mut self, child: Resource<Child>) -> wasmtime::Result<String> {
        Ok(self.table.get(&child)?.0.stderr.clone())
    }

    fn drop(&mut self, child: Resource<Child>) -> wasmtime::Result<()> {
        self.table.delete(child)?;
        self.dropped += 1;
        Ok(())
    }
}

impl progress::Host for Fake {
    fn emit(&mut self, update: Update) -> wasmtime::Result<()> {
        self.updates.push(update);
        Ok(())
    }
}
