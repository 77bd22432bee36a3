//! What to say next: reads a request's conversation and finds the question, the words in it that
//! script the answer, and how far the script has come. Nothing is remembered between requests, so a
//! resumed conversation, a retry and a fork all get what their own words ask for.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Where a conversation stands.
#[derive(Debug, PartialEq)]
pub(super) struct Turn {
    /// The last thing that the user said.
    pub(super) question: String,
    /// How many things the user has said, this one included.
    pub(super) number: usize,
    /// What the tools have answered since.
    pub(super) results: Vec<String>,
    /// What the question wants to happen now; none where it wants an answer.
    pub(super) step: Option<Step>,
}

/// What a question can want.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A tool to be used.
    Tool {
        /// The tool's name.
        name: &'static str,
        /// Its input.
        input: Value,
    },
    /// An HTTP error.
    Fail(StatusCode),
    /// An answer that waits within.
    Hold,
    /// An answer that breaks off.
    Drop,
}

impl Turn {
    /// None where nobody has asked anything.
    pub(super) fn of(request: &Value) -> Option<Self> {
        let mut turn: Option<Self> = None;
        for message in request["messages"].as_array()? {
            if message["role"] != "user" {
                continue;
            }
            if let Some(question) = said(&message["content"]) {
                let number = turn.map_or(0, |turn| turn.number) + 1;
                turn = Some(Self { question, number, results: Vec::new(), step: None });
            } else if let Some(turn) = &mut turn {
                turn.results.extend(results(&message["content"]));
            }
        }
        let mut turn = turn?;
        turn.step = steps(&turn.question).nth(turn.results.len());
        Some(turn)
    }

    /// The answer, once it is time for one.
    pub(super) fn answer(&self) -> String {
        let mut answer = format!("Answer {} to: {}", self.number, self.question);
        for result in &self.results {
            answer.push_str("\nThe tool said: ");
            answer.push_str(result);
        }
        answer
    }
}

/// The user's own words in a message: the last text that the client has not put there itself.
fn said(content: &Value) -> Option<String> {
    let own = |text: &&str| !text.trim_start().starts_with("<system-reminder>");
    let text = match content {
        Value::String(text) => Some(text.as_str()).filter(own),
        Value::Array(blocks) => blocks.iter().rev().filter_map(|block| block["text"].as_str()).find(own),
        _ => None,
    };
    text.map(str::to_owned)
}

/// What the tools of a message gave back.
fn results(content: &Value) -> impl Iterator<Item = String> {
    let blocks = content.as_array().map_or(&[][..], Vec::as_slice);
    blocks.iter().filter(|block| block["type"] == "tool_result").map(|block| match &block["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        other => other.to_string(),
    })
}

/// The words in double brackets that mean something, in their order.
fn steps(question: &str) -> impl Iterator<Item = Step> {
    question.split("[[").skip(1).filter_map(|rest| {
        let (words, _) = rest.split_once("]]")?;
        let (verb, object) = words.split_once(':').unwrap_or((words, ""));
        match verb {
            "tool" => {
                let input = json!({"command": object, "description": "A scripted command"});
                Some(Step::Tool { name: "Bash", input })
            }
            "read" => Some(Step::Tool { name: "Read", input: json!({"file_path": object}) }),
            "err" => Some(Step::Fail(StatusCode::from_bytes(object.as_bytes()).ok()?)),
            "hold" => Some(Step::Hold),
            "drop" => Some(Step::Drop),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(messages: &Value) -> Turn {
        Turn::of(&json!({"messages": messages})).expect("there is a question")
    }

    #[test]
    fn the_question_is_what_the_user_said_last_and_nothing_that_the_client_added() {
        let turn = turn(&json!([
            {"role": "user", "content": [
                {"type": "text", "text": "<system-reminder>\n[[err:500]]</system-reminder>"},
                {"type": "text", "text": "first"},
            ]},
            {"role": "system", "content": "# Environment [[err:500]]"},
            {"role": "assistant", "content": [{"type": "text", "text": "Answer 1 [[err:500]]"}]},
            {"role": "user", "content": "second"},
        ]));
        assert_eq!(turn, Turn { question: "second".into(), number: 2, results: Vec::new(), step: None });
        assert_eq!(turn.answer(), "Answer 2 to: second");
    }

    #[test]
    fn every_result_of_a_tool_takes_the_script_one_step_on() {
        let question = json!({"role": "user", "content": "[[tool:echo hi]] [[no]] [[hold]]"});
        let call = json!({"role": "assistant", "content": [{"type": "tool_use"}]});
        let result = json!({"role": "user", "content": [
            {"type": "tool_result", "content": [{"type": "text", "text": "hi"}]},
            {"type": "text", "text": "<system-reminder>be kind</system-reminder>"},
        ]});
        let input = json!({"command": "echo hi", "description": "A scripted command"});
        assert_eq!(turn(&json!([question])).step, Some(Step::Tool { name: "Bash", input }));
        let second = turn(&json!([question, call, result]));
        assert_eq!(second.step, Some(Step::Hold));
        assert!(second.answer().ends_with("\nThe tool said: hi"), "{}", second.answer());
        assert_eq!(turn(&json!([question, call, result, call, result])).step, None);
    }

    #[test]
    fn what_is_no_conversation_has_no_turn() {
        for request in [
            json!(null),
            json!({}),
            json!({"messages": 1}),
            json!({"messages": []}),
            json!({"messages": [{"role": "assistant", "content": "hello"}]}),
            json!({"messages": [{"role": "user", "content": 5}]}),
        ] {
            assert_eq!(Turn::of(&request), None, "{request}");
        }
    }
}
