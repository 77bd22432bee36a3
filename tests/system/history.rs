//! What was said, on demand: as the original shows it, from nowhere but the client's folder.

use std::io::Write as _;
use std::os::unix::fs::symlink;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::Setup;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sessions;

const EMPTY: &str = r#"{"messages":[]}"#;

fn history(caller: &Caller, session: &str) -> Answer {
    caller.get(&format!("/agent/sessions/{session}/history"))
}

/// A line that shows one message.
fn said(role: &str, text: &str) -> String {
    json!({"type": role, "message": {"content": text}, "timestamp": "2026-01-02T03:04:05.678Z"}).to_string()
        + "\n"
}

/// What the original prints of a session's file, by its own rule, of the records that it does not hide
/// here: compact JSON, the text blocks joined, nothing that has no text.
fn as_the_original_prints(file: &str) -> String {
    let messages: Vec<Value> = file
        .lines()
        .map(str::trim)
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|record: &Value| !is_hidden(record))
        .filter_map(|record| shown(&record))
        .collect();
    json!({ "messages": messages }).to_string()
}

/// The original's rule for one record.
fn shown(record: &Value) -> Option<Value> {
    let role = record["type"].as_str().filter(|role| ["user", "assistant"].contains(role))?;
    let text = text_of(&record["message"]["content"]);
    (!text.is_empty()).then(|| json!({"role": role, "text": text, "timestamp": record["timestamp"]}))
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter(|part| part["type"] == "text");
            texts.filter_map(|part| part["text"].as_str()).collect()
        }
        _ => String::new(),
    }
}

/// Where Overlord departs from that rule: what the client's own chat view does not show either.
fn is_hidden(record: &Value) -> bool {
    let marked = ["isMeta", "isCompactSummary", "isSidechain"].iter().any(|mark| record[*mark] == true);
    let made_up = record["message"]["model"] == "<synthetic>" && record["isApiErrorMessage"] != true;
    let text = text_of(&record["message"]["content"]);
    let starts = ["<command-", "<local-command-", "<task-notification>"];
    let not_the_users = record["type"] == "user" && starts.iter().any(|start| text.starts_with(start));
    marked || made_up || not_the_users
}

#[test]
fn recorded_sessions_are_shown_as_the_original_prints_them() {
    let setup = Setup::new();
    let recorded: Vec<_> = sessions::recorded()
        .into_iter()
        .map(|(name, file)| (name, file, Uuid::new_v4().to_string()))
        .collect();
    for (_, file, session) in &recorded {
        sessions::put(&setup, session, file);
    }
    let host = setup.start();
    let alice = host.sign_in("alice");
    let mut plain = 0;
    for (name, file, session) in recorded {
        let answer = history(&alice, &session);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
        assert_eq!(answer.text(), as_the_original_prints(&file), "{name}");
        assert_ne!(answer.text(), EMPTY, "{name}");
        let nothing_hidden = |line: &str| serde_json::from_str(line).is_ok_and(|record| !is_hidden(&record));
        plain += u32::from(file.lines().all(nothing_hidden));
    }
    assert!(plain >= 5, "only {plain} recordings hold the original's rule alone against Overlord's");
}

#[test]
fn what_is_no_record_is_passed_over() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let lines = [
        said("user", "one “quoted” \u{7f}\u{2028} 🦀").into_bytes(),
        b"\n   \nno JSON\n[1,2]\nnull\n\"text\"\n{\"type\":7}\n{}\n".to_vec(),
        b"{\"type\":\"user\",\"message\":{\"content\":\"\xff\"}}\n".to_vec(),
        "[".repeat(100_000).into_bytes(),
        b"\n".to_vec(),
        said("assistant", "two").into_bytes(),
        said("assistant", "a line that is still being written").as_bytes()[..60].to_vec(),
    ];
    sessions::put(&setup, &session, lines.concat());
    let host = setup.start();
    let messages = host.sign_in("alice").history(&session);
    let texts: Vec<_> = messages.iter().map(|message| message["text"].as_str().expect("text")).collect();
    assert_eq!((texts.first(), texts.last()), (Some(&"one “quoted” \u{7f}\u{2028} 🦀"), Some(&"two")));
    assert!(texts.len() <= 3, "{texts:?}");
}

#[test]
fn a_line_appears_when_it_is_whole() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let second = said("assistant", "the answer");
    let (half, rest) = second.split_at(40);
    sessions::put(&setup, &session, said("user", "the question") + half);
    let host = setup.start();
    let alice = host.sign_in("alice");
    assert_eq!(alice.history(&session).len(), 1);
    let file = std::fs::File::options().append(true).open(sessions::file(host.setup(), &session));
    file.expect("the session").write_all(rest.as_bytes()).expect("written");
    assert_eq!(alice.history(&session)[1]["text"], "the answer");
}

#[test]
fn a_line_of_ten_megabytes_is_a_message() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let long = "größer ".repeat(10 * (1 << 20) / 9);
    sessions::put(
        &setup,
        &session,
        said("user", "short") + &said("assistant", &long) + &said("user", "last"),
    );
    let host = setup.start();
    let messages = host.sign_in("alice").history(&session);
    assert_eq!(messages.len(), 3);
    assert!(messages[1]["text"] == long.as_str(), "the long one is not the same");
}

#[test]
fn a_session_file_that_leads_elsewhere_shows_nothing_of_it() {
    let setup = Setup::new();
    let secret = said("user", "a secret of another folder");
    let outside = setup.folder().join("outside.jsonl");
    std::fs::write(&outside, &secret).expect("a file outside");
    std::fs::create_dir_all(sessions::folder(&setup)).expect("a folder for sessions");
    let targets = [
        outside.clone(),
        "../../../../outside.jsonl".into(),
        "/proc/self/root/etc/passwd".into(),
        "/dev/zero".into(),
    ];
    let sessions: Vec<_> = targets
        .iter()
        .map(|target| {
            let session = Uuid::new_v4().to_string();
            symlink(target, sessions::file(&setup, &session)).expect("a link");
            session
        })
        .collect();
    let pipe = Uuid::new_v4().to_string();
    let path = sessions::file(&setup, &pipe);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let folder = Uuid::new_v4().to_string();
    std::fs::create_dir(sessions::file(&setup, &folder)).expect("a folder");
    let host = setup.start();
    let alice = host.sign_in("alice");
    for session in sessions.iter().chain([&pipe, &folder]) {
        let answer = history(&alice, session);
        assert_eq!((answer.status, answer.text().as_str()), (500, r#"{"detail":"failed to read session"}"#));
    }
}

#[test]
fn a_whole_folder_of_sessions_that_leads_elsewhere_shows_nothing_of_it() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let outside = setup.folder().join("outside");
    std::fs::create_dir(&outside).expect("a folder outside");
    std::fs::write(outside.join(format!("{session}.jsonl")), said("user", "a secret"))
        .expect("a file outside");
    let folder = sessions::folder(&setup);
    std::fs::create_dir_all(folder.parent().expect("projects")).expect("a folder for sessions");
    symlink(&outside, &folder).expect("a link");
    let host = setup.start();
    let answer = history(&host.sign_in("alice"), &session);
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(!answer.text().contains("secret"));
}

#[test]
fn a_session_without_a_file_is_empty() {
    let host = Setup::new().start();
    let answer = history(&host.sign_in("alice"), &Uuid::new_v4().to_string());
    assert_eq!((answer.status, answer.text().as_str()), (200, EMPTY));
}

#[test]
fn the_clients_own_folder_is_where_its_variable_says() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    sessions::put(&setup, &session, said("user", "in the usual place"));
    let elsewhere = setup.folder().join("elsewhere");
    std::fs::rename(setup.home().join(".claude"), &elsewhere).expect("moved");
    let host = setup.with("CLAUDE_CONFIG_DIR", &elsewhere).start();
    let alice = host.sign_in("alice");
    assert_eq!(alice.history(&session)[0]["text"], "in the usual place");
    assert_eq!(alice.ask(&session, "and on demo:fast").status, 200);
    assert_eq!(alice.history(&session).len(), 3, "the agent goes on in the same place");
}
