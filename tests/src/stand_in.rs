//! Shell scripts in the client's place, for what the demo agent cannot do: answer as recorded, or
//! wait for the test. Owns what they print; knows nothing of hosts beyond the folder they lie in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::host::Setup;

/// Answers with the number of characters of the question, as the recordings' service does; fails when
/// asked to.
const COUNTING: &str = r#"
cat >"$HOME/question"
if [ "$(cat "$HOME/question")" = fail ]; then echo 'claude exited with 1' >&2; exit 1; fi
answer "$(wc -m <"$HOME/question") characters"
"#;

/// Answers once the test lets it.
const WAITING: &str = r#"
cat >"$HOME/question"
while [ ! -e "$HOME/go" ]; do sleep 0.05; done
answer "at last"
"#;

/// What all of them begin with. The session's id is one of the arguments.
const BEGINNING: &str = r#"#!/bin/sh
for argument; do
    case $argument in --session-id=* | --resume=*) session=${argument#*=} ;; esac
done
answer() {
    printf '{"type":"result","subtype":"success","is_error":false,"duration_ms":1200,"num_turns":1,"result":"%s","session_id":"%s"}\n' "$1" "$session"
}
"#;

/// A host whose agent counts.
pub fn counting(setup: Setup) -> Setup {
    instead(setup, COUNTING)
}

/// A host whose agent waits, every run of it, until [`let_go`].
pub fn waiting(setup: Setup) -> Setup {
    instead(setup, WAITING)
}

/// Lets the waiting ones answer, those to come included.
pub fn let_go(setup: &Setup) {
    std::fs::write(setup.home().join("go"), "").expect("telling the agents to go on");
}

/// A host with `script` for its agent.
pub fn instead(setup: Setup, script: &str) -> Setup {
    let program: PathBuf = setup.folder().join("agent");
    std::fs::write(&program, format!("{BEGINNING}{script}")).expect("writing an agent");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("making it a program");
    setup.with("OVERLORD_AGENT_COMMAND", program)
}
