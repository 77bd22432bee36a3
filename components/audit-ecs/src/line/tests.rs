//! Lines as they are, and what no line is made of.

use serde_json::{Value as Json, json};

use super::line;
use crate::event::{Event, LineError, Value, check};

fn event(name: &str, fields: &[(&str, Value)]) -> Event {
    Event {
        name: name.to_owned(),
        at: 1_700_000_000_999,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn read(event: &Event) -> Json {
    serde_json::from_str(&line(event).expect("a line")).expect("it is JSON")
}

#[test]
fn an_event_alone_has_what_the_schema_asks_for() {
    assert_eq!(
        line(&event("ask_withdrawn", &[])).expect("a line"),
        r#"{"@timestamp":"2023-11-14T22:13:20.999Z","message":"ask withdrawn","ecs":{"version":"8.17.0"},"event":{"kind":"event","category":["api"],"type":["end"],"action":"ask_withdrawn","outcome":"failure","dataset":"overlord.audit","module":"overlord"}}"#
    );
}

#[test]
fn fields_go_where_the_schema_has_a_place_for_them() {
    let line = read(&event(
        "ask_error",
        &[
            ("user", text("alice")),
            ("session_id", text("s")),
            ("error", text("it broke")),
            ("elapsed_ms", Value::Number(12)),
            ("request_id", text("r")),
            ("why", text("because")),
        ],
    ));
    assert_eq!(line["user"], json!({"name": "alice"}));
    assert_eq!(line["error"], json!({"message": "it broke"}));
    assert_eq!(line["event"]["duration"], json!(12_000_000));
    assert_eq!(line["event"]["reason"], json!("because"));
    assert_eq!(line["http"], json!({"request": {"id": "r"}}));
    assert_eq!(line["overlord"], json!({"session_id": "s"}));
}

#[test]
fn a_value_of_another_type_than_the_schemas_stays_the_hosts_own() {
    let fields = [
        ("user", Value::Number(1)),
        ("message", Value::Flag(true)),
        ("error", Value::Absent),
        ("elapsed_ms", Value::Number(-1)),
        ("why", Value::Real(f64::NAN)),
        ("request_id", Value::Real(0.5)),
    ];
    let line = read(&event("e", &fields));
    let own =
        json!({"user": 1, "message": true, "error": null, "elapsed_ms": -1, "why": null, "request_id": 0.5});
    assert_eq!(line["overlord"], own);
    for key in ["user", "error", "http"] {
        assert_eq!(line.get(key), None, "{key}");
    }
}

#[test]
fn the_longest_duration_does_not_overflow() {
    let line = read(&event("e", &[("elapsed_ms", Value::Number(i64::MAX))]));
    assert_eq!(line["event"]["duration"], json!(i64::MAX));
}

#[test]
fn the_three_long_texts_are_cut_by_characters_and_others_are_not() {
    for (name, place, most) in [
        ("message", "/message", 500),
        ("error", "/error/message", 500),
        ("result_preview", "/overlord/result_preview", 300),
        ("user", "/user/name", usize::MAX),
    ] {
        for given in [299, 300, 301, 499, 500, 501] {
            let line = read(&event("e", &[(name, text("🦀".repeat(given)))]));
            let written = line.pointer(place).and_then(Json::as_str).expect("text").chars().count();
            assert_eq!(written, given.min(most), "{name}");
        }
    }
}

#[test]
fn what_a_reader_may_take_for_an_end_or_an_order_is_escaped_and_means_the_same() {
    let hostile: String = (0..0x3000).filter_map(char::from_u32).collect();
    let event = event("e\u{2028}\n", &[("user", text(hostile.clone())), ("a\u{85}b", text("\u{202e}"))]);
    let written = line(&event).expect("a line");
    assert!(!written.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c)));
    let read = read(&event);
    assert_eq!(read["user"]["name"], json!(hostile));
    assert_eq!(read["overlord"]["a\u{85}b"], json!("\u{202e}"));
    assert_eq!(read["event"]["action"], json!("e\u{2028}\n"));
}

#[test]
fn no_line_is_made_of_a_field_that_comes_twice_or_of_a_time_beyond_the_calendar() {
    let twice = event("e", &[("a", Value::Absent), ("b", Value::Absent), ("a", Value::Absent)]);
    assert_eq!(line(&twice), Err(LineError::Repeated { event: "e".to_owned(), field: "a".to_owned() }));
    for at in [253_402_300_800_000, u64::MAX] {
        let late = Event { at, ..event("e", &[]) };
        assert_eq!(line(&late), Err(LineError::Time { event: "e".to_owned(), at }));
    }
}

#[test]
fn there_are_no_settings() {
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(
        check(&[("indent".to_owned(), "2".to_owned())]),
        Err(LineError::UnknownKey("indent".to_owned()))
    );
}
