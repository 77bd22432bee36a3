//! The command line: what can be said to the program, and what it answers. Each command is a file.
#![expect(clippy::disallowed_methods, reason = "a command reads and writes the files that it is given")]

mod check;
mod component;
mod config;
mod cookie;
mod log;
mod replay;
mod rules;
mod serve;
mod sign_in;

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Surroundings};

/// Puts command-line agents behind a web address that people can trust.
///
/// Every rule (who may ask, how often, what the history shows, what the audit line says, how the
/// agent is driven) is a WebAssembly component that can be swapped while requests are in flight.
#[derive(Debug, Parser)]
#[command(
    name = "overlord",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 done, 1 it failed and says why, 2 the command line was not understood. `replay`: 0 no
difference, 1 some, 2 it could not run.
Without a configuration file everything has a default; `overlord config` prints them all."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host
    Serve(serve::Serve),
    /// Check the configuration and every component that it names, without starting anything
    Check(check::Check),
    /// Print the configuration's defaults, annotated, as a file to start from
    Config,
    /// Make a component, look at it, try it, sign it
    #[command(subcommand)]
    Component(component::Command),
    /// Print a cookie that signs a user in, as NAME=VALUE, for scripts and curl -b
    Cookie(cookie::Cookie),
    /// See and change the rules of a running host
    Rules(rules::Rules),
    /// Print an address that signs a user in when it is opened in a browser, once and within the hour
    SignIn(sign_in::SignIn),
    /// Make recorded decisions again with another component, and say what would have been different
    Replay(replay::Replay),
    /// Answer like `claude -p`, with no account and no model: what `agent.command = "demo"` runs
    #[command(disable_help_flag = true)]
    DemoAgent,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; also `OVERLORD_CONFIG`. Every key of it is also an environment variable
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> anyhow::Result<(Config, Surroundings)> {
        let surroundings = Surroundings::of_this_process()?;
        let config = Config::load(self.config.as_deref(), &surroundings)?;
        Ok((config, surroundings))
    }
}

/// Runs the command line and gives the exit code: 0 done, 1 it failed, 2 it was not understood.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Serve(command) => serve::run(&command),
        Command::Check(command) => check::run(&command),
        Command::Config => config::run(),
        Command::Component(command) => return component::run(&command),
        Command::Cookie(command) => cookie::run(&command),
        Command::Rules(command) => rules::run(&command),
        Command::SignIn(command) => sign_in::run(&command),
        Command::Replay(command) => return replay::run(&command),
        Command::DemoAgent => Err(anyhow::anyhow!("`demo-agent` must be the first argument")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overlord: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes one line of an answer to standard output. Whoever reads may have seen enough, as `head` has:
/// that is no failure. A disk that is full is one.
fn say(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// A runtime for a command that asks a component something.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
