//! Coming back to a run: after a lost connection, too late, to another host, as somebody else.

use overlord_tests::events::{Event, Stream, names, text_of};
use overlord_tests::host::{Setup, wait_until};

use crate::streams::{in_order, run_of, whole};

/// What has happened often enough that all events of it can be tried one by one.
const SHORT: &str = "one two three four five demo:fast demo:tool";

/// What tells one event from another.
fn told(events: &[Event]) -> Vec<(Option<String>, String, String)> {
    let told = |event: &Event| (event.id.clone(), event.name.clone(), event.data.to_string());
    events.iter().map(told).collect()
}

/// That the first event says so, without an id.
#[track_caller]
fn resumed(stream: &mut Stream, how: &str) {
    let first = stream.next_event().expect("a first event");
    assert_eq!((first.name.as_str(), &first.id), ("resume", &None), "{first:?}");
    assert_eq!(first.data.to_string(), format!(r#"{{"resume":"{how}"}}"#));
}

#[test]
fn whoever_comes_back_after_any_event_is_told_exactly_the_rest() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (run, _, events) = whole(&alice, SHORT);
    for (count, event) in events.iter().enumerate() {
        let mut back = Stream::watch(&alice, &run, event.id.as_deref());
        resumed(&mut back, "ok");
        assert_eq!(told(&back.rest()), told(&events[count + 1..]), "after {event:?}");
        assert!(!back.cut);
    }
}

#[test]
fn whoever_names_no_event_is_told_everything() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (run, _, events) = whole(&alice, SHORT);
    let mut watching = Stream::watch(&alice, &run, None);
    resumed(&mut watching, "ok");
    assert_eq!(told(&watching.rest()), told(&events));
}

#[test]
fn an_id_that_is_not_of_this_host_leaves_a_gap_and_loses_no_text() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (run, _, events) = whole(&alice, SHORT);
    let (last, epoch) = (events.len() as u64, events[0].epoch());
    let beyond = format!("{epoch}:{}", last + 1000);
    for id in ["0000000000000000:2", "rubbish", "", ":", &beyond, &format!("{epoch}:-1"), &"9".repeat(4000)] {
        let mut back = Stream::watch(&alice, &run, Some(id));
        resumed(&mut back, "gap");
        let rest = back.rest();
        assert_eq!(text_of(&rest), text_of(&events), "after {id:.40}: {:?}", names(&rest));
        assert_eq!(rest.last().map(|event| &event.name), Some(&"done".to_owned()));
    }
}

#[test]
fn nothing_is_lost_or_told_twice_wherever_the_connection_breaks() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let mut stream = Stream::ask(&alice, &alice.new_session(), "demo:words 60 demo:tool demo:slow 2");
    let (run, first) = run_of(&mut stream);
    drop(stream);
    let mut events = vec![first];
    // One event, and the connection is gone again, until there is no more.
    while !["done", "error"].contains(&events.last().expect("at least one").name.as_str()) {
        let id = events.last().and_then(|event| event.id.clone());
        let mut back = Stream::watch(&alice, &run, id.as_deref());
        resumed(&mut back, "ok");
        events.push(back.next_event().expect("another event"));
    }
    in_order(&events, 1);
    let mut all = Stream::watch(&alice, &run, None);
    resumed(&mut all, "ok");
    assert_eq!(told(&events), told(&all.rest()));
}

#[test]
fn a_run_goes_on_when_its_asker_leaves() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let mut stream = Stream::ask(&alice, &session, "demo:words 20 demo:slow 1");
    let (run, _) = run_of(&mut stream);
    drop(stream);
    wait_until("the end of the run", || {
        (alice.get(&format!("/agent/runs/{run}")).json()["state"] == "done").then_some(())
    });
    assert_eq!(alice.history(&session).len(), 2);
}

#[test]
fn a_run_that_nobody_watches_for_too_long_is_ended() {
    let host = Setup::new().with("OVERLORD_RUNS_ABANDONED_AFTER_S", "1").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let mut left = Stream::ask(&alice, &alice.new_session(), "demo:half demo:hang");
    let (run, _) = run_of(&mut left);
    left.until("delta");
    drop(left);
    let mut watched = Stream::ask(&bob, &bob.new_session(), "demo:words 20 demo:slow 4");
    wait_until("the end of what nobody watches", || {
        (alice.get(&format!("/agent/runs/{run}")).json()["state"] == "cancelled").then_some(())
    });
    watched.until("done");
}

#[test]
fn a_run_is_nothing_to_others() {
    let host = Setup::new().start();
    let (alice, bob, admin) =
        (host.sign_in("alice"), host.sign_in("bob"), host.sign_in_as("carol", &["admin"]));
    let mut stream = Stream::ask(&alice, &alice.new_session(), "demo:half demo:hang");
    let (run, _) = run_of(&mut stream);
    let run = format!("/agent/runs/{run}");
    let nothing = "/agent/runs/00000000-0000-4000-8000-000000000000".to_owned();
    for run in [&run, &nothing] {
        let answers = [
            bob.get(run),
            bob.get(&format!("{run}/events")),
            bob.send("POST", &format!("{run}/cancel"), &[], None),
        ];
        for answer in answers {
            assert_eq!((answer.status, answer.text().as_str()), (404, r#"{"detail":"run not found"}"#));
        }
    }
    assert_eq!(bob.get("/agent/runs?ended=true").text(), r#"{"runs":[]}"#);
    for path in [run.clone(), format!("{run}/events"), "/agent/runs".to_owned()] {
        assert_eq!(host.anyone().get(&path).status, 401, "{path}");
    }
    assert_eq!(host.anyone().send("POST", &format!("{run}/cancel"), &[], None).status, 401);
    assert_eq!(alice.get(&run).json()["state"], "running", "nobody has stopped it");

    assert_eq!(admin.get(&run).json()["state"], "running");
    let mut watching = Stream::watch_at(&admin, &format!("{run}/events"), None);
    resumed(&mut watching, "ok");
    assert_eq!(admin.send("POST", &format!("{run}/cancel"), &[], None).status, 200);
    assert_eq!(watching.rest().last().expect("an end").data["reason"], "cancelled");
}

#[test]
fn a_run_that_a_host_died_in_is_interrupted_for_the_next_one() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let mut stream = Stream::ask(&alice, &session, "demo:half demo:hang");
    let (run, first) = run_of(&mut stream);
    stream.until("delta");
    let host = host.kill().start();
    let alice = host.sign_in("alice");
    let told = alice.get(&format!("/agent/runs/{run}"));
    assert_eq!((told.status, &told.json()["state"]), (200, &"interrupted".into()), "{}", told.text());
    let mut back = Stream::watch(&alice, &run, first.id.as_deref());
    resumed(&mut back, "gap");
    let last = back.rest().pop().expect("an end");
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("error", &"interrupted".into()));
    assert_ne!(last.epoch(), first.epoch(), "another host, another epoch");
    assert_eq!(host.sign_in("bob").get(&format!("/agent/runs/{run}")).status, 404);
    let running = alice.get(&format!("/agent/runs?session_id={session}"));
    assert_eq!(running.text(), r#"{"runs":[]}"#);
}
