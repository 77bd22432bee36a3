//! `audit-jsonl`, the component: lines that Python wrote, byte for byte, and events that no line is
//! written of.

use overlord::domain::{self, Instant};
use overlord::sandbox::bindings::audit::AuditPolicy;
use overlord::sandbox::bindings::audit::exports::overlord::policy::audit::{Event, Field, Value};
use overlord::sandbox::{Audit, Broken, Policy};
use serde_json::Value as Json;

use crate::raw;
use crate::stage::policy;

/// Lines that Python wrote, made by `tests/fixtures/audit/make.py`.
const RECORDED: &str = include_str!("../fixtures/audit/lines.json");

fn value(json: &Json) -> Value {
    let Json::Object(named) = json else { return Value::Absent };
    let (kind, value) = named.iter().next().expect("a value has a kind");
    let text = || value.as_str().expect("text").to_owned();
    match kind.as_str() {
        "text" => Value::Text(text()),
        "number" => Value::Number(text().parse().expect("a whole number")),
        "real" => Value::Real(text().parse().expect("a number")),
        "flag" => Value::Flag(value.as_bool().expect("true or false")),
        other => panic!("no value is {other}"),
    }
}

fn event(json: &Json) -> Event {
    let pair =
        |pair: &Json| Field { name: pair[0].as_str().expect("a name").to_owned(), value: value(&pair[1]) };
    Event {
        name: json["name"].as_str().expect("a name").to_owned(),
        at: json["at"].as_u64().expect("a time"),
        fields: json["fields"].as_array().expect("a list").iter().map(pair).collect(),
    }
}

#[tokio::test]
async fn writes_each_recorded_line_byte_for_byte_as_python_did() {
    let recorded: Vec<Json> = serde_json::from_str(RECORDED).expect("recordings are JSON");
    assert!(recorded.len() >= 170, "the recordings are not whole");
    let (engine, component) = raw::component("audit-jsonl");
    let linker = raw::linker(&engine);
    for record in &recorded {
        let mut store = raw::store(&engine, ());
        let policy = AuditPolicy::instantiate_async(&mut store, &component, &linker).await.expect("it fits");
        let written =
            policy.overlord_policy_audit().call_format(&mut store, &Vec::new(), &event(record)).await;
        let line = written.expect("it does not break").expect("it has no fault");
        assert_eq!(line, record["line"].as_str().expect("text"), "{}", record["what"]);
    }
}

async fn format(
    policy: &Policy<Audit>,
    fields: Vec<(&'static str, domain::Value)>,
    at: u64,
) -> Result<String, Broken> {
    policy.format(&domain::Event { name: "ask_start".into(), at: Instant(at), fields }).await
}

#[tokio::test]
async fn what_the_host_hands_over_is_written_as_it_stands() {
    let policy: Policy<Audit> = policy("audit-jsonl", &[]).await;
    let fields = vec![
        ("user", "alice".into()),
        ("turns", 3_u32.into()),
        ("is_error", true.into()),
        ("retry_after_s", domain::Value::Absent),
    ];
    assert_eq!(
        format(&policy, fields, 1_700_000_000_999).await.expect("a line"),
        r#"{"event": "ask_start", "user": "alice", "turns": 3, "is_error": true, "retry_after_s": null, "timestamp": "2023-11-14T22:13:20Z"}"#
    );
}

#[tokio::test]
async fn texts_are_cut_by_characters_and_only_where_the_original_cut_them() {
    let policy: Policy<Audit> = policy("audit-jsonl", &[]).await;
    for (name, max) in [("message", 500), ("error", 500), ("result_preview", 300), ("user", usize::MAX)] {
        for length in [299, 300, 301, 500, 501, 10_000] {
            let line = format(&policy, vec![(name, "🦀".repeat(length).into())], 1).await.expect("a line");
            let written: Json = serde_json::from_str(&line).expect("it is JSON");
            let written = written[name].as_str().expect("text").chars().count();
            assert_eq!(written, length.min(max), "{name} of {length}");
        }
    }
}

#[tokio::test]
async fn a_message_of_megabytes_or_of_control_characters_is_one_line() {
    let policy: Policy<Audit> = policy("audit-jsonl", &[]).await;
    let all: String = (0..0x3000).filter_map(char::from_u32).collect();
    for text in ["x".repeat(10 << 20), "\0".repeat(1 << 20), "\n\r\u{2028}".repeat(1000), all] {
        let line = format(&policy, vec![("message", text.clone().into())], 1).await.expect("a line");
        let written: Json = serde_json::from_str(&line).expect("it is JSON");
        let kept: String = text.chars().take(500).collect();
        assert_eq!(written["message"], Json::String(kept));
        assert!(!line.contains(['\n', '\r']));
    }
}

#[tokio::test]
async fn a_record_that_would_be_too_long_is_refused_and_the_next_is_written() {
    let policy: Policy<Audit> = policy("audit-jsonl", &[]).await;
    for length in [300 << 10, 8 << 20] {
        let outcome = format(&policy, vec![("user", "u".repeat(length).into())], 1).await;
        assert!(matches!(outcome, Err(Broken::Answer(_) | Broken::Trapped(_))), "{length}: {outcome:?}");
        format(&policy, vec![("user", "u".into())], 1).await.expect("a line");
    }
}

#[tokio::test]
async fn thousands_of_fields_are_written() {
    let policy: Policy<Audit> = policy("audit-jsonl", &[]).await;
    let names: Vec<&'static str> =
        (0..2000).map(|number| &*Box::leak(format!("f{number}").into_boxed_str())).collect();
    let line =
        format(&policy, names.iter().map(|name| (*name, true.into())).collect(), 1).await.expect("a line");
    let written: Json = serde_json::from_str(&line).expect("it is JSON");
    assert_eq!(written.as_object().expect("an object").len(), 2002);
}

#[tokio::test]
async fn what_no_line_can_say_is_a_fault_that_names_it() {
    let good: Policy<Audit> = policy("audit-jsonl", &[]).await;
    let set: Policy<Audit> = policy("audit-jsonl", &[("indent", "2")]).await;
    let outcomes = [
        (format(&good, vec![("a", true.into()), ("a", true.into())], 1).await, "the field 'a' twice"),
        (format(&good, vec![("timestamp", true.into())], 1).await, "the field 'timestamp' twice"),
        (format(&good, vec![("event", true.into())], 1).await, "the field 'event' twice"),
        (format(&good, Vec::new(), u64::MAX).await, "later than the year 9999"),
        (format(&set, Vec::new(), 1).await, "there is no 'indent'"),
    ];
    for (outcome, words) in outcomes {
        let Err(Broken::Fault(message)) = outcome else { panic!("{words}: {outcome:?}") };
        assert!(message.contains(words), "{message}");
    }
}
