//! Stopping an answer: it ends, and what was said so far stays.

use overlord_tests::host::wait_until;

use crate::house::House;

const BEGUN: &str = "This sentence of the demo agent will never be";

#[track_caller]
fn begun() -> House {
    let house = House::new();
    house.ask("go on for ever demo:half demo:hang");
    house.browser.see(BEGUN);
    house
}

#[test]
fn the_stop_button_ends_the_answer_and_keeps_its_beginning() {
    let house = begun();
    house.browser.role("button", "Stop the answer").click();
    house.run("cancelled");
    house.browser.see("Stopped. What was said so far is kept.");
    assert!(house.browser.text().contains(BEGUN));
    house.browser.no_role("button", "Stop the answer");
    let history = house.alice.history(&house.session());
    assert_eq!(history[1]["text"], BEGUN, "{history:?}");
    house.browser.reload();
    house.browser.find("#pages .marker");
    assert!(house.browser.text().contains(BEGUN));
    // And the next question is nobody's prisoner.
    house.answered("are you well? demo:fast");
}

#[test]
fn a_key_stops_it_too() {
    let house = begun();
    house.browser.press("Alt+.");
    house.run("cancelled");
    assert!(house.question().is_focused());
}

#[test]
fn what_somebody_else_stops_is_stopped_here_as_well() {
    let house = begun();
    let runs = house.alice.get("/agent/runs").json();
    let run = runs["runs"][0]["run_id"].as_str().expect("an id").to_owned();
    house.alice.post(&format!("/agent/runs/{run}/cancel"), &serde_json::json!({}));
    house.run("cancelled");
    wait_until("no button", || house.browser.roles("button", "Stop the answer").is_empty().then_some(()));
}
