//! Histories by parts: both ways through a long file, what is new since then, and nothing at all where
//! nothing has changed.

use std::collections::HashSet;
use std::io::Write as _;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sessions;

/// Messages of the long file.
const MANY: usize = 100_000;

fn line(number: usize) -> String {
    let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
    json!({"type": role, "message": {"content": format!("message {number}")}}).to_string() + "\n"
}

fn host_with(file: impl AsRef<[u8]>) -> (Host, Caller, String) {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    sessions::put(&setup, &session, file);
    let host = setup.start();
    let alice = host.sign_in("alice");
    (host, alice, session)
}

#[track_caller]
fn get(caller: &Caller, session: &str, query: &str) -> Value {
    let answer = caller.get(&format!("/agent/sessions/{session}/history?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

fn texts(page: &Value) -> Vec<String> {
    let messages = page["messages"].as_array().expect("a list");
    messages.iter().map(|message| message["text"].as_str().expect("text").to_owned()).collect()
}

fn append(host: &Host, session: &str, text: &str) {
    let file = std::fs::File::options().append(true).open(sessions::file(host.setup(), session));
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("appended");
}

#[test]
fn a_long_file_is_walked_to_both_ends_and_each_message_met_once() {
    let (_host, alice, session) = host_with((0..MANY).map(line).collect::<String>());
    let expected: Vec<_> = (0..MANY).map(|number| format!("message {number}")).collect();

    let mut page = get(&alice, &session, "last=1000");
    let mut backward = texts(&page);
    while let Some(before) = page["before"].as_u64() {
        page = get(&alice, &session, &format!("last=1000&before={before}"));
        let mut older = texts(&page);
        older.append(&mut backward);
        backward = older;
    }
    assert!(backward == expected, "{} messages backward", backward.len());

    let (mut forward, mut at) = (Vec::new(), 0);
    loop {
        let page = get(&alice, &session, &format!("last=1000&after={at}"));
        forward.extend(texts(&page));
        let next = page["after"].as_u64().expect("an offset");
        if next == at {
            break;
        }
        at = next;
    }
    assert!(forward == expected, "{} messages forward", forward.len());

    let middle = get(&alice, &session, "last=300")["before"].as_u64().expect("there is more");
    let (older, newer) = (
        get(&alice, &session, &format!("before={middle}")),
        get(&alice, &session, &format!("after={middle}")),
    );
    assert_eq!(texts(&older), expected[MANY - 350..MANY - 300], "50 where nobody says");
    assert_eq!(texts(&newer), expected[MANY - 300..MANY - 250]);
    let met: HashSet<_> = texts(&older).into_iter().chain(texts(&newer)).collect();
    assert_eq!(met.len(), 100);
    assert_eq!((older["after"].as_u64(), newer["before"].as_u64()), (Some(middle), Some(middle)));
}

#[test]
fn what_is_new_comes_after_what_was_read() {
    let (host, alice, session) = host_with(line(0) + &line(1) + "{\"type\":\"system\"}\n");
    let page = get(&alice, &session, "last=10");
    assert_eq!((texts(&page).len(), &page["before"]), (2, &Value::Null));
    let mut at = page["after"].as_u64().expect("an offset");
    let mut news = || {
        let page = get(&alice, &session, &format!("after={at}"));
        at = page["after"].as_u64().expect("an offset");
        texts(&page)
    };
    assert_eq!(news(), Vec::<String>::new());
    let (half, rest) = (&line(2)[..20], &line(2)[20..]);
    append(&host, &session, half);
    assert_eq!(news(), Vec::<String>::new());
    append(&host, &session, rest);
    assert_eq!(news(), ["message 2"]);
    append(&host, &session, &(line(3) + &line(4)));
    assert_eq!(news(), ["message 3", "message 4"]);
    assert_eq!(news(), Vec::<String>::new());
}

#[test]
fn the_detailed_form_has_tools_and_offsets() {
    let call = json!({"type": "assistant", "message": {"content": [
        {"type": "text", "text": "I look"},
        {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}]}});
    let result = json!({"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": "no <b>such</b> thing"}]}});
    let file = format!("{}{call}\n{result}\n", line(0));
    let (_host, alice, session) = host_with(&file);
    let page = get(&alice, &session, "detailed=true");
    let first = line(0).len();
    assert_eq!(
        page["messages"],
        json!([
            {"role": "user", "kind": "text", "text": "message 0", "timestamp": null, "offset": 0, "asides": []},
            {"role": "assistant", "kind": "text", "text": "I look", "timestamp": null, "offset": first, "asides": [
                {"kind": "tool-call", "id": "t1", "name": "Bash", "text": "{\"command\":\"ls\"}", "failed": false}]},
            {"role": "user", "kind": "text", "text": "", "timestamp": null,
             "offset": first + call.to_string().len() + 1, "asides": [
                {"kind": "tool-result", "id": "t1", "name": "", "text": "no <b>such</b> thing", "failed": true}]},
        ])
    );
    assert_eq!(texts(&get(&alice, &session, "last=10")), ["message 0", "I look"], "not in the plain form");
    let plain = &get(&alice, &session, "last=1")["messages"][0];
    assert_eq!(plain, &json!({"role": "assistant", "text": "I look", "timestamp": null}));
}

#[test]
fn a_query_that_cannot_be_is_told_so() {
    let (_host, alice, session) = host_with(line(0));
    let answer = |query: &str| alice.get(&format!("/agent/sessions/{session}/history?{query}"));
    for fine in ["last=1", "last=1000", "before=0", "after=0", "before=18446744073709551615", "detailed=1"] {
        assert_eq!(answer(fine).status, 200, "{fine}");
    }
    let beyond = format!("after={}", line(0).len() + 1);
    for wrong in
        ["last=0", "last=1001", "last=", "before=-1", "after=x", "before=1&after=1", "html=true", &beyond]
    {
        let answer = answer(wrong);
        assert_eq!(answer.status, 422, "{wrong}: {}", answer.text());
        assert_eq!(answer.json()["detail"][0]["loc"][0], "query", "{wrong}");
    }
}

#[test]
fn a_session_that_is_not_there_has_no_parts() {
    let (host, alice, session) = host_with(line(0));
    let mine = alice.new_session();
    assert_eq!(alice.ask(&mine, "hello demo:fast").status, 200);
    let bob = host.sign_in("bob");
    let nothing = r#"{"messages":[],"before":null,"after":0}"#;
    for session in [&mine, &Uuid::new_v4().to_string()] {
        let answer = bob.get(&format!("/agent/sessions/{session}/history?last=5"));
        assert_eq!((answer.status, answer.text().as_str()), (200, nothing));
        assert_eq!(answer.header("etag"), Some("\"none\""));
    }
    assert_eq!(texts(&get(&bob, &session, "last=5")).len(), 1, "one that is nobody's is read");
}

#[test]
fn nothing_is_sent_again_while_the_file_is_the_same() {
    let (host, alice, session) = host_with(line(0));
    let ask = |query: &str, tag: &str| -> Answer {
        let path = format!("/agent/sessions/{session}/history{query}");
        alice.send("GET", &path, &[("if-none-match", tag)], None)
    };
    for query in ["", "?last=5", "?detailed=true"] {
        let first = ask(query, "\"other\"");
        assert_eq!(first.status, 200);
        let tag = first.header("etag").expect("a tag").to_owned();
        for same in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let answer = ask(query, &same);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{same}");
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        append(&host, &session, &line(1));
        let grown = ask(query, &tag);
        assert_eq!(grown.status, 200);
        assert_ne!(grown.header("etag"), Some(tag.as_str()));
        // As long as before, and another one.
        let file = sessions::file(host.setup(), &session);
        let text = std::fs::read_to_string(&file).expect("a session").replace("message", "massage");
        std::fs::write(file, text).expect("written");
        assert_eq!(ask(query, grown.header("etag").expect("a tag")).status, 200);
    }
}
