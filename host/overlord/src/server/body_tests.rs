//! Plays every recorded question body. Where a recording says that Overlord departs from it, this
//! file says what is answered instead; where it does not, the answer must be the same byte for byte.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Invalid, MESSAGE_CHARACTERS_MAX, answer, parse};
use crate::domain::Question;

const RECORDINGS: &str = include_str!("../../../../tests/fixtures/fastapi/recordings.json");
const SESSION: &str = "3f2a9c1e-5b7d-4e8f-9a0b-1c2d3e4f5a6b";
const JSON: Option<&str> = Some("application/json");

#[derive(Deserialize)]
struct Recordings {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    group: String,
    name: String,
    request: Request,
    departure: Option<String>,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    headers: BTreeMap<String, String>,
    body: Option<Body>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    body: Body,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Pieces(Vec<(String, usize)>),
    Octets { hex: String },
}

impl Body {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Body::Pieces(pieces) => {
                pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect::<String>().into()
            }
            Body::Octets { hex } => (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("two hex digits"))
                .collect(),
        }
    }
}

impl Case {
    fn parse(&self) -> Result<Question, Vec<Invalid>> {
        let content_type = self.request.headers.get("Content-Type").map(String::as_str);
        let body = self.request.body.as_ref().map(Body::bytes).unwrap_or_default();
        parse(content_type, &body)
    }

    /// The answer as JSON; panics where there is nothing wrong with the question.
    fn invalid(&self) -> Value {
        let invalid = self.parse().expect_err(&self.name);
        serde_json::from_slice(&answer(&invalid)).expect("the answer is JSON")
    }
}

/// The recorded questions of somebody who is signed in.
fn cases() -> Vec<Case> {
    let recordings: Recordings = serde_json::from_str(RECORDINGS).expect("the recordings' format");
    let signed_in = |case: &Case| case.request.headers.contains_key("Cookie");
    recordings.cases.into_iter().filter(|c| c.group == "ask" && signed_in(c)).collect()
}

#[test]
fn what_is_not_departed_from_is_answered_byte_for_byte() {
    let mut refused = 0;
    let mut taken = 0;
    for case in cases().iter().filter(|case| case.departure.is_none()) {
        match (case.parse(), case.response.status) {
            (Err(invalid), 422) => {
                let ours = String::from_utf8(answer(&invalid)).expect("the answer is UTF-8");
                let theirs = String::from_utf8(case.response.body.bytes()).expect("UTF-8");
                assert_eq!(ours, theirs, "{}", case.name);
                refused += 1;
            }
            (Ok(question), 200) => {
                let theirs: Value = serde_json::from_slice(&case.response.body.bytes()).expect("JSON");
                let length = format!("{} characters", question.message.chars().count());
                assert_eq!(theirs["result"], length, "{}", case.name);
                assert_eq!(theirs["session_id"], question.session.to_string(), "{}", case.name);
                taken += 1;
            }
            // The question was sound, and what came of it is not the body's affair.
            (Ok(_), 429 | 502) => {}
            (ours, theirs) => panic!("{}: {ours:?} where {theirs} was recorded", case.name),
        }
    }
    assert!(refused > 80 && taken > 15, "few recordings: {refused} refused, {taken} taken");
}

#[test]
fn departures_are_these_and_no_others() {
    for case in cases() {
        let Some(departure) = &case.departure else { continue };
        let reason = departure.rsplit("; ").next().unwrap_or_default();
        match reason {
            "a body that is no JSON gets json_invalid with the host's own words" => {
                no_json(&case);
            }
            "a session id is the 36-character form of a UUID only" => bad_session_id(&case),
            "a session id is lower-cased before any look-up" => {
                assert_eq!(case.parse().expect(&case.name).session.to_string(), SESSION, "{}", case.name);
            }
            "NUL is refused here, where the original breaks when it starts the program" => {
                let item = &case.invalid()["detail"][0];
                assert_eq!(item["type"], "value_error", "{}", case.name);
                assert_eq!(item["loc"], json!(["body", "message"]), "{}", case.name);
            }
            "the original breaks with a 500" => {
                let item = &case.invalid()["detail"][0];
                assert_eq!(item["type"], "model_attributes_type", "{}", case.name);
                assert_eq!(item["input"], "a\u{fffd}b", "{}", case.name);
            }
            "integers beyond 64 bits are echoed as the nearest floating-point number" => {
                same_number(&case);
            }
            other => panic!("{}: a departure that no test knows: {other}", case.name),
        }
    }
}

fn no_json(case: &Case) {
    let answer = case.invalid();
    let items = answer["detail"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{}", case.name);
    let item = &items[0];
    let keys: Vec<_> = item.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["type", "loc", "msg", "input", "ctx"], "{}", case.name);
    assert_eq!(item["type"], "json_invalid", "{}", case.name);
    assert_eq!(item["msg"], "JSON decode error", "{}", case.name);
    assert_eq!(item["input"], json!({}), "{}", case.name);
    assert_eq!(item["loc"][0], "body", "{}", case.name);
    let body = case.request.body.as_ref().map(Body::bytes).unwrap_or_default();
    let place = item["loc"][1].as_u64().expect("a place");
    let length = String::from_utf8_lossy(&body).chars().count();
    assert!(usize::try_from(place).expect("64 bits") <= length, "{}: {place}", case.name);
    assert!(item["ctx"]["error"].as_str().is_some_and(|e| !e.is_empty()), "{}", case.name);
}

fn bad_session_id(case: &Case) {
    let answer = case.invalid();
    let item = &answer["detail"][0];
    assert_eq!(item["type"], "uuid_parsing", "{}", case.name);
    assert_eq!(item["loc"], json!(["body", "session_id"]), "{}", case.name);
    let reason = item["ctx"]["error"].as_str().expect("a reason");
    assert_eq!(item["msg"], format!("Input should be a valid UUID, {reason}"), "{}", case.name);
    let body = case.request.body.as_ref().map(Body::bytes).unwrap_or_default();
    let sent: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(item["input"], sent["session_id"], "{}", case.name);
    // What else is wrong comes after it, as recorded.
    let theirs: Value = serde_json::from_slice(&case.response.body.bytes()).expect("JSON");
    let others = theirs["detail"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(&answer["detail"].as_array().expect("a list")[1..], others, "{}", case.name);
}

fn same_number(case: &Case) {
    let mut theirs: Value = serde_json::from_slice(&case.response.body.bytes()).expect("JSON");
    let mut ours = case.invalid();
    let number = |answer: &mut Value| answer["detail"][0]["input"].take().as_f64();
    assert_eq!(number(&mut ours), number(&mut theirs), "{}", case.name);
    assert_eq!(ours, theirs, "{}", case.name);
}

#[test]
fn the_shape_for_a_bad_id_is_the_frameworks() {
    let recordings: Recordings = serde_json::from_str(RECORDINGS).expect("the recordings' format");
    let mut seen = 0;
    for case in recordings.cases.iter().filter(|case| case.group == "shape") {
        let theirs: Value = serde_json::from_slice(&case.response.body.bytes()).expect("JSON");
        let input = &theirs["detail"][0]["input"];
        let body = json!({"session_id": input, "message": "hi"}).to_string();
        let invalid = parse(JSON, body.as_bytes()).expect_err("no id");
        let ours: Value = serde_json::from_slice(&answer(&invalid)).expect("JSON");
        let shape = |item: &Value| {
            let error = item["ctx"]["error"].as_str().expect("a reason").to_owned();
            item.to_string().replace(&error, "…")
        };
        assert_eq!(shape(&ours["detail"][0]), shape(&theirs["detail"][0]), "{}", case.name);
        seen += 1;
    }
    assert!(seen > 0, "no recording of the shape");
}

#[test]
fn the_place_of_bad_json_counts_characters() {
    for (body, place) in [
        ("x", 0),
        ("{\"é😀\":x}", 6),
        ("{\n\"a\": 1,\n\"b\": x}", 15),
        ("{\r\n\"日\": x}", 8),
        ("{} x", 3),
        ("{\"a\":\"\n\"}", 6),
    ] {
        let invalid = parse(JSON, body.as_bytes()).expect_err(body);
        let item: Value = serde_json::from_slice(&answer(&invalid)).expect("JSON");
        assert_eq!(item["detail"][0]["loc"], json!(["body", place]), "{body:?}");
    }
}

#[test]
fn not_utf8_is_told_with_the_place() {
    let invalid = parse(JSON, b"{\"\xc3\xa9\":\"\xff\"}").expect_err("not UTF-8");
    let item: Value = serde_json::from_slice(&answer(&invalid)).expect("JSON");
    assert_eq!(item["detail"][0]["loc"], json!(["body", 6]));
    assert_eq!(item["detail"][0]["ctx"]["error"], "the body is not UTF-8");
}

#[test]
fn nesting_is_limited_by_the_parser_on_both_sides() {
    // The object around it is a level too.
    for (depth, taken) in [(126, true), (127, false)] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = json!({"session_id": SESSION, "message": "hi"}).to_string();
        let body = body.replacen('{', &format!("{{\"x\":{nested},"), 1);
        assert_eq!(parse(JSON, body.as_bytes()).is_ok(), taken, "{depth}");
    }
}

#[test]
fn a_message_is_limited_by_characters_on_both_sides() {
    for unit in ["a", "é", "日", "😀"] {
        for (count, taken) in [(MESSAGE_CHARACTERS_MAX, true), (MESSAGE_CHARACTERS_MAX + 1, false)] {
            let body = json!({"session_id": SESSION, "message": unit.repeat(count)}).to_string();
            assert_eq!(parse(JSON, body.as_bytes()).is_ok(), taken, "{count} of {unit}");
        }
    }
}

#[test]
fn a_session_id_has_one_form() {
    for other in [
        format!("{}\\u0000", &SESSION[1..]),
        format!("{}é", &SESSION[2..]),
        format!("{}é", &SESSION[1..]),
        SESSION.replacen('-', "a", 1),
    ] {
        let body = format!("{{\"session_id\":\"{other}\",\"message\":\"hi\"}}");
        let invalid = parse(JSON, body.as_bytes()).expect_err(&other);
        let item: Value = serde_json::from_slice(&answer(&invalid)).expect("JSON");
        assert_eq!(item["detail"][0]["type"], "uuid_parsing", "{other}");
    }
}
