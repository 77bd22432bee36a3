//! The demo agent as a process: command line in; stream, session file and exit code out.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const ID: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

/// A home and a workspace.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("work")).expect("a workspace");
        Self { folder }
    }

    fn start(&self, session: &str, message: &str) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo-agent"))
            .args(["-p", session, "--output-format=stream-json", "--verbose", "--include-partial-messages"])
            .current_dir(self.folder.path().join("work"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the demo agent");
        child.stdin.take().expect("its input").write_all(message.as_bytes()).expect("written");
        child
    }

    fn ask(&self, session: &str, message: &str) -> Output {
        self.start(session, message).wait_with_output().expect("its output")
    }

    fn new_session(&self, message: &str) -> Output {
        self.ask(&format!("--session-id={ID}"), message)
    }

    fn file(&self) -> PathBuf {
        let projects = self.folder.path().join(".claude/projects");
        let mut directories = fs::read_dir(projects).expect("projects");
        let directory = directories.next().expect("one").expect("a directory").path();
        directory.join(format!("{ID}.jsonl"))
    }

    fn records(&self) -> Vec<Value> {
        lines(&fs::read(self.file()).expect("the session file"))
    }

    /// (type, text) of what a chat view would show.
    fn shown(&self) -> Vec<(String, String)> {
        let said = |record: &Value| {
            let content = &record["message"]["content"];
            let text = content.as_str().or_else(|| content[0]["text"].as_str())?;
            Some((record["type"].as_str()?.to_owned(), text.to_owned()))
        };
        self.records().iter().filter_map(said).collect()
    }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn result(output: &Output) -> Value {
    let events = lines(&output.stdout);
    let last = events.last().expect("an event").clone();
    assert_eq!(last["type"], "result", "{last}");
    last
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_question_is_answered_and_written_down() {
    let place = Place::new();
    let output = place.new_session("hello demo:fast");
    let result = result(&output);
    let text = result["result"].as_str().expect("text");
    assert!(text.starts_with("This is Overlord's demo agent") && text.contains("hello demo:fast"), "{text}");
    assert_eq!(
        (&result["session_id"], &result["is_error"], &result["num_turns"]),
        (&ID.into(), &false.into(), &1.into())
    );
    let said: String = lines(&output.stdout)
        .iter()
        .filter_map(|event| event["event"]["delta"]["text"].as_str().map(String::from))
        .collect();
    assert_eq!(said, text);
    assert_eq!(
        place.shown(),
        [("user".into(), "hello demo:fast".into()), ("assistant".into(), text.to_owned())]
    );
    assert_eq!(fs::metadata(place.file()).expect("the file").permissions().mode() & 0o777, 0o600);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn sessions_are_new_or_resumed_and_never_confused() {
    let place = Place::new();
    let resume = format!("--resume={ID}");
    let missing = place.ask(&resume, "hello");
    assert_eq!(stderr(&missing), format!("No conversation found with session ID: {ID}\n"));
    assert_eq!(result(&missing)["errors"][0], format!("No conversation found with session ID: {ID}"));
    assert_eq!(missing.status.code(), Some(1));
    place.new_session("one demo:fast");
    let again = place.new_session("again demo:fast");
    assert_eq!(stderr(&again), format!("Error: Session ID {ID} is already in use.\n"));
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0));
    assert_eq!(result(&place.ask(&resume, "two demo:fast"))["session_id"], ID);
    assert_eq!(place.shown().len(), 4);
    let records = place.records();
    let tree: Vec<_> = records.iter().filter(|record| record["uuid"].is_string()).collect();
    assert!(tree[0]["parentUuid"].is_null());
    assert!(tree.windows(2).all(|pair| pair[1]["parentUuid"] == pair[0]["uuid"]));
}

#[test]
fn tools_are_used_and_denied() {
    let place = Place::new();
    let output = place.new_session("demo:fast demo:tool demo:denied");
    let result = result(&output);
    assert_eq!(result["permission_denials"][0]["tool_name"], "Bash");
    assert_eq!(result["num_turns"], 3);
    let kinds: Vec<_> = lines(&output.stdout)
        .iter()
        .filter(|event| event["type"] == "user" || event["subtype"] == "permission_denied")
        .map(|event| event["message"]["content"][0]["is_error"].clone())
        .collect();
    assert_eq!(kinds, [false.into(), Value::Null, true.into()]);
}

#[test]
fn it_fails_in_every_way() {
    for (message, code, words) in [
        ("demo:fail", Some(1), "Error: the demo agent was asked to fail\n"),
        ("demo:exit 7", Some(7), ""),
        ("demo:half demo:exit 7", Some(7), ""),
        (
            " \n",
            Some(1),
            "Error: Input contained only whitespace. Provide a prompt with text through stdin or as a prompt argument when using --print\n",
        ),
        (
            "",
            Some(1),
            "Error: Input must be provided either through stdin or as a prompt argument when using --print\n",
        ),
    ] {
        let output = Place::new()
            .new_session(&format!("{message}{}", if message.trim().is_empty() { "" } else { " demo:fast" }));
        assert_eq!((output.status.code(), stderr(&output).as_str()), (code, words), "{message}");
        assert!(lines(&output.stdout).iter().all(|event| event["type"] != "result"), "{message}");
    }
    let crashed = Place::new().new_session("demo:crash");
    assert_eq!(crashed.status.signal(), Some(6));
    let error = Place::new().new_session("demo:error demo:fast");
    assert_eq!((error.status.code(), &result(&error)["is_error"]), (Some(1), &true.into()));
}

#[test]
fn it_prints_rubbish_and_floods() {
    let output = Place::new().new_session("demo:fast demo:rubbish demo:flood 2 demo:line 3 demo:stderr 5");
    assert!(result(&output)["result"].is_string());
    assert!(output.stdout.len() > 5 << 20);
    assert_eq!(output.stdout.split(|byte| *byte == b'\n').map(<[u8]>::len).max(), Some(3 << 20));
    assert_eq!(output.stderr.len(), 5 << 10);
}

#[test]
fn a_slash_at_the_beginning_is_a_command() {
    let cleared = result(&Place::new().new_session("/clear"));
    assert_eq!(cleared["result"], "");
    assert_ne!(cleared["session_id"], ID);
    let literal = result(&Place::new().new_session(" /clear demo:fast"));
    assert!(literal["result"].as_str().expect("text").contains(" /clear"));
    assert_ne!(result(&Place::new().new_session("demo:elsewhere demo:fast"))["session_id"], ID);
}

#[test]
fn sigint_ends_in_good_order_and_sigterm_at_once() {
    let place = Place::new();
    let (status, rest) = signalled(&place, "demo:half demo:hang", "INT");
    assert_eq!(status, (Some(0), None));
    let last = rest.last().expect("an event");
    assert_eq!((&last["subtype"], &last["is_error"]), (&"error_during_execution".into(), &true.into()));
    let shown = place.shown();
    assert_eq!(shown[1].1, "This sentence of the demo agent will never be");
    assert_eq!(shown[2], ("user".into(), "[Request interrupted by user]".into()));

    let place = Place::new();
    let (status, rest) = signalled(&place, "demo:half demo:hang", "TERM");
    assert_eq!(status, (Some(143), None));
    assert!(rest.iter().all(|event| event["type"] != "result"));
    assert_eq!(place.shown().len(), 1);

    let (status, rest) = signalled(&Place::new(), "demo:hang", "INT");
    assert_eq!(status, (Some(0), None));
    assert!(rest.iter().all(|event| event["type"] != "result"));
}

#[test]
fn the_deaf_go_on_to_their_answer() {
    let place = Place::new();
    let mut child = place.start(&format!("--session-id={ID}"), "demo:deaf demo:half demo:retry 1");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    read_until(&mut stdout, "never ");
    kill(&child, "INT");
    kill(&child, "TERM");
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).expect("the rest");
    assert_eq!(lines(&rest).last().expect("a result")["subtype"], "success");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn orphans_outlive_it_in_sessions_of_their_own() {
    let place = Place::new();
    let mut child = place.start(&format!("--session-id={ID}"), "demo:fast demo:orphan 2 demo:clingy 1");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    read_until(&mut stdout, "\"type\":\"result\"");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    let home = format!("HOME={}\0", place.folder.path().display());
    let orphans = processes_with(&home);
    for pid in &orphans {
        while fs::read_to_string(format!("/proc/{pid}/comm")).expect("alive") != "sleep\n" {
            std::thread::yield_now();
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
        let session = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(3));
        assert_eq!(session, Some(pid.to_string().as_str()));
        send("-TERM", *pid);
    }
    assert_eq!(orphans.len(), 3);
    // Nobody holds standard output any more.
    stdout.read_to_end(&mut Vec::new()).expect("its end");
}

/// The processes whose environment holds these bytes, but for those that have ended.
fn processes_with(variable: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        String::from_utf8_lossy(&environment).contains(variable).then_some(pid)
    });
    processes.collect()
}

/// Sends the signal when the last event that is due has been printed; how it ended, and what it
/// printed after that.
fn signalled(place: &Place, message: &str, signal: &str) -> ((Option<i32>, Option<i32>), Vec<Value>) {
    let mut child = place.start(&format!("--session-id={ID}"), message);
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    read_until(&mut stdout, if message.contains("half") { "\"be\"" } else { "requesting" });
    kill(&child, signal);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).expect("the rest");
    let status = child.wait().expect("its end");
    ((status.code(), status.signal()), lines(&rest))
}

fn read_until(stdout: &mut impl BufRead, word: &str) {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert!(stdout.read_line(&mut line).expect("a line") > 0, "ended before {word}");
    }
}

fn kill(child: &Child, signal: &str) {
    send(&format!("-{signal}"), child.id());
}

/// With the shell's own `kill`: the program of that name is not on every machine.
fn send(signal: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", "kill \"$@\"", "sh", signal, &pid.to_string()]).status();
    assert!(status.expect("a shell").success());
}
