//! An answer as events: which come, in which order, and what stays as it was for those who do not ask
//! for events.

use std::time::Duration;

use overlord_tests::caller::Caller;
use overlord_tests::events::{Event, Stream, names, text_of};
use overlord_tests::host::{Host, Setup};
use serde_json::json;

use crate::stand_in;

/// How often something must be heard of a run.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What it may come late on a machine with everything else to do.
const LATE: Duration = Duration::from_secs(5);

/// The run that a stream's first event tells of.
#[track_caller]
pub fn run_of(stream: &mut Stream) -> (String, Event) {
    let first = stream.next_event().expect("a first event");
    assert_eq!(first.name, "run", "{first:?}");
    (first.data["run_id"].as_str().expect("an id is text").to_owned(), first)
}

/// A whole run that was just asked for: its id, and all its events.
#[track_caller]
pub fn whole(caller: &Caller, message: &str) -> (String, String, Vec<Event>) {
    let session = caller.new_session();
    let mut stream = Stream::ask(caller, &session, message);
    let (run, first) = run_of(&mut stream);
    let events: Vec<_> = std::iter::once(first).chain(stream.rest()).collect();
    assert!(!stream.cut, "the stream breaks off after {:?}", names(&events));
    (run, session, events)
}

/// That each event has the next id, from `first` on, of one epoch.
#[track_caller]
pub fn in_order(events: &[Event], first: u64) {
    for (place, event) in (first..).zip(events) {
        assert_eq!((event.epoch(), event.place()), (events[0].epoch(), place), "{event:?}");
    }
}

fn begin() -> (Host, Caller) {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    (host, alice)
}

#[test]
fn a_run_is_told_of_from_its_id_to_its_one_end() {
    let (_host, alice) = begin();
    let (run, session, events) = whole(&alice, "hello demo:fast demo:tool demo:denied demo:retry 1");
    assert!(!run.is_empty());
    assert_eq!(events[0].data["session_id"], session.as_str());
    in_order(&events, 1);
    let names = names(&events);
    let count = |name: &str| names.iter().filter(|known| **known == name).count();
    assert_eq!((count("run"), count("done"), count("error")), (1, 1, 0), "{names:?}");
    assert_eq!(names.last(), Some(&"done"));
    assert!(count("delta") > 1, "{names:?}");
    assert_eq!((count("tool"), count("denied")), (4, 1), "two calls, two ends: {names:?}");
    assert!(count("note") >= 1, "a retry is a note: {names:?}");
    let tools: Vec<_> = events.iter().filter(|event| event.name == "tool").collect();
    assert!(tools[0].data["input"].is_string() && tools[0].data["name"] == "Bash", "{:?}", tools[0]);
    assert_eq!((&tools[1].data["id"], &tools[1].data["failed"]), (&tools[0].data["id"], &false.into()));
    assert!(tools[1].data["output"].is_string());
    let done = &events.last().expect("an end").data;
    let fields: Vec<_> = done.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["result", "session_id", "duration_ms", "num_turns", "is_error"]);
    let text = text_of(&events);
    assert!(text.ends_with(done["result"].as_str().expect("a text")), "{text}");
}

#[test]
fn nothing_between_holds_events_back() {
    let (_host, alice) = begin();
    let mut stream = Stream::ask(&alice, &alice.new_session(), "demo:half demo:hang");
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    assert_eq!(stream.header("cache-control"), Some("no-store"));
    assert_eq!(stream.header("content-encoding"), None);
    let (run, _) = run_of(&mut stream);
    stream.until("delta");
    let watching = Stream::watch(&alice, &run, None);
    assert_eq!(watching.header("x-accel-buffering"), Some("no"));
    assert_eq!(watching.header("cache-control"), Some("no-store"));
}

#[test]
fn words_arrive_while_the_agent_still_speaks() {
    let (_host, alice) = begin();
    let mut stream = Stream::ask(&alice, &alice.new_session(), "demo:words 20 demo:slow 2");
    let first = stream.until("delta").pop().expect("it is there");
    let last = stream.until("done").pop().expect("it is there");
    assert!(last.at.duration_since(first.at) > Duration::from_millis(500), "all of it came at once");
}

#[test]
fn a_silent_run_is_heard_of_all_the_same() {
    let (_host, alice) = begin();
    let mut stream = Stream::ask(&alice, &alice.new_session(), "demo:half demo:hang");
    let last = stream.until("delta").pop().expect("it is there").at;
    assert!(stream.next_comment(), "the stream ended");
    let silence = stream.comments.last().expect("one has come").duration_since(last);
    assert!(silence < HEARTBEAT + LATE, "nothing was heard for {silence:?}");
}

#[test]
fn without_asking_for_events_the_answer_comes_whole_as_ever() {
    let (_host, alice) = begin();
    let (_, _, events) = whole(&alice, "hello demo:fast");
    let streamed = &events.last().expect("an end").data;
    let session = alice.new_session();
    for accept in [None, Some("*/*"), Some("application/json"), Some("text/html")] {
        let headers: Vec<_> = [("content-type", "application/json")]
            .into_iter()
            .chain(accept.map(|accept| ("accept", accept)))
            .collect();
        let body = json!({"session_id": session, "message": "hello demo:fast"}).to_string();
        let answer = alice.send("POST", "/agent/ask", &headers, Some(body.as_bytes()));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let json = answer.json();
        assert_eq!(answer.text(), json.to_string(), "compact, as the original writes it");
        assert_eq!(
            json.as_object().expect("an object").keys().collect::<Vec<_>>(),
            streamed.as_object().expect("an object").keys().collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_goes_wrong_before_there_is_a_run_has_its_status_and_body() {
    let (host, alice) = begin();
    let session = alice.new_session();
    let cases = [
        (host.anyone(), session.as_str(), "hello".to_owned(), 401),
        (alice.clone(), "no session", "hello".to_owned(), 422),
        (alice.clone(), session.as_str(), String::new(), 422),
        (alice.clone(), session.as_str(), "x".repeat(10_001), 422),
    ];
    for (caller, session, message, status) in cases {
        let plain = caller.ask(session, &message);
        let mut stream = Stream::ask_at(&caller, "/agent/ask", session, &message);
        assert_eq!((stream.status, plain.status), (status, status), "{}", plain.text());
        assert_eq!(stream.header("content-type"), Some("application/json"));
        assert_eq!(stream.text(), plain.text());
    }
}

#[test]
fn a_question_that_the_limiter_refuses_is_refused_with_its_status() {
    let host = stand_in::waiting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let mut first = Stream::ask(&alice, &alice.new_session(), "wait");
    run_of(&mut first);
    let mut second = Stream::ask_at(&alice, "/agent/ask", &alice.new_session(), "hello");
    assert_eq!((second.status, second.header("content-type")), (429, Some("application/json")));
    assert_eq!(second.text(), r#"{"detail":"A previous question is still being processed"}"#);
    stand_in::let_go(host.setup());
    assert_eq!(first.until("done").pop().expect("it is there").data["result"], "at last");
}

#[test]
fn no_answer_is_one_error_and_the_end() {
    let (_host, alice) = begin();
    for message in ["demo:fail demo:fast", "demo:exit 7 demo:fast", "demo:crash demo:fast"] {
        let plain = alice.ask(&alice.new_session(), message);
        let (_, _, events) = whole(&alice, message);
        let last = events.last().expect("an end");
        assert_eq!((last.name.as_str(), last.data["reason"].as_str()), ("error", Some("failed")), "{last:?}");
        assert_eq!(last.data["status"], plain.status, "{last:?}");
        assert_eq!(last.data["detail"], plain.json()["detail"], "{last:?}");
        assert!(events.iter().all(|event| event.name != "done"));
    }
}

#[test]
fn an_answer_that_is_an_error_of_the_service_is_done_all_the_same() {
    let (_host, alice) = begin();
    let (_, _, events) = whole(&alice, "demo:error demo:fast");
    let last = events.last().expect("an end");
    assert_eq!((last.name.as_str(), &last.data["is_error"]), ("done", &true.into()));
}
