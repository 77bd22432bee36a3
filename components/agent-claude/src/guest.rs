//! The world `agent-adapter`: generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

use crate::drive::{self, Failure, SpawnError, Step};
use crate::sentence::Exit;
use crate::settings::Settings;
use crate::stream::Update;
use exports::overlord::policy::agent;
use overlord::policy::{process, progress};

wit_bindgen::generate!({ world: "agent-adapter", path: "../../wit" });

struct Guest;

export!(Guest);

impl agent::Guest for Guest {
    fn ask(settings: agent::Settings, question: agent::Question) -> Result<agent::Answer, agent::Failure> {
        let settings =
            Settings::read(&settings).map_err(|message| agent::Failure::Broken(agent::Fault { message }))?;
        let question = drive::Question {
            session: question.session,
            started: question.started,
            message: question.message,
        };
        match drive::ask(&settings, &question, &mut Lent) {
            Ok(answer) => Ok(agent::Answer {
                text: answer.text,
                session: answer.session,
                turns: answer.turns,
                duration_ms: answer.duration_ms,
                is_error: answer.is_error,
                facts: answer.denied.into_iter().map(denied).collect(),
            }),
            Err(Failure::Refused(sentence)) => Err(agent::Failure::Refused(sentence)),
            Err(Failure::Failed(sentence)) => Err(agent::Failure::Failed(sentence)),
            Err(Failure::TimedOut(sentence)) => Err(agent::Failure::TimedOut(sentence)),
            Err(Failure::Cancelled) => Err(agent::Failure::Cancelled),
        }
    }
}

fn denied(value: String) -> agent::Fact {
    agent::Fact { name: "denied".into(), value }
}

/// The program that the host lends.
struct Lent;

impl drive::Program for Lent {
    type Child = process::Child;

    fn spawn(&mut self, arguments: Vec<String>, stdin: Vec<u8>) -> Result<process::Child, SpawnError> {
        let command = process::Command { arguments, environment: Vec::new(), stdin };
        process::spawn(&command).map_err(|error| match error {
            process::SpawnError::Missing => SpawnError::Missing,
            process::SpawnError::Denied => SpawnError::Denied,
            process::SpawnError::Other(why) => SpawnError::Other(why),
        })
    }

    fn emit(&mut self, update: Update) {
        progress::emit(&match update {
            Update::Delta(text) => progress::Update::Delta(text),
            Update::Replacement(text) => progress::Update::Replacement(text),
            Update::ToolCalled { id, name, input } => {
                progress::Update::ToolCalled(progress::ToolCall { id, name, input })
            }
            Update::ToolEnded { id, failed, output } => {
                progress::Update::ToolEnded(progress::ToolResult { id, failed, output })
            }
            Update::Denied(tool) => progress::Update::Denied(tool),
            Update::Note(text) => progress::Update::Note(text),
        });
    }
}

impl drive::Child for process::Child {
    fn next(&mut self) -> Step {
        match process::Child::next(self) {
            process::Step::Line(line) => Step::Line(line),
            process::Step::End => Step::End,
            process::Step::Cancelled => Step::Cancelled,
            process::Step::Idle => Step::Idle,
        }
    }

    fn interrupt(&mut self) {
        process::Child::interrupt(self);
    }

    fn finish(&mut self, within_ms: u32) {
        process::Child::finish(self, within_ms);
    }

    fn end(&mut self) -> (Exit, String) {
        let exit = match self.wait() {
            process::Exit::Code(code) => Exit::Code(code),
            process::Exit::Signal(signal) => Exit::Signal(signal),
        };
        (exit, self.stderr_tail())
    }
}
