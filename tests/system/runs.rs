//! Runs to whoever has them: listed, stopped, queued and withdrawn.

use std::thread;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::events::{Stream, names, text_of};
use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::Value;

use crate::stand_in;
use crate::streams::run_of;

fn cancel(caller: &Caller, run: &str) -> Answer {
    caller.send("POST", &format!("/agent/runs/{run}/cancel"), &[], None)
}

fn run(caller: &Caller, run: &str) -> Value {
    caller.get(&format!("/agent/runs/{run}")).json()
}

fn listed(caller: &Caller, query: &str) -> Vec<Value> {
    let answer = caller.get(&format!("/agent/runs{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["runs"].as_array().expect("a list").clone()
}

/// The ids of runs, in order.
fn ids(runs: &[Value]) -> Vec<&str> {
    runs.iter().map(|run| run["run_id"].as_str().expect("an id")).collect()
}

/// A host where each question waits for its agent to be let go, and two more may queue.
fn queueing() -> Host {
    stand_in::waiting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_QUEUE", "2").start()
}

/// Asks in a new session; the run, and its state and place as the first event has them.
#[track_caller]
fn ask(caller: &Caller, message: &str) -> (String, Stream, Value, Value) {
    let mut stream = Stream::ask(caller, &caller.new_session(), message);
    let (run, mut first) = run_of(&mut stream);
    let (state, position) = (first.data["state"].take(), first.data["position"].take());
    (run, stream, state, position)
}

#[test]
fn a_run_is_listed_while_it_runs_and_a_while_after() {
    let host = stand_in::waiting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let (other, session) = (alice.new_session(), alice.new_session());
    let mut stream = Stream::ask(&alice, &session, "what is it?");
    let (id, first) = run_of(&mut stream);
    assert!(["queued", "running"].contains(&first.data["state"].as_str().expect("a state")));
    wait_until("it to run", || (run(&alice, &id)["state"] == "running").then_some(()));
    let runs = listed(&alice, &format!("?session_id={session}"));
    assert_eq!(ids(&runs), [id.as_str()]);
    let shown = &runs[0];
    assert_eq!((&shown["message"], &shown["session_id"]), (&"what is it?".into(), &session.as_str().into()));
    assert!(shown["asked_at"].is_u64() && shown["started_at"].is_u64() && shown.get("ended_at").is_none());
    assert_eq!(run(&alice, &id), *shown, "alone it is the same");
    assert_eq!(listed(&alice, &format!("?session_id={other}")), Vec::<Value>::new());
    assert_eq!(ids(&listed(&alice, "")), [id.as_str()]);

    stand_in::let_go(host.setup());
    stream.until("done");
    wait_until("it to be over", || listed(&alice, "").is_empty().then_some(()));
    let ended = listed(&alice, "?ended=true");
    assert_eq!((ids(&ended), &ended[0]["state"]), (vec![id.as_str()], &"done".into()));
    assert!(ended[0]["ended_at"].as_u64() >= ended[0]["started_at"].as_u64());
}

#[test]
fn a_run_that_is_stopped_keeps_what_was_said() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let mut stream = Stream::ask(&alice, &session, "demo:words 100 demo:slow 60");
    let (id, _) = run_of(&mut stream);
    let begun = text_of(&stream.until("delta"));
    let answer = cancel(&alice, &id);
    assert_eq!((answer.status, &answer.json()["run_id"]), (200, &id.as_str().into()), "{}", answer.text());
    assert!(["running", "cancelled"].contains(&answer.json()["state"].as_str().expect("a state")));
    let rest = stream.rest();
    let last = rest.last().expect("an end");
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("error", &"cancelled".into()), "{last:?}");
    assert!(rest.iter().all(|event| event.name != "done"), "{:?}", names(&rest));
    for _ in 0..3 {
        let again = cancel(&alice, &id);
        assert_eq!((again.status, &again.json()["state"]), (200, &"cancelled".into()));
    }
    assert_eq!(run(&alice, &id)["state"], "cancelled");
    let said = alice.history(&session);
    let kept = said.iter().any(|message| {
        message["role"] == "assistant"
            && message["text"].as_str().is_some_and(|text| text.starts_with(&begun))
    });
    assert!(kept, "{begun:?} is not in {said:?}");
    assert_eq!(alice.ask(&session, "and on demo:fast").status, 200, "the session goes on");
}

#[test]
fn a_run_that_has_ended_is_not_stopped() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (id, mut stream, ..) = ask(&alice, "hello demo:fast");
    stream.until("done");
    let answer = cancel(&alice, &id);
    assert_eq!((answer.status, &answer.json()["state"]), (200, &"done".into()));
}

#[test]
fn a_plain_question_that_is_stopped_gets_an_answer() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let (asking, asked) = (alice.clone(), session.clone());
    let waiting = thread::spawn(move || asking.ask(&asked, "demo:half demo:hang"));
    let id = wait_until("the run", || {
        let runs = listed(&alice, &format!("?session_id={session}"));
        runs.first()
            .filter(|run| run["state"] == "running")
            .map(|run| ids(std::slice::from_ref(run))[0].to_owned())
    });
    wait_until("its end", || {
        assert_eq!(cancel(&alice, &id).status, 200);
        (run(&alice, &id)["state"] == "cancelled").then_some(())
    });
    let answer = waiting.join().expect("an answer");
    assert!(answer.status >= 400 && answer.json()["detail"].is_string(), "{}", answer.text());
}

#[test]
fn questions_wait_their_turn_in_order_and_are_counted_once() {
    let host = queueing();
    let alice = host.sign_in("alice");
    let (first, mut one, ..) = ask(&alice, "one");
    wait_until("the first to run", || (run(&alice, &first)["state"] == "running").then_some(()));
    let (second, mut two, state, position) = ask(&alice, "two");
    assert_eq!((state, position), ("queued".into(), 1.into()));
    let (third, mut three, state, position) = ask(&alice, "three");
    assert_eq!((state, position), ("queued".into(), 2.into()));
    let full = alice.ask(&alice.new_session(), "four");
    assert_eq!(full.status, 429, "one more than may wait: {}", full.text());
    assert_eq!(ids(&listed(&alice, "")), [first.as_str(), second.as_str(), third.as_str()]);
    assert_eq!(run(&alice, &third)["position"], 2);
    let (_, _, state, _) = ask(&host.sign_in("bob"), "another's");
    assert_eq!(state, "running", "a queue is a user's own");

    stand_in::let_go(host.setup());
    let ends: Vec<_> =
        [&mut one, &mut two, &mut three].into_iter().map(|stream| stream.until("done")).collect();
    assert!(ends[0].last().expect("an end").at <= ends[1].last().expect("an end").at);
    let moved = ends[2].iter().filter(|event| event.name == "state");
    let moved: Vec<_> = moved.map(|event| event.data["state"].as_str().expect("a state")).collect();
    assert_eq!(moved.last(), Some(&"running"), "{moved:?}");
    let began = |id: &str| run(&alice, id)["started_at"].as_u64().expect("a time");
    assert!(began(&first) <= began(&second) && began(&second) <= began(&third));
}

#[test]
fn a_question_that_waits_can_be_withdrawn() {
    let host = queueing();
    let alice = host.sign_in("alice");
    let (_, mut one, ..) = ask(&alice, "one");
    let (second, mut two, ..) = ask(&alice, "two");
    let (third, mut three, ..) = ask(&alice, "three");
    let answer = cancel(&alice, &second);
    assert_eq!((answer.status, &answer.json()["state"]), (200, &"cancelled".into()), "at once");
    let last = two.rest().pop().expect("an end");
    assert_eq!((last.name.as_str(), &last.data["reason"]), ("error", &"cancelled".into()));
    let moved = three.until("state").pop().expect("it is there");
    assert_eq!((&moved.data["state"], &moved.data["position"]), (&"queued".into(), &1.into()));
    assert_eq!(run(&alice, &third)["position"], 1);
    let (_, mut four, state, position) = ask(&alice, "four");
    assert_eq!((state, position), ("queued".into(), 2.into()), "there is room again");
    stand_in::let_go(host.setup());
    for stream in [&mut one, &mut three, &mut four] {
        stream.until("done");
    }
}

#[test]
fn a_question_from_the_queue_is_counted_once() {
    let host = stand_in::waiting(Setup::new())
        .with("OVERLORD_LIMIT_SETTINGS_QUEUE", "2")
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "3")
        .start();
    let alice = host.sign_in("alice");
    let mut asked: Vec<_> = ["one", "two", "three"].map(|message| ask(&alice, message)).into();
    stand_in::let_go(host.setup());
    for (_, stream, ..) in &mut asked {
        stream.until("done");
    }
    assert_eq!(alice.ask(&alice.new_session(), "four").status, 429, "three are three");
}

#[test]
fn a_plain_question_waits_in_the_queue_as_well() {
    let host = queueing();
    let alice = host.sign_in("alice");
    let (_, mut one, ..) = ask(&alice, "one");
    let (asking, session) = (alice.clone(), alice.new_session());
    let waiting = thread::spawn(move || asking.ask(&session, "two"));
    wait_until("the second to wait", || {
        listed(&alice, "").iter().any(|run| run["state"] == "queued").then_some(())
    });
    assert!(!waiting.is_finished());
    stand_in::let_go(host.setup());
    one.until("done");
    let answer = waiting.join().expect("an answer");
    assert_eq!((answer.status, &answer.json()["result"]), (200, &"at last".into()), "{}", answer.text());
}
