//! The client's answer as events: its words arrive while it makes them, its tools are told of, and what
//! it had said when somebody stopped it is kept.

use overlord_tests::events::{Event, Stream, names, text_of};
use overlord_tests::namespaces::Isolated;
use serde_json::json;

use crate::hosted::{House, conversation};

crate::trials! { "streamed":
    words_arrive_before_the_client_has_the_whole_answer,
    a_tool_and_its_result_are_told_of,
    a_tool_that_is_not_permitted_is_told_of,
    what_was_said_before_it_was_stopped_is_kept,
}

fn asked(house: &House, message: &str) -> (String, Stream) {
    let session = house.alice.new_session();
    let stream = Stream::ask(&house.alice, &session, message);
    (session, stream)
}

/// The data of the one last event, which is `done`.
#[track_caller]
fn done(events: &[Event]) -> &serde_json::Value {
    let last = events.last().expect("an event");
    assert_eq!(last.name, "done", "{:?}", names(events));
    &last.data
}

fn words_arrive_before_the_client_has_the_whole_answer(isolated: Isolated) {
    let house = House::new(isolated);
    let (session, mut stream) = asked(&house, "[[hold]]");
    let mut events = stream.until("delta");
    assert_eq!(events[0].name, "run");
    assert!(!text_of(&events).is_empty());
    // The rest does not exist yet.
    house.api.release();
    events.extend(stream.rest());
    let done = done(&events);
    assert_eq!((&done["session_id"], &done["is_error"]), (&json!(session), &json!(false)));
    assert_eq!(done["result"], "Answer 1 to: [[hold]]");
    assert_eq!(text_of(&events), "Answer 1 to: [[hold]]");
    assert_eq!(conversation(&house.alice, &session).len(), 2);
}

fn a_tool_and_its_result_are_told_of(isolated: Isolated) {
    let house = House::new(isolated);
    let (_, mut stream) = asked(&house, "[[tool:echo $((6 * 7))]]");
    let events = stream.rest();
    let done = done(&events);
    let tools: Vec<_> = events.iter().filter(|event| event.name == "tool").collect();
    assert_eq!(tools.len(), 2, "{tools:?}");
    assert_eq!(tools[0].data["name"], "Bash");
    assert!(tools[0].data["input"].as_str().is_some_and(|input| input.contains("echo $((6 * 7))")));
    assert_eq!((&tools[1].data["id"], &tools[1].data["failed"]), (&tools[0].data["id"], &json!(false)));
    assert!(tools[1].data["output"].as_str().is_some_and(|output| output.trim() == "42"), "{tools:?}");
    assert!(tools[1].at < events.last().expect("it is there").at, "it came with the end");
    assert!(done["result"].as_str().is_some_and(|text| text.ends_with("The tool said: 42")), "{done}");
    assert_eq!(done["num_turns"], 2);
}

fn a_tool_that_is_not_permitted_is_told_of(isolated: Isolated) {
    let house = House::new(isolated);
    let (_, mut stream) = asked(&house, "[[tool:touch made-by-a-tool]]");
    let events = stream.rest();
    assert_eq!(done(&events)["is_error"], false);
    let denied: Vec<_> = events.iter().filter(|event| event.name == "denied").collect();
    assert_eq!(denied.len(), 1, "{:?}", names(&events));
    assert_eq!(denied[0].data["name"], "Bash");
    assert!(!house.host.setup().workspace().join("made-by-a-tool").exists());
}

fn what_was_said_before_it_was_stopped_is_kept(isolated: Isolated) {
    let house = House::new(isolated);
    let (session, mut stream) = asked(&house, "[[hold]]");
    let mut events = stream.until("delta");
    let run = events[0].data["run_id"].as_str().expect("an id is text").to_owned();
    let cancelled = house.alice.post(&format!("/agent/runs/{run}/cancel"), &json!({}));
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    events.extend(stream.rest());
    let last = events.last().expect("an end");
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("error", &json!("cancelled")));
    let said = text_of(&events);
    let kept = conversation(&house.alice, &session);
    assert_eq!(kept[0].1, "[[hold]]");
    assert_eq!(kept[1].1, said, "{kept:?}");
    assert!(!said.is_empty() && said.len() < "Answer 1 to: [[hold]]".len(), "{said}");
    // The session goes on from there.
    house.api.release();
    let next = house.alice.ask(&session, "and now?");
    assert_eq!(next.status, 200, "{}", next.text());
    assert!(next.json()["result"].as_str().is_some_and(|text| text.ends_with(" to: and now?")));
}
