//! How an answer goes over the wire: the server-sent events of one message, each as the bytes that
//! are sent at once. Knows nothing of questions.

use serde_json::{Value, json};

/// How many characters one delta carries. Short, so that every answer comes in many, and that a
/// text of several scripts is cut between any two of its characters.
const DELTA: usize = 16;

/// How many events precede the place where an answer is held or cut: the message's start, the
/// block's, and one delta.
pub(super) const BEGINNING: usize = 3;

/// A message that is nothing but text.
pub(super) fn text(model: &str, text: &str) -> Vec<String> {
    let mut events = vec![start(model)];
    block(&mut events, 0, &json!({"type": "text", "text": ""}), text_deltas(text));
    end(&mut events, "end_turn");
    events
}

/// A message that says a sentence and wants a tool to be used.
pub(super) fn tool(model: &str, name: &str, input: &Value) -> Vec<String> {
    let call = format!("toolu_{}", uuid::Uuid::new_v4().simple());
    let call = json!({"type": "tool_use", "id": call, "name": name, "input": {}});
    let input = json!({"type": "input_json_delta", "partial_json": input.to_string()});
    let mut events = vec![start(model)];
    block(&mut events, 0, &json!({"type": "text", "text": ""}), text_deltas("I will use a tool."));
    block(&mut events, 1, &call, vec![input]);
    end(&mut events, "tool_use");
    events
}

/// A sign of life that says nothing.
pub(super) fn ping() -> String {
    event(&json!({"type": "ping"}))
}

fn start(model: &str) -> String {
    event(&json!({"type": "message_start", "message": {
        "id": format!("msg_{}", uuid::Uuid::new_v4().simple()),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }}))
}

fn block(events: &mut Vec<String>, index: usize, block: &Value, deltas: Vec<Value>) {
    events.push(event(&json!({
        "type": "content_block_start", "index": index, "content_block": block,
    })));
    for delta in deltas {
        events.push(event(&json!({
            "type": "content_block_delta", "index": index, "delta": delta,
        })));
    }
    events.push(event(&json!({"type": "content_block_stop", "index": index})));
}

fn end(events: &mut Vec<String>, reason: &str) {
    events.push(event(&json!({
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": 1},
    })));
    events.push(event(&json!({"type": "message_stop"})));
}

fn text_deltas(text: &str) -> Vec<Value> {
    let characters: Vec<char> = text.chars().collect();
    characters
        .chunks(DELTA)
        .map(|chunk| json!({"type": "text_delta", "text": chunk.iter().collect::<String>()}))
        .collect()
}

fn event(data: &Value) -> String {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}
