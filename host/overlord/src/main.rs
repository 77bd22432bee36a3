//! The program: the two hidden or foreign roles that must start before any runtime does, and the
//! command line for everything else.
#![expect(clippy::disallowed_methods, reason = "the first argument decides which program this is")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        // Between the host and each agent stands a copy of this program: it must be one thread.
        Some("launch") => overlord_process::launcher::main(),
        // Speaks the agent's command line, not ours.
        Some("demo-agent") => overlord_demo_agent::main(arguments),
        _ => overlord::cli::main(),
    }
}
