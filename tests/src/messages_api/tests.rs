//! The API as any client sees it, over a socket.

use std::thread;

use serde_json::{Value, json};
use ureq::Agent;

use super::*;

/// The status, and the body as far as it came.
fn post(api: &MessagesApi, target: &str, body: &Value) -> (u16, Result<String, ureq::Error>) {
    let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let answer = agent.post(format!("{}{target}", api.base_url())).send(body.to_string());
    let mut answer = answer.expect("the API answers");
    (answer.status().as_u16(), answer.body_mut().read_to_string())
}

fn ask(api: &MessagesApi, question: &str) -> (u16, Result<String, ureq::Error>) {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": question}]});
    post(api, "/v1/messages?beta=true", &body)
}

/// The text that the deltas of a stream make together.
fn text(stream: &str) -> String {
    stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|event| Some(event["delta"]["text"].as_str()?.to_owned()))
        .collect()
}

#[test]
fn an_answer_streams_in_deltas_and_is_recorded() {
    let api = MessagesApi::start();
    let question = "один 二つ 🦀🦀🦀 — a question longer than one delta";
    let (status, stream) = ask(&api, question);
    let stream = stream.expect("the stream is whole");
    assert_eq!(status, 200);
    assert_eq!(text(&stream), format!("Answer 1 to: {question}"));
    assert!(stream.matches("content_block_delta").count() > 2, "{stream}");
    assert!(stream.ends_with("data: {\"type\":\"message_stop\"}\n\n"), "{stream}");
    assert_eq!(api.questions(), [question]);
    assert_eq!(api.seen()[0].target, "/v1/messages?beta=true");
}

#[test]
fn a_tool_is_asked_for_by_name_with_its_input() {
    let api = MessagesApi::start();
    let (_, stream) = ask(&api, "please [[tool:echo hi]]");
    let stream = stream.expect("the stream is whole");
    assert!(stream.contains(r#""name":"Bash""#), "{stream}");
    assert!(stream.contains(r#"{\"command\":\"echo hi\""#), "{stream}");
    assert!(stream.contains(r#""stop_reason":"tool_use""#), "{stream}");
}

#[test]
fn errors_are_written_as_the_real_service_writes_them() {
    let api = MessagesApi::start();
    let cases = [(401, "authentication_error"), (529, "overloaded_error"), (500, "api_error")];
    for (expected, kind) in cases {
        for _ in 0..2 {
            let (status, body) = ask(&api, &format!("[[err:{expected}]]"));
            let body: Value = serde_json::from_str(&body.expect("a body")).expect("JSON");
            assert_eq!((status, body["error"]["type"].as_str()), (expected, Some(kind)));
        }
    }
}

#[test]
fn a_held_answer_comes_only_after_its_release() {
    let api = MessagesApi::start();
    thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&api, "[[hold]]"));
        api.wait_for("[[hold]]", 1);
        assert!(!asking.is_finished(), "the answer came without a release");
        api.release();
        let (_, stream) = asking.join().expect("asking does not panic");
        assert_eq!(text(&stream.expect("the stream is whole")), "Answer 1 to: [[hold]]");
    });
}

#[test]
fn a_connection_is_cut_once_and_the_next_try_gets_the_answer() {
    let api = MessagesApi::start();
    let (_, cut) = ask(&api, "[[drop]]");
    assert!(cut.is_err(), "{cut:?}");
    let (_, whole) = ask(&api, "[[drop]]");
    assert_eq!(text(&whole.expect("the stream is whole")), "Answer 1 to: [[drop]]");
}

#[test]
fn tokens_are_counted_and_anything_else_is_not_found_and_recorded() {
    let api = MessagesApi::start();
    let (status, body) = post(&api, "/v1/messages/count_tokens", &json!({"messages": []}));
    let body: Value = serde_json::from_str(&body.expect("a body")).expect("JSON");
    assert_eq!((status, body["input_tokens"].is_u64()), (200, true));
    assert_eq!(post(&api, "/api/event_logging", &json!({})).0, 404);
    assert_eq!(post(&api, "/v1/messages", &json!({})).0, 400);
    let targets: Vec<_> = api.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/v1/messages/count_tokens", "/api/event_logging", "/v1/messages"]);
}
