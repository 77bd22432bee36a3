//! Every outcome has its line, byte for byte as the original writes it, and it is in the file before
//! the answer is on its way.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::{Value, json};

use crate::stand_in;

/// Text that is easily written down wrongly: quotes, escapes, controls, DEL, a line separator, and
/// characters of one to four bytes.
const TRICKY: &str = "\"quoted\\\" \u{1}\u{8}\u{c}\t\r\n\u{7f}\u{2028} <>&'/ größer 日本 🦀 e\u{301}";

/// The characters of a question that a line keeps, and of an answer.
const MESSAGE_KEPT: usize = 500;
const PREVIEW_KEPT: usize = 300;

/// The lines as they stand in the file.
fn lines(host: &Host) -> Vec<String> {
    let text = std::fs::read_to_string(host.setup().data().join("audit.jsonl")).expect("the audit log");
    assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text}");
    text.lines().map(str::to_owned).collect()
}

/// `text` as Python writes it with `ensure_ascii=False`. The escapes of the two agree.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

fn first(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

/// What a line says of itself: only numbers that depend on the clock are taken from there.
fn number(line: &str, field: &str) -> String {
    let value: Value = serde_json::from_str(line).expect("a line is JSON");
    value[field].as_u64().unwrap_or_else(|| panic!("no number {field} in {line}")).to_string()
}

/// The end of a line, its time taken from it after a look at it: UTC, to the second, and now.
#[track_caller]
fn end_of(line: &str) -> String {
    let value: Value = serde_json::from_str(line).expect("a line is JSON");
    let time = value["timestamp"].as_str().expect("a timestamp");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00Z", "{line}");
    let at = humantime::parse_rfc3339(time).expect("a time");
    let age = SystemTime::now().duration_since(at).expect("it is not in the future");
    assert!(age < Duration::from_mins(10), "{line} is from {age:?} ago");
    format!(r#", "timestamp": "{time}"}}"#)
}

fn ask(caller: &Caller, message: &str) -> (String, Value) {
    let session = caller.new_session();
    let answer = caller.ask(&session, message);
    (session, answer.json())
}

#[test]
fn an_answer_has_two_lines() {
    let host = Setup::new().start();
    let user = "ærøskøbing 🦀";
    let message = format!("{TRICKY} {} demo:fast", "é".repeat(600));
    let (session, answer) = ask(&host.sign_in(user), &message);
    let result = answer["result"].as_str().expect("an answer").to_owned();
    let lines = lines(&host);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let (user, id) = (quoted(user), quoted(&session));
    let start = format!(
        r#"{{"event": "ask_start", "user": {user}, "session_id": {id}, "message": {}, "message_len": {}{}"#,
        quoted(&first(&message, MESSAGE_KEPT)),
        message.chars().count(),
        end_of(&lines[0])
    );
    assert_eq!(lines[0], start);
    let ok = format!(
        concat!(
            r#"{{"event": "ask_ok", "user": {}, "session_id": {}, "result_preview": {}, "result_len": {}, "#,
            r#""turns": {}, "elapsed_ms": {}, "subprocess_ms": {}, "is_error": false{}"#
        ),
        user,
        id,
        quoted(&first(&result, PREVIEW_KEPT)),
        result.chars().count(),
        answer["num_turns"],
        number(&lines[1], "elapsed_ms"),
        answer["duration_ms"],
        end_of(&lines[1])
    );
    assert_eq!(lines[1], ok);
}

#[test]
fn a_failure_has_its_line_with_what_the_user_was_told() {
    let host = stand_in::instead(Setup::new(), "echo 'it is “broken” \\ 日本' >&2; exit 3").start();
    let (session, answer) = ask(&host.sign_in("alice"), "hi");
    let told = answer["detail"].as_str().expect("a sentence");
    assert!(told.contains("日本"), "{told}");
    let lines = lines(&host);
    let error = format!(
        r#"{{"event": "ask_error", "user": "alice", "session_id": "{session}", "error": {}, "elapsed_ms": {}{}"#,
        quoted(told),
        number(&lines[1], "elapsed_ms"),
        end_of(&lines[1])
    );
    assert_eq!((lines.len(), lines[1].as_str()), (2, error.as_str()));
}

#[test]
fn a_question_too_many_has_its_line() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "0").start();
    let host_of_one = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1").start();
    let alice = host_of_one.sign_in("alice");
    ask(&alice, "the one");
    let session = alice.new_session();
    let seconds = alice.ask(&session, "too many").header("retry-after").expect("a Retry-After").to_owned();
    let lines_of_one = lines(&host_of_one);
    let line = format!(
        r#"{{"event": "rate_limited", "user": "alice", "session_id": "{session}", "retry_after_s": {seconds}{}"#,
        end_of(&lines_of_one[2])
    );
    assert_eq!((lines_of_one.len(), lines_of_one[2].as_str()), (3, line.as_str()));
    // Where waiting never helps there is no number to write down.
    let (session, _) = ask(&host.sign_in("alice"), "never");
    let forever = lines(&host);
    assert_eq!(forever.len(), 1, "{forever:?}");
    let line = format!(
        r#"{{"event": "rate_limited", "user": "alice", "session_id": "{session}"{}"#,
        end_of(&forever[0])
    );
    assert_eq!(forever[0], line);
}

#[test]
fn a_question_at_once_with_another_has_its_line() {
    let host = stand_in::waiting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let running = alice.new_session();
    thread::scope(|scope| {
        let asking = scope.spawn(|| alice.ask(&running, "wait"));
        host.audited("ask_start", &running);
        let session = alice.new_session();
        assert_eq!(alice.ask(&session, "at once").status, 429);
        let lines = lines(&host);
        let line = format!(
            r#"{{"event": "concurrency_blocked", "user": "alice", "session_id": "{session}"{}"#,
            end_of(&lines[1])
        );
        assert_eq!((lines.len(), lines[1].as_str()), (2, line.as_str()));
        stand_in::let_go(host.setup());
        assert_eq!(asking.join().expect("an answer").status, 200);
    });
}

#[test]
fn the_line_is_in_the_file_when_the_answer_is_there() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "10").start();
    let alice = host.sign_in("alice");
    // No waiting here: each look comes right after its answer.
    for asked in 1..=15 {
        let (session, _) = ask(&alice, if asked % 2 == 0 { "fail" } else { "hi" });
        let expected = if asked > 10 { "rate_limited" } else { ["ask_error", "ask_ok"][asked % 2] };
        let lines = host.audit();
        let last = lines.last().expect("a line");
        assert_eq!((&last["event"], &last["session_id"]), (&json!(expected), &json!(session)));
    }
}

#[test]
fn nobody_writes_a_line_of_their_own() {
    let host = Setup::new().start();
    // A name has no line ends and no codes, or no cookie is made for it.
    let eve = "eve\u{2028}\", \"event\": \"ask_ok";
    let forged = "hello\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J\r\n{\"event\": \"ask_ok\"}\n";
    ask(&host.sign_in(eve), &format!("{forged} demo:fast"));
    let (session, _) = ask(&host.sign_in(eve), &format!("{forged} demo:fail"));
    assert_eq!(host.audited("ask_error", &session)["user"], eve);
    let events: Vec<_> = host.audit().iter().map(|line| line["event"].clone()).collect();
    assert_eq!(events, ["ask_start", "ask_ok", "ask_start", "ask_error"]);
    let log =
        wait_until("the failure in the log", || Some(host.output()).filter(|log| log.contains(&session)));
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
    assert!(!log.contains('\u{1b}'), "{log:?}");
}

#[test]
fn the_hosts_log_tells_nothing_of_what_was_said() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (session, answer) = ask(&alice, "between you and me demo:fast");
    assert!(answer["result"].as_str().is_some_and(|text| text.contains("between you and me")));
    wait_until("the answer in the log", || host.output().contains(&session).then_some(()));
    alice.history(&session);
    assert!(!host.output().contains("between you and me"), "{}", host.output());
    assert!(!host.output().contains("demo agent: no model"), "{}", host.output());
}

/// A host whose audit log is at `path`.
fn host_with(path: &Path) -> Host {
    stand_in::counting(Setup::new()).with("OVERLORD_AUDIT_FILE", path).start()
}

/// Asks twice and expects answers, the lines in the host's log, and one complaint about the path.
#[track_caller]
fn answers_go_on_and_lines_go_to_the_log(host: &Host, path: &Path) {
    let alice = host.sign_in("alice");
    for _ in 0..2 {
        let (session, answer) = ask(&alice, "is anybody there?");
        assert_eq!(answer["result"], "17 characters", "{answer}");
        for event in ["ask_start", "ask_ok"] {
            let line = format!(r#"{{"event": "{event}", "user": "alice", "session_id": "{session}""#);
            wait_until("the line in the host's log", || host.output().contains(&line).then_some(()));
        }
    }
    let complaint = format!("cannot write to the audit log {}", path.display());
    assert_eq!(host.output().matches(&complaint).count(), 1, "it is reported, and once");
}

#[test]
fn a_path_that_cannot_be_written_is_reported_and_breaks_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    std::fs::create_dir(&path).expect("a folder in the way");
    let host = host_with(&path);
    let complaint = format!("cannot write to the audit log {}", path.display());
    assert!(host.output().contains(&complaint), "it is reported before the first question");
    answers_go_on_and_lines_go_to_the_log(&host, &path);
    std::fs::remove_dir(&path).expect("out of the way");
    ask(&host.sign_in("alice"), "and now?");
    let text = std::fs::read_to_string(&path).expect("the audit log is there now");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_full_disk_is_reported_and_breaks_no_answer() {
    let path = Path::new("/dev/full");
    answers_go_on_and_lines_go_to_the_log(&host_with(path), path);
}

#[test]
fn what_logrotate_moves_is_left_alone_and_a_new_file_begun() {
    let host = stand_in::counting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let path: PathBuf = host.setup().data().join("audit.jsonl");
    let moved = path.with_extension("jsonl.1");
    let (before, _) = ask(&alice, "before");
    std::fs::rename(&path, &moved).expect("moving the log");
    let (after, _) = ask(&alice, "after");
    let read = |path: &Path| std::fs::read_to_string(path).expect("the log");
    let (old, new) = (read(&moved), read(&path));
    assert!(old.contains(&before) && !old.contains(&after) && old.lines().count() == 2, "{old}");
    assert!(new.contains(&after) && !new.contains(&before) && new.lines().count() == 2, "{new}");
    // The other way to rotate: copied and cut.
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("cut");
    let (last, _) = ask(&alice, "last");
    let new = read(&path);
    assert!(new.contains(&last) && !new.contains('\0') && new.lines().count() == 2, "{new}");
}

#[test]
fn dev_null_is_no_audit_log() {
    let host = host_with(Path::new("/dev/null"));
    let (session, answer) = ask(&host.sign_in("alice"), "hi");
    assert_eq!(answer["result"], "2 characters");
    assert!(!host.output().contains("ask_start"), "nor do the lines go elsewhere");
    assert!(!host.setup().data().join("audit.jsonl").exists());
    let (_, setup) = host.stop();
    let host = setup.without("OVERLORD_AUDIT_FILE").with("AGENT_AUDIT_LOG", "/dev/null").start();
    ask(&host.sign_in("alice"), &session);
    assert!(!host.setup().data().join("audit.jsonl").exists(), "the original's name counts too");
}
