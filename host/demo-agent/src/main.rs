//! The demo agent as a program of its own. `overlord demo-agent` is the same.

use std::process::ExitCode;

fn main() -> ExitCode {
    overlord_demo_agent::main(std::env::args_os().skip(1))
}
