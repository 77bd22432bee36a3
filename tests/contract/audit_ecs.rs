//! `audit-ecs`, the component: lines of the Elastic Common Schema, read back by Python.

use overlord::domain::{Event, Instant, Value};
use overlord::sandbox::{Audit, Broken, Policy};
use serde_json::{Value as Json, json};

use crate::audit_events::{AT, hostile, of_the_host};
use crate::stage::policy;
use crate::tools::{python, text_of};

/// What the schema allows and expects, as far as we use it.
const CATEGORIES: [(&str, &[&str]); 3] = [
    (
        "api",
        &[
            "access", "admin", "allowed", "change", "creation", "deletion", "denied", "end", "info", "start",
            "user",
        ],
    ),
    ("authentication", &["start", "end", "info"]),
    ("configuration", &["access", "change", "creation", "deletion", "info"]),
];

/// Formats them, and gives back what Python reads in the lines.
async fn read_back(events: &[Event]) -> Vec<Json> {
    let policy: Policy<Audit> = policy("audit-ecs", &[]).await;
    let mut lines = String::new();
    for event in events {
        let line = policy.format(event).await.unwrap_or_else(|why| panic!("{event:?}: {why}"));
        lines.push_str(&line);
        lines.push('\n');
    }
    let output = python("audit/read_back.py", <[&str; 0]>::default(), &lines);
    let read: Vec<Json> = text_of(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("Python writes JSON"))
        .collect();
    assert_eq!(read.len(), events.len(), "a line was taken for several");
    read
}

#[tokio::test]
async fn every_event_of_the_host_is_a_line_of_the_schema() {
    let events = of_the_host();
    for (event, line) in events.iter().zip(read_back(&events).await) {
        let part = &line["event"];
        assert_eq!(line["@timestamp"], "2023-11-14T22:13:20.123Z");
        assert_eq!(line["ecs"]["version"], "8.17.0");
        assert_eq!((&part["kind"], &part["dataset"]), (&json!("event"), &json!("overlord.audit")));
        assert_eq!(part["action"], json!(event.name));
        let category = part["category"][0].as_str().expect("a category");
        let kinds =
            CATEGORIES.iter().find(|(name, _)| *name == category).expect("it is one of the schema's").1;
        assert!(kinds.contains(&part["type"][0].as_str().expect("a type")), "{}: {part}", event.name);
        assert!(["success", "failure", "unknown"].contains(&part["outcome"].as_str().expect("an outcome")));
        assert!(line["user"]["name"].is_string(), "{line}");
        let known = !matches!(part["outcome"].as_str(), Some("unknown")) || event.name.starts_with("ask_");
        assert!(known, "{} is not known", event.name);
    }
}

#[tokio::test]
async fn whatever_is_said_is_read_back_as_it_was_said() {
    let mut random = fastrand::Rng::with_seed(17);
    let events: Vec<_> = (0..400).map(|_| hostile(&mut random)).collect();
    for (event, line) in events.iter().zip(read_back(&events).await) {
        assert_eq!(line["event"]["action"], json!(event.name));
        for (name, value) in &event.fields {
            let own = line.get("overlord").and_then(|own| own.get(*name));
            let (found, expected) = match (*name, value) {
                ("message", Value::Text(text)) => (line.pointer("/message"), json!(text)),
                ("error", Value::Text(text)) => (line.pointer("/error/message"), json!(text)),
                ("user", Value::Text(text)) => (line.pointer("/user/name"), json!(text)),
                ("why", Value::Text(text)) => (line.pointer("/event/reason"), json!(text)),
                ("request_id", Value::Text(text)) => (line.pointer("/http/request/id"), json!(text)),
                ("elapsed_ms", Value::Number(ms @ 0..)) => {
                    (line.pointer("/event/duration"), json!(ms.saturating_mul(1_000_000)))
                }
                (_, Value::Text(text)) => (own, json!(text)),
                (_, Value::Number(number)) => (own, json!(number)),
                (_, Value::Flag(flag)) => (own, json!(flag)),
                (_, Value::Absent) => (own, Json::Null),
            };
            assert_eq!(found, Some(&expected), "{name} of {event:?}");
        }
    }
}

#[tokio::test]
async fn texts_are_cut_where_the_plain_line_cuts_them() {
    let long = "🦀".repeat(10_000);
    let fields = ["message", "error", "result_preview"].map(|name| (name, long.as_str().into()));
    let event = Event { name: "e".into(), at: Instant(AT), fields: fields.to_vec() };
    let line = read_back(&[event]).await.remove(0);
    for (place, most) in [("/message", 500), ("/error/message", 500), ("/overlord/result_preview", 300)] {
        let text = line.pointer(place).and_then(Json::as_str).expect("text");
        assert_eq!(text.chars().count(), most, "{place}");
    }
}

#[tokio::test]
async fn a_message_of_megabytes_is_a_line_and_a_name_of_megabytes_is_none() {
    let policy: Policy<Audit> = policy("audit-ecs", &[]).await;
    let event = |name: &'static str| Event {
        name: "ask_start".into(),
        at: Instant(AT),
        fields: vec![(name, "\0".repeat(8 << 20).into())],
    };
    let line = policy.format(&event("message")).await.expect("a line");
    assert!(line.len() < 5000);
    let outcome = policy.format(&event("user")).await;
    assert!(matches!(outcome, Err(Broken::Answer(_) | Broken::Trapped(_))), "{outcome:?}");
    policy.format(&event("message")).await.expect("the next is written");
}

#[tokio::test]
async fn what_no_line_can_say_is_a_fault_that_names_it() {
    let good: Policy<Audit> = policy("audit-ecs", &[]).await;
    let set: Policy<Audit> = policy("audit-ecs", &[("indent", "2")]).await;
    let event = |fields, at| Event { name: "e".into(), at: Instant(at), fields };
    let outcomes = [
        (good.format(&event(vec![("a", true.into()), ("a", true.into())], 1)).await, "the field 'a' twice"),
        (good.format(&event(vec![], u64::MAX)).await, "later than the year 9999"),
        (set.format(&event(vec![], 1)).await, "there is no 'indent'"),
    ];
    for (outcome, words) in outcomes {
        let Err(Broken::Fault(message)) = outcome else { panic!("{words}: {outcome:?}") };
        assert!(message.contains(words), "{message}");
    }
}
