//! The client and the scripted API without a host: that each does what the other tests take for
//! granted.

use overlord_tests::messages_api::MessagesApi;
use overlord_tests::namespaces::Isolated;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::client::{Run, run};

crate::trials! { "alone":
    a_resumed_session_knows_its_first_question,
    a_tool_is_run_and_its_result_sent_back,
    an_api_error_is_a_result_and_exit_one,
    a_cut_connection_is_tried_again,
    nothing_but_the_documented_paths_is_called,
    it_runs_in_nested_namespaces_without_any_capability,
}

/// One client's home, workspace and API.
struct Bench {
    isolated: Isolated,
    api: MessagesApi,
    home: TempDir,
    workspace: TempDir,
    session: String,
}

impl Bench {
    fn new(isolated: Isolated) -> Self {
        let folder = || TempDir::new().expect("making a folder");
        let (home, workspace) = (folder(), folder());
        let session = Uuid::new_v4().to_string();
        Self { isolated, api: MessagesApi::start(), home, workspace, session }
    }

    fn run(&self, launcher: &[&str], flag: &str, message: &str) -> Run {
        run(
            self.isolated,
            launcher,
            &self.api.base_url(),
            (self.home.path(), self.workspace.path()),
            &[flag, &self.session],
            message,
        )
    }

    fn ask(&self, message: &str) -> Run {
        self.run(&[], "--session-id", message)
    }
}

fn a_resumed_session_knows_its_first_question(isolated: Isolated) {
    let bench = Bench::new(isolated);
    let first = bench.ask("hello");
    assert!(first.status.success(), "{first:?}");
    assert_eq!((first.stderr.as_str(), &first.result["is_error"]), ("", &Value::Bool(false)));
    assert_eq!(first.result["result"], "Answer 1 to: hello");
    assert_eq!(first.result["session_id"], bench.session);
    let second = bench.run(&[], "--resume", "and again");
    assert_eq!(second.result["result"], "Answer 2 to: and again", "{second:?}");
    assert_eq!(second.result["session_id"], bench.session);
}

fn a_tool_is_run_and_its_result_sent_back(isolated: Isolated) {
    let bench = Bench::new(isolated);
    let run = bench.ask("[[tool:echo $((6 * 7))]]");
    let text = run.result["result"].as_str().unwrap_or_default();
    assert!(text.ends_with("\nThe tool said: 42"), "{run:?}");
}

fn an_api_error_is_a_result_and_exit_one(isolated: Isolated) {
    for status in [401, 529] {
        let bench = Bench::new(isolated);
        let run = bench.ask(&format!("[[err:{status}]]"));
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert_eq!(run.result["is_error"], true, "{run:?}");
        assert_eq!(run.result["api_error_status"], status, "{run:?}");
        // Once, and once again, as its environment says.
        assert_eq!(bench.api.questions().len(), 2);
    }
}

fn a_cut_connection_is_tried_again(isolated: Isolated) {
    let bench = Bench::new(isolated);
    let run = bench.ask("[[drop]]");
    assert_eq!(run.result["result"], "Answer 1 to: [[drop]]", "{run:?}");
    assert_eq!(bench.api.questions().len(), 2);
}

fn nothing_but_the_documented_paths_is_called(isolated: Isolated) {
    let bench = Bench::new(isolated);
    bench.ask("hello");
    bench.run(&[], "--resume", "/context");
    let seen = bench.api.seen();
    assert!(!seen.is_empty());
    for seen in seen {
        let path = seen.target.split('?').next().unwrap_or_default();
        assert!(
            ["/v1/messages", "/v1/messages/count_tokens"].contains(&path) && seen.method == "POST",
            "{} {}",
            seen.method,
            seen.target
        );
    }
}

/// What the host does to its agent.
fn it_runs_in_nested_namespaces_without_any_capability(isolated: Isolated) {
    let bench = Bench::new(isolated);
    let drop = "--bounding-set=-all --inh-caps=-all --no-new-privs";
    let check = "grep -q '^CapEff:\t0*$' /proc/self/status && exec \"$@\"";
    let mut launcher = vec!["unshare", "-U", "-r", "-m", "-p", "--fork", "--mount-proc", "setpriv"];
    launcher.extend(drop.split(' '));
    launcher.extend(["sh", "-c", check, "sh"]);
    let run = bench.run(&launcher, "--session-id", "hello");
    assert_eq!(run.result["result"], "Answer 1 to: hello", "{run:?}");
}
