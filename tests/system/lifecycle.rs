//! How a host begins and ends: what it does with questions when it is told to stop, and the one
//! sentence it leaves where it cannot begin.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};
use std::thread;

use overlord_tests::host::{Host, Setup, wait_until};
use rustix::process::{Pid, Signal, kill_process};

use crate::made::logged;
use crate::stand_in;

/// Starts a host that must not come up, and gives back its one sentence.
#[track_caller]
fn refusal(setup: &Setup) -> String {
    let ended = setup.command(["serve"]).output().expect("running overlord");
    sentence(&ended)
}

/// The one sentence of a command that failed: exit code 1, one line, and nothing of a panic.
#[track_caller]
fn sentence(ended: &Output) -> String {
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(ended.stdout.is_empty(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
    let last: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("overlord: ")).collect();
    assert_eq!(last.len(), 1, "{said}");
    assert!(said.ends_with(&format!("{}\n", last[0])), "more follows: {said}");
    last[0].to_owned()
}

/// Asks in the background, and waits until the question runs.
fn running(host: &Host, user: &str, message: &str) -> (String, thread::JoinHandle<(u16, String)>) {
    let caller = host.sign_in(user);
    let session = caller.new_session();
    let (asking, id, message) = (caller.clone(), session.clone(), message.to_owned());
    let waiting = thread::spawn(move || {
        let answer = asking.ask(&id, &message);
        (answer.status, answer.text())
    });
    host.audited("ask_start", &session);
    (session, waiting)
}

fn events(setup: &Setup, session: &str) -> Vec<String> {
    let text = fs::read_to_string(setup.data().join("audit.jsonl")).expect("an audit file");
    let lines =
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("whole lines"));
    let of_session = lines.filter(|line| line["session_id"] == session);
    of_session.map(|line| line["event"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_host_that_is_told_to_stop_finishes_what_runs_and_takes_nothing_new() {
    let host = stand_in::waiting(Setup::new()).start();
    let bob = host.sign_in("bob");
    let (session, waiting) = running(&host, "alice", "hello");
    kill_process(host.pid(), Signal::TERM).expect("the host runs");
    logged(&host, &["stopping: 1 questions may run for 30 s more"]);

    let refused = bob.ask(&bob.new_session(), "hello");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")), "{}", refused.text());
    assert!(refused.text().contains("The service is stopping; try again soon"), "{}", refused.text());
    assert!(!waiting.is_finished(), "nobody has let it go");
    stand_in::let_go(host.setup());

    let (status, text) = waiting.join().expect("an answer");
    assert_eq!(status, 200, "{text}");
    let output = wait_until("its last word", || Some(host.output()).filter(|said| said.contains(" stopped")));
    assert!(!output.contains("still running"), "{output}");
    let (status, setup) = ended(host);
    assert_eq!(status, Some(0));
    assert_eq!(events(&setup, &session), ["ask_start", "ask_ok"]);
}

/// Waits for a host that has been told to stop. Telling it again does nothing to one that is done.
fn ended(host: Host) -> (Option<i32>, Setup) {
    let (status, setup) = host.stop();
    (status.code(), setup)
}

#[test]
fn questions_that_take_too_long_to_finish_are_stopped_and_say_so() {
    let host = Setup::new().with("OVERLORD_SERVER_STOP_AFTER_S", "1").start();
    let (session, waiting) = running(&host, "alice", "demo:half demo:hang");
    let (status, setup) = host.stop();
    assert_eq!(status.code(), Some(0));
    let (status, text) = waiting.join().expect("an answer");
    assert_eq!(status, 502, "{text}");
    assert_eq!(text, r#"{"detail":"the agent was stopped because the service is stopping"}"#);
    assert_eq!(events(&setup, &session), ["ask_start", "ask_error"]);
}

#[test]
fn a_second_signal_stops_what_runs_at_once() {
    let host = Setup::new().with("OVERLORD_SERVER_STOP_AFTER_S", "3600").start();
    let (session, waiting) = running(&host, "alice", "demo:hang");
    kill_process(host.pid(), Signal::INT).expect("the host runs");
    logged(&host, &["stopping: 1 questions may run for 3600 s more; a second signal stops them at once"]);
    let (status, setup) = host.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(waiting.join().expect("an answer").0, 502);
    assert_eq!(events(&setup, &session), ["ask_start", "ask_error"]);
}

#[test]
fn an_idle_host_stops_at_once_on_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let host = Setup::new().start();
        let pid = host.pid();
        host.sign_in("alice").new_session();
        kill_process(pid, signal).expect("the host runs");
        let stopped = |said: String| said.lines().any(|line| line.ends_with(" stopped")).then_some(());
        wait_until("its last word", || stopped(host.output()));
        assert_eq!(ended(host).0, Some(0));
    }
}

#[test]
fn a_host_that_is_told_to_stop_while_it_starts_stops_in_order() {
    let setup = Setup::new();
    let mut child =
        setup.command(["serve"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a host");
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped"));
    while !said.contains(" generation 1 ") {
        assert!(lines.read_line(&mut said).expect("text") > 0, "it broke off: {said}");
    }
    kill_process(Pid::from_child(&child), Signal::HUP).expect("it runs");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    lines.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{said}");
    assert!(said.ends_with(" stopped\n"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let said = refusal(&Setup::new().with("OVERLORD_LISTEN", &address));
    assert!(said.starts_with(&format!("cannot listen on {address}: ")), "{said}");
    assert!(said.contains("something else listens there; stop it, or choose another port"), "{said}");
}

#[test]
fn a_data_folder_that_another_host_uses_is_one_sentence_and_harms_neither() {
    let host = Setup::new().start();
    let said = refusal(host.setup());
    assert!(
        said.contains("is in use by another host; stop that one, or give this one a folder of its own"),
        "{said}"
    );
    assert!(said.contains(&host.setup().data().display().to_string()), "{said}");
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
}

#[test]
fn folders_that_cannot_be_made_are_one_sentence() {
    let setup = Setup::new();
    let file = setup.folder().join("file");
    fs::write(&file, "in the way").expect("writing a file");
    let below = file.join("below");
    for (variable, what) in [("OVERLORD_DATA", "data"), ("OVERLORD_WORKSPACE", "workspace")] {
        let said = refusal(&Setup::new().with(variable, &below));
        let expected = format!("cannot make the {what} folder {}: ", below.display());
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.contains(&format!("(`{what}`, {variable})")), "{said}");
    }
}

#[test]
fn folders_that_cannot_be_written_to_are_one_sentence() {
    if rustix::process::geteuid().is_root() {
        // Whoever is root may write everywhere but where nobody can.
        let said = refusal(&Setup::new().with("OVERLORD_WORKSPACE", "/proc/self"));
        assert!(said.starts_with("the workspace folder /proc/self is not writable for this user"), "{said}");
        return;
    }
    for (variable, what) in [("OVERLORD_DATA", "data"), ("OVERLORD_WORKSPACE", "workspace")] {
        let setup = Setup::new();
        let folder = setup.folder().join("closed");
        fs::create_dir(&folder).expect("making a folder");
        fs::set_permissions(&folder, Permissions::from_mode(0o500)).expect("closing a folder");
        let said = refusal(&setup.with(variable, &folder));
        let expected = format!("the {what} folder {} is not writable for this user", folder.display());
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn a_damaged_state_is_one_sentence() {
    let (_, setup) = Setup::new().start().stop();
    fs::write(setup.data().join("state.redb"), "this is no database, and long enough to be looked at")
        .expect("damage");
    let said = refusal(&setup);
    assert!(said.starts_with("cannot use the state file "), "{said}");
}

#[test]
fn without_the_wall_that_is_asked_for_a_host_does_not_start() {
    let setup =
        Setup::new().with("OVERLORD_AGENT_WALL", "user").with("OVERLORD_AGENT_USER", "no-such-user-here");
    let said = refusal(&setup);
    assert!(said.contains("no-such-user-here") && said.contains("useradd"), "{said}");
}

#[test]
fn no_wall_at_all_has_to_be_said_in_words_and_is_said_again_in_the_log() {
    let said = refusal(&Setup::new().with("OVERLORD_AGENT_WALL", "none"));
    assert!(said.contains("\"none-i-trust-the-agent\""), "{said}");
    let host = Setup::new().with("OVERLORD_AGENT_WALL", "none-i-trust-the-agent").start();
    let line = logged(&host, &["wall: agents run with NO WALL"]);
    assert!(line.contains("WARN"), "{line}");
}

#[test]
fn a_start_without_anything_but_a_home_is_enough() {
    let setup = Setup::new();
    let home = setup.home();
    let bare = setup.without("OVERLORD_DATA").without("OVERLORD_WORKSPACE").without("OVERLORD_SECRET_KEY");
    // No client of this machine's is to be found.
    let host = bare.with("OVERLORD_AGENT_COMMAND", "").with("PATH", home.join("bin")).start();
    logged(&host, &["agent: the built-in demo agent, since there is no `claude` on the PATH"]);
    let alice = host.sign_in("alice");
    let answer = alice.ask(&alice.new_session(), "demo:fast");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let health = host.anyone().get("/agent/health").json();
    assert_eq!(health["agent"], "demo");
    let workspace = home.join(".local/share/overlord/workspace");
    assert_eq!(health["claude_cwd"], workspace.display().to_string());
    let secret = home.join(".local/state/overlord/secret");
    assert_eq!(fs::metadata(secret).expect("a secret of its own").permissions().mode() & 0o777, 0o600);
}
