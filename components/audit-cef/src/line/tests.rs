//! Lines as they are, and what no line is made of. That they can be read back is the contract tests'.

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

#[test]
fn a_question_is_a_line() {
    let fields = [
        ("user", text("alice")),
        ("session_id", text("s-1")),
        ("message", text("1+1=2?\nReally|so")),
        ("message_len", Value::Number(17)),
    ];
    assert_eq!(
        line(&event("ask_start", &fields)).expect("a line"),
        concat!(
            "CEF:0|Overlord|overlord|",
            env!("CARGO_PKG_VERSION"),
            r"|ask_start|Question asked|1|rt=1700000000999 suser=alice cs1Label=session cs1=s-1 ",
            r"msg=1+1\=2?\nReally|so overlordMessageLen=17"
        )
    );
}

#[test]
fn an_event_that_is_not_known_has_its_own_name_as_words() {
    let written = line(&event("closed_for|now\\", &[])).expect("a line");
    assert!(written.ends_with(r"|closed_for\|now\\|closed for\|now\\|3|rt=1700000000999"), "{written}");
}

#[test]
fn each_key_keeps_as_much_as_the_format_allows_or_the_plain_line_keeps() {
    for (name, key, most) in [
        ("user", "suser", 1023),
        ("message", "msg", 500),
        ("error", "reason", 500),
        ("why", "reason", 1023),
        ("from", "oldFileHash", 255),
        ("result_preview", "cs3", 300),
        ("session_id", "cs1", 4000),
        ("colour", "overlordColour", 4000),
    ] {
        for given in [most - 1, most, most + 1] {
            let written = line(&event("e", &[(name, text("🦀".repeat(given)))])).expect("a line");
            assert!(written.contains(&format!(" {key}=🦀")), "{name}");
            assert_eq!(written.matches('🦀').count(), given.min(most), "{name}");
        }
    }
    for given in [511, 512, 513, 1022, 1023, 1024] {
        let written = line(&event(&"é".repeat(given), &[])).expect("a line");
        assert_eq!(written.matches('é').count(), given.min(1023) + given.min(512));
    }
}

#[test]
fn of_two_fields_for_one_key_none_is_lost() {
    let fields = [
        ("error", text("a")),
        ("why", text("b")),
        ("re-sult", text("c")),
        ("re sult", text("d")),
        ("re.sult", text("e")),
        ("session_id", Value::Number(4)),
        ("gone", Value::Absent),
    ];
    let written = line(&event("e", &fields)).expect("a line");
    let (_, extension) = written.split_once("outcome=failure ").expect("it has an error");
    assert_eq!(
        extension,
        "reason=a overlordWhy=b overlordReSult=c overlordReSultN3=d overlordReSultN4=e overlordSessionId=4"
    );
}

#[test]
fn numbers_of_all_sorts_are_written() {
    let fields = [
        ("a", Value::Real(0.5)),
        ("b", Value::Real(f64::NAN)),
        ("c", Value::Real(1e300)),
        ("d", Value::Flag(true)),
        ("e", Value::Number(i64::MIN)),
    ];
    let written = line(&event("e", &fields)).expect("a line");
    let end = "overlordA=0.5 overlordB=NaN overlordC=1e300 overlordD=true overlordE=-9223372036854775808";
    assert!(written.ends_with(end), "{written}");
}

#[test]
fn a_field_that_comes_twice_is_refused() {
    let twice = event("e", &[("a", Value::Absent), ("b", Value::Absent), ("a", Value::Absent)]);
    assert_eq!(line(&twice), Err(LineError::Repeated { event: "e".to_owned(), field: "a".to_owned() }));
}

#[test]
fn there_are_no_settings() {
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(
        check(&[("indent".to_owned(), "2".to_owned())]),
        Err(LineError::UnknownKey("indent".to_owned()))
    );
}
