//! Questions without an answer: 502 and one sentence, the audit line, no process left, and the place
//! free for the next question.

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::Value;

use crate::stand_in;

/// The longest sentence that anybody is told, in characters.
const SENTENCE_MAX: usize = 500;

/// What is said of a question without an answer, after a look at all that must be so.
#[track_caller]
fn in_vain(host: &Host, caller: &Caller, message: &str) -> String {
    let session = caller.new_session();
    let answer = caller.ask(&session, message);
    assert_eq!(answer.status, 502, "{message}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{message}");
    let body = answer.json();
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
    let sentence = body["detail"].as_str().expect("a sentence").to_owned();
    assert!((1..=SENTENCE_MAX).contains(&sentence.chars().count()), "{sentence}");
    assert!(!sentence.contains(char::is_control), "{sentence:?} is not one line of text");
    let line = host.audit().into_iter().rfind(|line| line["session_id"] == session.as_str());
    let line = line.expect("a line");
    assert_eq!((&line["event"], &line["error"]), (&Value::from("ask_error"), &Value::from(&*sentence)));
    wait_until("the end of the agent's processes", || running(&session).is_empty().then_some(()));
    sentence
}

/// The processes that have the session's id among their arguments, as the agent and all of its own
/// copies have.
fn running(session: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .map(|arguments| String::from_utf8_lossy(&arguments).replace('\0', " "))
        .filter(|arguments| arguments.contains(session))
        .collect()
}

#[test]
fn a_running_agent_is_found_by_its_session() {
    let host = stand_in::waiting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let asking = alice.begin_to_ask(&session, "hi");
    wait_until("the agent", || (!running(&session).is_empty()).then_some(()));
    stand_in::let_go(host.setup());
    host.audited("ask_ok", &session);
    drop(asking);
}

#[test]
fn an_agent_that_fails_says_why_or_how() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    for (message, why) in [
        ("demo:fail", "the demo agent was asked to fail (exit code 1)"),
        ("demo:exit 7", "no reason (exit code 7)"),
        ("demo:exit 0", "no reason (exit code 0)"),
        ("demo:crash", "ended by signal 6 (SIGABRT)"),
        ("demo:half demo:crash demo:fast", "ended by signal 6 (SIGABRT)"),
        ("demo:rubbish demo:exit 3", "exit code 3"),
        ("demo:stderr 4096 demo:exit 3", "no answer: eeee"),
        ("demo:orphan 3 demo:fail", "asked to fail"),
        ("demo:clingy 3 demo:fail", "asked to fail"),
    ] {
        let sentence = in_vain(&host, &alice, message);
        assert!(sentence.contains(why), "{message}: {sentence}");
    }
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200, "the host goes on");
}

#[test]
fn an_agent_that_prints_a_gigabyte_is_stopped() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let sentence = in_vain(&host, &alice, "demo:flood 1024");
    assert_eq!(sentence, "the agent wrote more than 64 MiB and was stopped");
    let sentence = in_vain(&host, &alice, "demo:line 1024");
    assert_eq!(sentence, "the agent wrote a line of more than 32 MiB and was stopped");
}

#[test]
fn the_output_limit_is_a_setting_with_two_sides() {
    let host = Setup::new().with("OVERLORD_AGENT_OUTPUT_MAX_BYTES", (3 << 20).to_string()).start();
    let alice = host.sign_in("alice");
    assert_eq!(in_vain(&host, &alice, "demo:flood 3"), "the agent wrote more than 3 MiB and was stopped");
    assert_eq!(alice.ask(&alice.new_session(), "demo:flood 2 demo:fast").status, 200);
}

#[test]
fn an_agent_that_takes_too_long_is_stopped() {
    let host = Setup::new().with("OVERLORD_AGENT_TIME_LIMIT_S", "1").start();
    let alice = host.sign_in("alice");
    for message in ["demo:hang", "demo:half demo:hang demo:fast", "demo:slow 3600"] {
        assert_eq!(in_vain(&host, &alice, message), "the agent took longer than 1 s and was stopped");
    }
}

#[test]
fn an_agent_that_falls_silent_is_stopped() {
    let host = Setup::new().with("OVERLORD_AGENT_IDLE_LIMIT_S", "3").start();
    let alice = host.sign_in("alice");
    assert_eq!(in_vain(&host, &alice, "demo:hang"), "the agent said nothing for 3 s and was stopped");
    // One that talks all the time may take longer than that.
    assert_eq!(alice.ask(&alice.new_session(), "demo:slow 6").status, 200);
}

#[test]
fn an_agent_that_ignores_all_asking_is_killed() {
    let host = Setup::new().with("OVERLORD_AGENT_TIME_LIMIT_S", "1").start();
    let alice = host.sign_in("alice");
    let sentence = in_vain(&host, &alice, "demo:deaf demo:orphan 2 demo:hang");
    assert_eq!(sentence, "the agent took longer than 1 s and was stopped");
}

#[test]
fn an_agent_that_is_not_there_is_told_with_the_way_out() {
    for program in ["/nowhere/claude", "no-such-program-anywhere"] {
        let host = Setup::new().with("OVERLORD_AGENT_COMMAND", program).start();
        let sentence = in_vain(&host, &host.sign_in("alice"), "hi");
        assert!(sentence.contains("not found") && sentence.contains("OVERLORD_AGENT_COMMAND"), "{sentence}");
    }
}

#[test]
fn an_agent_that_is_no_program_is_told() {
    let setup = Setup::new();
    let file = setup.folder().join("agent");
    std::fs::write(&file, "just a text").expect("a file");
    let host = setup.with("OVERLORD_AGENT_COMMAND", &file).start();
    let sentence = in_vain(&host, &host.sign_in("alice"), "hi");
    assert!(sentence.contains("may not be run"), "{sentence}");
}

#[test]
fn what_an_agent_complains_of_is_told_without_codes_and_keys() {
    let script = r"
printf '\033[31mError:\033[0m the key sk-ant-api03-abcdefghijklmnop is not good\n' >&2
exit 1
";
    let host = stand_in::instead(Setup::new(), script).start();
    let sentence = in_vain(&host, &host.sign_in("alice"), "hi");
    assert_eq!(sentence, "the agent program gave no answer: the key [hidden] is not good (exit code 1)");
}

#[test]
fn a_message_of_nothing_but_white_space_is_not_put_to_the_agent() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    for message in [" ", "\n\t", "\u{3000}", "\u{feff}"] {
        let sentence = in_vain(&host, &alice, message);
        assert!(sentence.contains("white space"), "{sentence}");
    }
}

#[test]
fn a_session_goes_on_after_a_question_in_vain() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    // Before the session has a file, and after it.
    for message in ["demo:fail", "hello demo:fast", "demo:crash", "and on demo:fast"] {
        let expected = if message.ends_with("demo:fast") { 200 } else { 502 };
        let answer = alice.ask(&session, message);
        assert_eq!(answer.status, expected, "{message}: {}", answer.text());
    }
    let said = alice.history(&session);
    assert_eq!(said.last().map(|last| &last["role"]), Some(&"assistant".into()), "{said:?}");
}
