//! One question from beginning to end: new or resumed, the other way round where that was the
//! wrong guess, listening, stopping when told to. Knows the program only as something that can be
//! started and listened to.

use crate::command::{Mode, arguments, is_blank, is_session_id, stdin};
use crate::sentence::{self, Exit};
use crate::settings::Settings;
use crate::stream::{Ending, Stream, Update};

/// A question to be put to the program.
#[derive(Debug, Clone)]
pub struct Question {
    /// The session's id.
    pub session: String,
    /// Whether it is thought to exist.
    pub started: bool,
    /// What is asked.
    pub message: String,
}

/// What the program said in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// The session as the program names it.
    pub session: String,
    /// How many turns it took.
    pub turns: u32,
    /// How long the program says it took.
    pub duration_ms: u64,
    /// Whether the program calls its text an error.
    pub is_error: bool,
    /// The tools that were not permitted, once a denial.
    pub denied: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The program would not take this question.
    Refused(String),
    /// The program failed.
    Failed(String),
    /// The program fell silent.
    TimedOut(String),
    /// The host wished that it stop.
    Cancelled,
}

/// Why it does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpawnError {
    /// There is none.
    Missing,
    /// It may not.
    Denied,
    /// Anything else.
    Other(String),
}

/// What comes next from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A line of its standard output.
    Line(Vec<u8>),
    /// There will be no more.
    End,
    /// The host wishes that it stop.
    Cancelled,
    /// Nothing came for too long.
    Idle,
}

/// The program and the ear of whoever asked.
pub trait Program {
    /// A run of it.
    type Child: Child;
    /// Starts it.
    fn spawn(&mut self, arguments: Vec<String>, stdin: Vec<u8>) -> Result<Self::Child, SpawnError>;
    /// Hands on what it says while it works.
    fn emit(&mut self, update: Update);
}

/// A run of the program. Dropped, it is ended.
pub trait Child {
    /// Waits for the next step.
    fn next(&mut self) -> Step;
    /// Asks it to stop.
    fn interrupt(&mut self);
    /// Has it stopped where it has not ended so many milliseconds from now; another call starts anew.
    fn finish(&mut self, within_ms: u32);
    /// Waits for its end; how it was, and the last of its standard error.
    fn end(&mut self) -> (Exit, String);
}

/// A client that has answered ends within a second, or works on with subagents in the background
/// and says so line by line. One that stays silent for this long has been seen to stay for ever.
pub const LINGER_MS: u32 = 10_000;

/// Once asked to stop, the program is listened to until it ends; a host that says so many times
/// over that it wants an end, without making one, is not waited for.
const REMINDERS_MAX: u32 = 16;

/// Puts the question to the program and waits for its answer.
pub fn ask<P: Program>(settings: &Settings, question: &Question, program: &mut P) -> Result<Answer, Failure> {
    if !is_session_id(&question.session) {
        return Err(Failure::Refused("the session id is not the 36-character form of a UUID".into()));
    }
    if is_blank(&question.message) {
        return Err(Failure::Refused("the message holds nothing but white space; ask something".into()));
    }
    let guess = if question.started { Mode::Resume } else { Mode::New };
    match run(settings, question, guess, program) {
        // The session came or went since the host looked. One more try; a second wrong guess is a
        // failure like any other.
        Err(Stop::WrongMode(_)) => run(settings, question, guess.other(), program),
        other => other,
    }
    .map_err(|stop| match stop {
        Stop::WrongMode(sentence) => Failure::Failed(sentence),
        Stop::Failure(failure) => failure,
    })
}

/// Why a run gave no answer.
enum Stop {
    /// New, and the session exists, or resumed, and it does not.
    WrongMode(String),
    /// Anything else.
    Failure(Failure),
}

fn run<P: Program>(
    settings: &Settings,
    question: &Question,
    mode: Mode,
    program: &mut P,
) -> Result<Answer, Stop> {
    let input = stdin(settings, &question.message);
    let mut child = program.spawn(arguments(settings, &question.session, mode), input).map_err(|error| {
        Stop::Failure(Failure::Failed(match error {
            SpawnError::Missing => sentence::missing(),
            SpawnError::Denied => sentence::denied(),
            SpawnError::Other(why) => sentence::not_started(&why),
        }))
    })?;
    let mut stream = Stream::default();
    let mut failure = None;
    let mut reminders = 0;
    loop {
        let why = match child.next() {
            Step::Line(line) => {
                stream.line(&line, &mut |update| program.emit(update));
                if stream.has_answer() {
                    child.finish(LINGER_MS);
                }
                continue;
            }
            Step::End => break,
            Step::Cancelled => Failure::Cancelled,
            Step::Idle => Failure::TimedOut(sentence::idle()),
        };
        if reminders == 0 {
            child.interrupt();
            // A client that has answered and does not go is as good as one that went.
            failure = (!stream.has_answer()).then_some(why);
        }
        reminders += 1;
        if reminders == REMINDERS_MAX {
            return conclude(stream.end(), question, failure, || (Exit::Signal(9), String::new()), mode);
        }
    }
    conclude(stream.end(), question, failure, || child.end(), mode)
}

/// `failure`: what the run came to where it was stopped before it had an answer.
fn conclude(
    ending: Ending,
    question: &Question,
    failure: Option<Failure>,
    exit: impl FnOnce() -> (Exit, String),
    mode: Mode,
) -> Result<Answer, Stop> {
    // The end of the program is waited for in any case: a session is free only when it is gone.
    let (exit, stderr) = exit();
    if let Some(failure) = failure {
        return Err(Stop::Failure(failure));
    }
    if let Some(said) = ending.said {
        return Ok(Answer {
            text: said.text,
            session: said.session.unwrap_or_else(|| question.session.clone()),
            turns: said.turns,
            duration_ms: said.duration_ms,
            is_error: said.is_error,
            denied: ending.denied,
        });
    }
    let sentence = sentence::ended(&ending.errors, &stderr, exit);
    let wrong_mode = |text: &str| match mode {
        Mode::New => text.contains("Session ID") && text.contains("already in use"),
        Mode::Resume => text.contains("No conversation found"),
    };
    if wrong_mode(&stderr) || ending.errors.iter().any(|error| wrong_mode(error)) {
        Err(Stop::WrongMode(sentence))
    } else {
        Err(Stop::Failure(Failure::Failed(sentence)))
    }
}
