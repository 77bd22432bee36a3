//! One turn from the command line to the exit code: which session, what happens, what it comes to.

use crate::answer::{DEMO, Question, text};
use crate::arguments::{Arguments, Format, Session as Named};
use crate::clock::{Signals, now, now_ms};
use crate::mischief;
use crate::output::Output;
use crate::play::{Interrupted, MODEL, Play, Tool, usage};
use crate::script::{Effect, Script};
use crate::session::{Session, directory};
use serde_json::{Value, json};
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How a turn ends before its answer.
enum Early {
    /// By SIGINT.
    Interrupted,
    /// With an answer that is an error.
    Error(String),
    /// With no result, this exit code, and this on standard error.
    Silent(u8, String),
}

impl From<Interrupted> for Early {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// How long the API is said to be busy.
const BUSY: Duration = Duration::from_millis(500);

const OVERLOADED: &str = "API Error: 529 the demo agent was asked to pretend that the API is overloaded";

/// Answers the message; the exit code, or what is printed to standard error before exit code 1.
pub(crate) fn run(arguments: &Arguments, message: &str) -> Result<u8, String> {
    let began = Instant::now();
    let cwd = std::env::current_dir()
        .map_err(|error| format!("Error: finding out the working directory failed: {error}"))?;
    let signals =
        Signals::take_over().map_err(|error| format!("Error: watching for signals failed: {error}"))?;
    let script = Script::read(message);
    if script.deaf {
        signals.ignore();
    }
    let directory = if arguments.persistent { Some(directory(&cwd)?) } else { None };
    let mut id = session_id(arguments, directory.as_deref())?;
    let command = message.strip_prefix('/').and_then(|rest| rest.split_whitespace().next());
    if script.elsewhere || command == Some("clear") {
        id = Uuid::new_v4().to_string();
    }
    let mut output = Output::new(arguments.format, arguments.verbose, arguments.partial, &id);
    output.event(json!({"type": "system", "subtype": "init", "cwd": cwd.to_string_lossy(), "model": MODEL,
        "permissionMode": arguments.permission_mode, "apiKeySource": "none", "tools": ["Bash", "Read", "Write"]}));
    if let Some(command) = command {
        // The client does the same to a message that begins with a slash: it is no question.
        let answer =
            if command == "clear" { String::new() } else { format!("{DEMO} It has no command /{command}.") };
        output.result(result(&answer, false, began, 0, &[]), &id);
        return Ok(0);
    }
    let mut session = Session::open(directory.as_deref(), &id, &cwd, &arguments.permission_mode)?;
    let started = now_ms();
    session.question(message);
    output.event(json!({"type": "system", "subtype": "status", "status": "requesting"}));
    let answer = text(&script.topic, &Question { message, session: &id, new: session.new, cwd: &cwd });
    let mut play = Play::new(output, session, signals, script.pace);
    let came = script.effects.iter().try_for_each(|effect| pretend(*effect, &mut play));
    let came = came.and_then(|()| play.say(&answer).map_err(Early::from));
    let code = conclude(came, &answer, &mut play, &id, began);
    play.session.close(message, started, milliseconds(began));
    if script.stay > 0 {
        // Interrupted or not, there is nothing more to say.
        let _ = play.signals.wait(Duration::from_secs(script.stay));
    }
    code
}

/// Checks that the session is there, or is not.
fn session_id(arguments: &Arguments, directory: Option<&Path>) -> Result<String, String> {
    let exists = |id: &str| directory.is_some_and(|directory| directory.join(format!("{id}.jsonl")).exists());
    match &arguments.session {
        Named::New(id) if exists(id) => Err(format!("Error: Session ID {id} is already in use.")),
        Named::Resumed(id) if !exists(id) => {
            let sentence = format!("No conversation found with session ID: {id}");
            if arguments.format == Format::StreamJson {
                let mut output = Output::new(arguments.format, true, false, id);
                output.result(failure(&[&sentence], Instant::now(), 0), id);
            }
            Err(sentence)
        }
        Named::New(id) | Named::Resumed(id) => Ok(id.clone()),
    }
}

fn pretend(effect: Effect, play: &mut Play) -> Result<(), Early> {
    match effect {
        Effect::Tool => play.use_tool("I will run a command. (It is only pretended.)", &tool(false))?,
        Effect::Denied => play.use_tool("I will run a command that nobody permitted.", &tool(true))?,
        Effect::Retry(times) => {
            for attempt in 1..=times {
                play.output.event(json!({"type": "system", "subtype": "api_retry", "attempt": attempt,
                    "max_retries": 10, "retry_delay_ms": milliseconds_of(BUSY), "error_status": 529,
                    "error": "overloaded"}));
                if !play.rest(BUSY) {
                    return Err(Early::Interrupted);
                }
            }
        }
        Effect::Half => play.begin("This sentence of the demo agent will never be")?,
        Effect::Rubbish => mischief::rubbish(),
        Effect::Flood(mib) => mischief::flood(mib, false, &play.signals),
        Effect::Line(mib) => mischief::flood(mib, true, &play.signals),
        Effect::Stderr(kib) => mischief::complain(kib),
        Effect::Orphan(count) => leave(count, false)?,
        Effect::Clingy(count) => leave(count, true)?,
        Effect::Error => return Err(Early::Error(OVERLOADED.into())),
        Effect::Fail => {
            let sentence = "Error: the demo agent was asked to fail".into();
            return Err(Early::Silent(1, sentence));
        }
        Effect::Exit(code) => return Err(Early::Silent(code, String::new())),
        Effect::Crash => process::abort(),
        Effect::Hang => {
            play.signals.wait_for_ever();
            return Err(Early::Interrupted);
        }
    }
    Ok(())
}

fn leave(count: u64, clingy: bool) -> Result<(), Early> {
    mischief::orphans(count, clingy).map_err(|sentence| Early::Silent(1, sentence))
}

fn tool(denied: bool) -> Tool {
    if denied {
        Tool {
            name: "Bash",
            input: json!({"command": "touch made-by-the-demo", "description": "Make a file"}),
            output: "touch made-by-the-demo needs approval. (The demo agent only pretends.)",
            denied,
        }
    } else {
        Tool {
            name: "Bash",
            input: json!({"command": "echo 'Hello from a tool'", "description": "Say hello"}),
            output: "Hello from a tool",
            denied,
        }
    }
}

/// Prints what the turn came to.
fn conclude(
    came: Result<(), Early>,
    answer: &str,
    play: &mut Play,
    id: &str,
    began: Instant,
) -> Result<u8, String> {
    match came {
        Ok(()) => {
            let result = result(answer, false, began, play.messages, &play.denials);
            play.output.result(result, id);
            Ok(0)
        }
        Err(Early::Interrupted) => {
            if play.leave_off() {
                let result = failure(&[], began, play.messages + 1);
                play.output.result(result, id);
            }
            Ok(0)
        }
        Err(Early::Error(text)) => {
            let message = json!({"id": Uuid::new_v4().to_string(), "type": "message", "role": "assistant",
                "model": "<synthetic>", "content": [{"type": "text", "text": text}], "stop_reason": "stop_sequence",
                "stop_sequence": "", "usage": usage()});
            play.output.event(json!({"type": "assistant", "message": message, "parent_tool_use_id": null,
                "timestamp": now(), "error": "server_error", "is_api_error_message": true, "api_error_status": 529}));
            play.session.assistant(&message, &json!({"isApiErrorMessage": true, "error": "server_error"}));
            let mut result = result(&text, true, began, play.messages + 1, &play.denials);
            result["api_error_status"] = json!(529);
            play.output.result(result, id);
            Ok(1)
        }
        Err(Early::Silent(1, sentence)) if !sentence.is_empty() => Err(sentence),
        Err(Early::Silent(code, _)) => Ok(code),
    }
}

fn result(text: &str, is_error: bool, began: Instant, turns: u64, denials: &[Value]) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": is_error, "duration_ms": milliseconds(began),
        "duration_api_ms": 0, "num_turns": turns, "result": text, "stop_reason": "end_turn", "total_cost_usd": 0,
        "usage": usage(), "modelUsage": {}, "permission_denials": denials})
}

fn failure(errors: &[&str], began: Instant, turns: u64) -> Value {
    json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
        "duration_ms": milliseconds(began), "duration_api_ms": 0, "num_turns": turns, "stop_reason": null,
        "total_cost_usd": 0, "usage": usage(), "modelUsage": {}, "permission_denials": [], "errors": errors})
}

fn milliseconds(since: Instant) -> u64 {
    milliseconds_of(since.elapsed())
}

fn milliseconds_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
