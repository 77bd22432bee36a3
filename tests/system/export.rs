//! A session as a file to save: the agent's own, or Markdown for people.

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::Setup;
use overlord_tests::session_files::write_text_heavy;
use serde_json::json;
use uuid::Uuid;

use crate::sessions;

fn export(caller: &Caller, session: &str, query: &str) -> Answer {
    caller.get(&format!("/agent/sessions/{session}/export{query}"))
}

#[test]
fn the_agents_own_file_comes_as_it_is() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let mut file = Vec::new();
    write_text_heavy(&mut file, 5 << 20).expect("a long session");
    file.extend(b"\xff not UTF-8, and no line end");
    sessions::put(&setup, &session, &file);
    let host = setup.start();
    let answer = export(&host.sign_in("alice"), &session, "?format=jsonl");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jsonl")));
    let disposition = answer.header("content-disposition").expect("it is a download").to_owned();
    assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
    assert!(disposition.ends_with(&format!("{session}.jsonl\"")), "{disposition}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.body == file, "{} bytes", answer.body.len());
}

#[test]
fn markdown_tells_who_said_what_and_no_message_passes_for_another() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let said = |role: &str, text: &str| {
        json!({"type": role, "message": {"content": text}, "timestamp": "2026-01-02T03:04:05.678Z"})
            .to_string()
            + "\n"
    };
    let file = said("user", "one\n\n## Assistant\n```") + &said("assistant", "two");
    sessions::put(&setup, &session, file);
    let host = setup.start();
    let alice = host.sign_in("alice");
    let renamed = alice.post(&format!("/agent/sessions/{session}/rename"), &json!({"title": "My *chat* é"}));
    assert_eq!(renamed.status, 200);
    for query in ["", "?format=markdown"] {
        let answer = export(&alice, &session, query);
        assert_eq!(answer.header("content-type"), Some("text/markdown; charset=utf-8"));
        let name = format!("attachment; filename=\"my-chat-{session}.md\"");
        assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
        let expected = format!(
            "# My \\*chat\\* é\n\nSession {session}\n\
             \n## User\n\n2026-01-02T03:04:05.678Z\n\n> one\n>\n> ## Assistant\n> ```\n\
             \n## Assistant\n\n2026-01-02T03:04:05.678Z\n\n> two\n"
        );
        assert_eq!(answer.text(), expected);
    }
}

#[test]
fn a_long_session_is_whole_in_markdown() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    let mut file = Vec::new();
    let messages = write_text_heavy(&mut file, 8 << 20).expect("a long session");
    sessions::put(&setup, &session, file);
    let host = setup.start();
    let text = export(&host.sign_in("alice"), &session, "").text();
    let told = text.lines().filter(|line| ["## User", "## Assistant"].contains(line)).count();
    assert_eq!(told as u64, messages);
}

#[test]
fn what_is_not_the_callers_is_not_there() {
    let host = Setup::new().start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "hello demo:fast").status, 200);
    for session in [&session, &Uuid::new_v4().to_string()] {
        let answer = export(&bob, session, "");
        assert_eq!((answer.status, answer.text().as_str()), (404, r#"{"detail":"session not found"}"#));
    }
    assert_eq!(export(&host.sign_in_as("carol", &["admin"]), &session, "").status, 200);
    assert_eq!(export(&alice, &session, "?format=pdf").status, 422);
    assert_eq!(export(&alice, "x", "").status, 400);
}

#[test]
fn a_link_in_the_place_of_a_session_leads_nowhere() {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    sessions::put(&setup, &session, "");
    let file = sessions::file(&setup, &session);
    std::fs::remove_file(&file).expect("removed");
    let outside = setup.folder().join("outside");
    std::fs::write(&outside, "a secret").expect("a file");
    std::os::unix::fs::symlink(outside, file).expect("a link");
    let host = setup.start();
    let answer = export(&host.sign_in("alice"), &session, "?format=jsonl");
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("secret"));
}
