//! Questions that have to wait: in the queue, and for the limit's window to pass.

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::stand_in;
use serde_json::json;

use crate::house::House;

/// What Chromium logs of a refusal.
const REFUSED: &str = "status of 429";

/// Long enough that a question after the first is still within it, on a slow machine too.
const WINDOW_S: &str = "15";

#[track_caller]
fn waiting() -> House {
    let house = House::of(stand_in::waiting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_QUEUE", "2"));
    house.ask("the first");
    house.run("running");
    house
}

#[test]
fn questions_wait_with_their_place_and_can_be_withdrawn() {
    let house = waiting();
    let browser = &house.browser;
    house.ask("the second");
    house.run("queued");
    house.ask("the third");
    house.counts(".run[data-state=queued]", 2);
    browser.see("Waiting, place 1 in the queue.");
    browser.see("Waiting, place 2 in the queue.");
    browser.see("Answering, 2 waiting");

    let withdraw = browser.roles("button", "Withdraw");
    assert_eq!(withdraw.len(), 2);
    withdraw[0].click();
    house.counts(".run[data-state=cancelled]", 1);
    browser.see("Withdrawn.");
    wait_until("the third to move up", || {
        let text = browser.text();
        (text.contains("place 1 in") && !text.contains("place 2 in")).then_some(())
    });
    browser.role("button", "Put the question back").click();
    house.box_holds("the second");

    stand_in::let_go(house.host.setup());
    house.counts(".run[data-state=done]", 2);
    let asked: Vec<_> = house.host.audit();
    let asked: Vec<_> = asked.iter().filter(|line| line["event"] == "ask_ok").collect();
    assert_eq!(asked.len(), 2, "what was withdrawn was not asked: {asked:?}");
}

#[test]
fn a_queue_is_found_again_after_a_reload() {
    let house = waiting();
    house.ask("the second");
    house.run("queued");
    house.ask("the third");
    house.counts(".run[data-state=queued]", 2);
    house.browser.reload();
    house.counts(".run[data-state=queued]", 2);
    house.counts(".run[data-state=running]", 1);
    let runs = house.browser.all(".run");
    let texts: Vec<_> = runs.iter().map(|run| run.text()).collect();
    for (text, question) in texts.iter().zip(["the first", "the second", "the third"]) {
        assert!(text.contains(question), "{texts:?}");
    }
    stand_in::let_go(house.host.setup());
    house.counts(".run[data-state=done]", 3);
}

#[test]
fn where_the_queue_is_full_the_question_goes_back_into_the_box() {
    let house = waiting();
    house.browser.expect_error(REFUSED);
    house.ask("the second");
    house.ask("the third");
    house.counts(".run[data-state=queued]", 2);
    house.ask("one too many");
    house.browser.see("Your question is back in the box.");
    house.box_holds("one too many");
    assert_eq!(house.count(".run"), 3);
    stand_in::let_go(house.host.setup());
    house.counts(".run[data-state=done]", 3);
}

#[test]
fn after_too_many_questions_the_time_is_counted_down() {
    let setup = Setup::new()
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "1")
        .with("OVERLORD_LIMIT_SETTINGS_WINDOW_S", WINDOW_S);
    let house = House::of(setup);
    let browser = &house.browser;
    browser.expect_error(REFUSED);
    house.write("one too many demo:fast");
    let session = house.alice.new_session();
    let asked = house.alice.post("/agent/ask", &json!({"session_id": session, "message": "demo:fast"}));
    assert_eq!(asked.status, 200);
    browser.press("Enter");
    browser.see("Too many questions for now. Your question is back in the box.");
    house.box_holds("one too many demo:fast");
    assert!(!browser.role("button", "Send, not yet").is_enabled());
    let seconds = || {
        let text = browser.all("#hold-clock").first()?.text_if_there()?;
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    };
    let first = wait_until("a clock", seconds);
    wait_until("it to run down", || (seconds()? < first).then_some(()));
    wait_until("the end of the wait", || {
        browser.roles("button", "Send").first().is_some_and(|send| send.is_enabled()).then_some(())
    });
    assert!(browser.all("#hold-clock").is_empty());
    browser.role("button", "Send").click();
    house.run("done");
}
