//! A stand-in for `claude -p` that needs no account: the same command line, the same stream of
//! events, the same session file, the same ways to end. It says that it is a demo in every answer.
//! What it can pretend is asked for in the message: `demo:help` lists it.
//!
//! Refuses to know Overlord: it is a program that is run, and would work for any other host of the
//! client.

mod answer;
mod arguments;
mod clock;
mod mischief;
mod output;
mod play;
mod script;
mod session;
mod turn;

use arguments::{Arguments, Wish};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// The client takes no more than this of a question either; a host's own limit is far below.
const STDIN_MAX: u64 = 10 << 20;

/// Runs the demo agent with everything after the program's name.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match run(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(sentence) => {
            // Nobody is left to be told where this fails.
            let _ = writeln!(io::stderr(), "{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8, String> {
    let arguments = match arguments::read(arguments)? {
        Wish::Run(arguments) => arguments,
        Wish::Version => {
            return Ok(print(concat!(env!("CARGO_PKG_VERSION"), " (Overlord's demo agent)\n")));
        }
        Wish::Help => return Ok(print(answer::USAGE)),
    };
    let message = message(&arguments)?;
    turn::run(&arguments, &message)
}

/// The prompt of the command line, otherwise standard input.
fn message(arguments: &Arguments) -> Result<String, String> {
    let message = if let Some(prompt) = &arguments.prompt {
        prompt.clone()
    } else {
        let mut bytes = Vec::new();
        io::stdin()
            .take(STDIN_MAX)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("Error: reading the question from stdin failed: {error}"))?;
        String::from_utf8_lossy(&bytes).into_owned()
    };
    if message.is_empty() {
        return Err(
            "Error: Input must be provided either through stdin or as a prompt argument when using --print"
                .into(),
        );
    }
    if message.trim().is_empty() {
        return Err("Error: Input contained only whitespace. Provide a prompt with text through stdin or as a prompt \
                    argument when using --print"
            .into());
    }
    Ok(message)
}

fn print(text: &str) -> u8 {
    u8::from(io::stdout().write_all(text.as_bytes()).is_err())
}
