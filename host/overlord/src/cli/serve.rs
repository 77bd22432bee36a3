//! `overlord serve`: runs the host until it is told to stop.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;

use super::ConfigFile;
use crate::config::{LogFormat, LogLevel};
use crate::host::Host;
use crate::traces::Traces;

/// The command and its options.
#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM and SIGINT stop it in order: no new questions, running ones to their end or to
`server.stop_after_s`, then everything closes; a second one stops running questions at once.
SIGHUP reads the configuration again. A component that is replaced in the components folder
goes live by itself.")]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// How much to log: error, warn, info, debug or trace; also `log.level`
    #[arg(long, value_name = "LEVEL", value_enum)]
    log_level: Option<Level>,
    /// Log JSON lines; also `log.format`
    #[arg(long)]
    log_json: bool,
    /// After the start, print an address to open that signs this user in, and a curl line to copy that
    /// asks a first question
    #[arg(long, value_name = "USER")]
    hello: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

pub(super) fn run(command: &Serve) -> anyhow::Result<()> {
    // Before a secret is read: agents of the same user must not read it from our memory.
    overlord_process::harden_host().context("cannot close this process's memory to others")?;
    let (mut config, surroundings) = command.config.load()?;
    if let Some(level) = command.log_level {
        config.log.level = match level {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
            Level::Trace => LogLevel::Trace,
        };
    }
    if command.log_json {
        config.log.format = LogFormat::Json;
    }
    let runtime = super::runtime()?;
    let traces = config.otlp.endpoint.as_ref().map(|endpoint| {
        let _within = runtime.enter();
        Traces::to(endpoint)
    });
    let traces = traces.transpose()?;
    super::log::start(&config.log, traces.as_ref());
    open_more_files();
    let outcome = runtime.block_on(async {
        let host = Host::start(config, surroundings).await?;
        let address = host.address();
        tracing::info!("listening on http://{address}");
        match &command.hello {
            Some(user) => say(&host.hello(user).await?),
            None => say(&format!("http://{address}\n")),
        }
        host.serve().await
    });
    // While the runtime is there, which sends them.
    if let Some(traces) = traces {
        traces.end();
    }
    // A thread that hangs in a system call must not hold up the end.
    runtime.shutdown_background();
    Ok(outcome?)
}

/// Takes all the open files that the system allows this process: a shell's usual 1,024 is less than a
/// thousand connections and their programs need.
fn open_more_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!("cannot raise the number of open files ({error}): connections may have to wait");
    }
}

/// Standard output may be closed; that is no reason not to serve.
fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
