//! The log: to standard error, as text or as JSON lines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::config::{LogConfig, LogFormat, LogLevel};
use crate::traces::Traces;

/// Starts logging, and sending spans where there is somebody to send them to. Libraries speak up from
/// warnings on, whatever the level.
pub(super) fn start(config: &LogConfig, traces: Option<&Traces>) {
    let level = match config.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let filter = EnvFilter::new(format!("warn,overlord={level},overlord_process={level}"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let layer = fmt::layer().with_writer(std::io::stderr);
    let layer = match config.format {
        LogFormat::Text => layer.with_target(false).with_ansi(colours).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    match traces {
        // A filter for both is cheaper than one for each: nothing else hears of what it refuses.
        None => registry().with(layer).with(filter).init(),
        Some(traces) => registry().with(layer.with_filter(filter)).with(traces.layer()).init(),
    }
}
