//! The page loaded again, or opened once more, while an answer is made: it goes on as if nothing had
//! been.

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::speaker::Speaker;

use crate::house::House;

#[test]
fn a_reload_in_the_middle_goes_on_where_it_was() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup);
    let browser = &house.browser;
    house.ask("tell me a story");
    speaker.say("Once upon a time");
    browser.see("Once upon a time");
    let session = house.session();
    browser.reload();
    browser.see("Once upon a time");
    assert_eq!((house.session(), house.count(".run[data-state=running]")), (session, 1));
    browser.role("button", "Stop the answer");
    speaker.say(" there was a host.");
    browser.see("Once upon a time there was a host.");
    // And a second time, as somebody does who does not believe it.
    browser.reload();
    browser.see("Once upon a time there was a host.");
    speaker.say("\n\nThe end.");
    speaker.finish();
    house.run("done");
    browser.see("The end.");
    assert_eq!(browser.text().matches("tell me a story").count(), 1, "asked once, shown once");
    assert_eq!(browser.find("#messages").text().matches("Once upon a time").count(), 1);
    assert_eq!(house.host.audit().iter().filter(|line| line["event"] == "ask_start").count(), 1);
}

#[test]
fn what_the_history_has_already_is_not_shown_twice() {
    let house = House::new();
    let browser = &house.browser;
    house.answered("the first demo:fast");
    house.ask("the second demo:half demo:hang");
    browser.see("This sentence of the demo agent will never be");
    browser.reload();
    browser.see("This sentence of the demo agent will never be");
    house.counts(".message.user .said", 2);
    assert_eq!(house.count("#pages .message.user"), 1, "the second is told by its run");
    browser.role("button", "Stop the answer").click();
    house.run("cancelled");
    browser.reload();
    house.counts("#pages .message.user .said", 2);
    assert_eq!(house.count(".run"), 0, "all of it is history");
}

#[test]
fn a_second_tab_sees_the_same_answer_grow() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup);
    let browser = &house.browser;
    house.ask("tell both of us");
    speaker.say("One");
    browser.see("One");
    let first = browser.open_tab();
    // Without a session in its address, it opens the last one.
    house.go("/");
    browser.see("tell both of us");
    browser.see("One");
    speaker.say(" and two.");
    browser.see("One and two.");
    browser.turn_to(&first);
    browser.see("One and two.");
    speaker.finish();
    house.run("done");
}

#[test]
fn a_draft_survives_a_reload_and_stays_with_its_session() {
    let house = House::new();
    house.answered("hello demo:fast");
    let session = house.session();
    house.write("half a thought");
    house.browser.reload();
    house.box_holds("half a thought");
    house.browser.role("button", "New session").click();
    house.box_holds("");
    house.browser.insert("another thought");
    house.open(&session);
    house.box_holds("half a thought");
    house.browser.role("button", "New session").click();
    house.box_holds("another thought");
}

#[test]
fn another_tabs_question_appears_without_a_reload() {
    let house = House::new();
    house.answered("hello demo:fast");
    let session = house.session();
    // Asked elsewhere, and seen as soon as this tab is looked at again.
    let _elsewhere = house.alice.begin_to_ask(&session, "from elsewhere demo:half demo:hang");
    house.host.audited("ask_start", &session);
    wait_until("the run of the other one", || {
        house.browser.script("window.dispatchEvent(new Event('online'))", &[]);
        (house.count(".run[data-state=running]") == 1).then_some(())
    });
    house.browser.see("from elsewhere demo:half demo:hang");
    house.browser.role("button", "Stop the answer").click();
    house.run("cancelled");
}
