//! The published client as a program: where it is, what its environment has to be, and one run of
//! it without a host.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use overlord_tests::host::{PATH, built};
use overlord_tests::namespaces::Isolated;
use serde_json::Value;

/// Where `install-client.sh` puts it.
pub(crate) fn program(_: Isolated) -> PathBuf {
    built("target/client/node_modules/@anthropic-ai/claude-code-linux-x64/claude")
}

/// What lets it talk to `base_url` and to nothing else, and give up early on errors. It gets `PATH`,
/// `HOME` and `LANG` besides these, and nothing else.
pub(crate) fn environment(base_url: &str) -> [(&'static str, String); 7] {
    [
        ("ANTHROPIC_BASE_URL", base_url.to_owned()),
        ("ANTHROPIC_API_KEY", "any text".to_owned()),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
        ("CLAUDE_CODE_MAX_RETRIES", "1".to_owned()),
        ("DISABLE_TELEMETRY", "1".to_owned()),
        ("DISABLE_AUTOUPDATER", "1".to_owned()),
        ("DISABLE_ERROR_REPORTING", "1".to_owned()),
    ]
}

/// How one run of it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    /// The result that it printed, or null.
    pub(crate) result: Value,
    pub(crate) stderr: String,
}

/// Runs it as `launcher` says, in `workspace`, with the message on standard input. An empty launcher
/// starts it as it is; otherwise the launcher is a program and arguments that start what follows.
pub(crate) fn run(
    isolated: Isolated,
    launcher: &[&str],
    base_url: &str,
    (home, workspace): (&Path, &Path),
    arguments: &[&str],
    message: &str,
) -> Run {
    let program = program(isolated);
    let mut command = match launcher {
        [] => Command::new(&program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(&program);
            command
        }
    };
    let mut child = command
        .args(["-p", "--output-format", "json", "--setting-sources", "user"])
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", home)
        .env("LANG", "C.UTF-8")
        .envs(environment(base_url))
        .current_dir(workspace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
    // Messages of this test fit into a pipe; taking the end closes it.
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(message.as_bytes()).expect("handing the message over");
    drop(stdin);
    let output = child.wait_with_output().expect("waiting for the client");
    Run {
        status: output.status,
        result: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
