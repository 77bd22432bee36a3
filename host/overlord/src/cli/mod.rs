//! The command line: what can be said to the program, and what it answers. Each command is a file.

mod component;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Puts command-line agents behind a web address that people can trust.
#[derive(Debug, Parser)]
#[command(name = "overlord", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at a component, or make one
    #[command(subcommand)]
    Component(component::Command),
}

/// Runs the command line and gives the exit code: 0 done, 1 it failed, 2 it was not understood.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Component(command) => component::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overlord: {error:#}");
            ExitCode::FAILURE
        }
    }
}
