//! How is the program driven: a whole run as the client printed it, word by word, from a script
//! instead of a process. What a process costs is another row.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use agent_claude::drive::{self, Child, Program, SpawnError, Step};
use agent_claude::sentence::Exit;
use agent_claude::settings::Settings;
use agent_claude::stream::Update;
use anyhow::{Context as _, anyhow, ensure};
use overlord::capability::process::{self, ScriptedProcess};
use overlord::domain::{Question, SessionId};
use overlord::sandbox::{Agent, Policy};
use overlord_tests::host::built;

use super::{Bench, timed};
use crate::cookie_check::USER;
use crate::table::Row;

/// What the client printed for "hello", partial messages included.
const RECORDING: &str = "tests/fixtures/streams/21-stream-partial.stdout";

pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    let pairs = vec![("cwd".to_owned(), "/srv/demo/work".to_owned())];
    let policies = bench.load::<Agent>("agent-claude", &pairs)?;
    let printed = std::fs::read_to_string(built(RECORDING)).context(RECORDING)?;
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    let question = Question { session: SessionId::fresh(), message: "hello".to_owned() };
    bench.rows(
        "agent ask, a recorded run",
        None,
        async || answered(&policies.fresh, &question, &lines).await,
        async || answered(&policies.warm, &question, &lines).await,
        || natively(&pairs, &question, &lines),
    )
}

async fn answered(policy: &Policy<Agent>, question: &Question, lines: &[String]) -> anyhow::Result<Duration> {
    let script = ScriptedProcess {
        arguments: None,
        stdin: None,
        stdout: lines.to_vec(),
        stderr: String::new(),
        exit: Some(0),
        signal: None,
        spawn_error: None,
        cancelled_after: None,
        idle_after: None,
    };
    let asking = policy.ask(process::Program::scripted(vec![script]), question, USER, false);
    let (answer, elapsed) = timed(asking).await;
    let answer = answer.map_err(|why| anyhow!("the policy gave no answer: {why:?}"))?;
    ensure!(!answer.is_error && !answer.result.is_empty(), "the policy's answer is {answer:?}");
    Ok(elapsed)
}

fn natively(pairs: &[(String, String)], question: &Question, lines: &[String]) -> anyhow::Result<Duration> {
    let mut program =
        Recorded { lines: lines.iter().map(|line| line.clone().into_bytes()).collect(), updates: 0 };
    let begun = Instant::now();
    let settings = Settings::read(pairs).map_err(|why| anyhow!(why))?;
    let question = drive::Question {
        session: question.session.to_string(),
        started: false,
        message: question.message.clone(),
    };
    let answer = drive::ask(&settings, &question, &mut program);
    let elapsed = begun.elapsed();
    let answer = answer.map_err(|why| anyhow!("the native code gave no answer: {why:?}"))?;
    ensure!(!answer.text.is_empty() && program.updates > 0, "the native code's answer is {answer:?}");
    Ok(elapsed)
}

/// A program that says what was recorded.
struct Recorded {
    lines: VecDeque<Vec<u8>>,
    updates: u32,
}

/// A run of it.
struct Said(VecDeque<Vec<u8>>);

impl Program for Recorded {
    type Child = Said;

    fn spawn(&mut self, _: Vec<String>, _: Vec<u8>) -> Result<Said, SpawnError> {
        Ok(Said(std::mem::take(&mut self.lines)))
    }

    fn emit(&mut self, _: Update) {
        self.updates += 1;
    }
}

impl Child for Said {
    fn next(&mut self) -> Step {
        self.0.pop_front().map_or(Step::End, Step::Line)
    }

    fn interrupt(&mut self) {}

    fn finish(&mut self, _: u32) {}

    fn end(&mut self) -> (Exit, String) {
        (Exit::Code(0), String::new())
    }
}
