//! Asking, and the answer as it grows: it comes while it is made, and what one reads stays where it is.

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::speaker::Speaker;

use crate::house::House;

/// More than fits into a window.
const MANY: usize = 60;

fn speaking() -> (House, Speaker) {
    let (setup, speaker) = Speaker::new(Setup::new());
    (House::of(setup), speaker)
}

#[test]
fn a_question_is_answered_in_a_session_that_the_address_names() {
    let house = House::new();
    let browser = &house.browser;
    browser.see("Ask something");
    let run = house.answered("What is here?");
    assert!(run.text().contains("What is here?") && run.text().contains("Overlord's demo agent"));
    assert_eq!(house.question().property("value"), "");
    assert!(house.question().is_focused());
    let session = house.session();
    assert_eq!(browser.script("return localStorage.getItem('overlord_session_id')", &[]), session.as_str());
    assert_eq!(house.alice.history(&session).len(), 2);
    let row = browser.find(&format!("li.session[data-session='{session}'] a[aria-current=page]"));
    wait_until("its title", || row.text_if_there()?.contains("Demo: What is here?").then_some(()));
    wait_until("its title above", || browser.title().starts_with("Demo: What is here?").then_some(()));
    browser.no_role("button", "Stop the answer");

    // The next one goes on in it, and a key sends it too.
    house.write("And now? demo:fast");
    browser.press("Enter");
    house.counts(".run[data-state=done]", 2);
    assert_eq!((house.session(), house.alice.history(&session).len()), (session, 4));
}

#[test]
fn an_answer_grows_and_what_was_there_stays() {
    let (house, speaker) = speaking();
    let browser = &house.browser;
    house.ask("tell me");
    house.run("running");
    speaker.say("The first paragraph.\n\n```rust\nlet one = 1;\n```\n\nThe third");
    browser.see("The third");
    // These very nodes have to be there at the end.
    browser.script("window.marked = [...document.querySelectorAll('.run .prose > *')]", &[]);
    assert_eq!(house.measure("return window.marked.length"), 3.0);
    browser.script("getSelection().selectAllChildren(window.marked[0])", &[]);
    speaker.say(" grows.\n\nA **fourth** one.");
    browser.see("The third grows.");
    browser.see("A fourth one.");
    assert_eq!(house.count(".run[data-state=running]"), 1, "it was seen before its end");
    speaker.finish();
    house.run("done");
    let same = "const now = [...document.querySelectorAll('.run .prose > *')];
        return now.length === 4 && window.marked.every((node, place) => node === now[place])";
    assert_eq!(browser.script(same, &[]), true);
    assert_eq!(browser.script("return getSelection().toString().trim()", &[]), "The first paragraph.");
}

#[test]
fn the_end_is_followed_until_one_scrolls_away_from_it() {
    let (house, speaker) = speaking();
    let browser = &house.browser;
    let paragraphs = |name: &str| -> String { (0..MANY).map(|at| format!("{name} {at}.\n\n")).collect() };
    let from_end = "const it = document.getElementById('scroller');
        return it.scrollHeight - it.scrollTop - it.clientHeight";
    let at_end = || wait_until("the end", || (house.measure(from_end) < 2.0).then_some(()));
    house.ask("tell me much");
    speaker.say(&paragraphs("early"));
    browser.see(&format!("early {}.", MANY - 1));
    at_end();

    browser.wheel(&browser.find("#scroller"), -700);
    browser.role("button", "Jump to newest");
    let place = "return document.querySelectorAll('.run .prose > p')[20].getBoundingClientRect().top";
    let before = house.measure(place);
    speaker.say(&paragraphs("late"));
    wait_until("all of it", || {
        let text = browser.find(".run .prose").property("textContent");
        text.as_str()?.contains(&format!("late {}.", MANY - 1)).then_some(())
    });
    assert!((house.measure(place) - before).abs() < 1.0, "what was read has moved");
    assert!(house.measure(from_end) > 1000.0);

    browser.role("button", "Jump to newest").click();
    at_end();
    browser.no_role("button", "Jump to newest");
    speaker.say(&paragraphs("last"));
    browser.see(&format!("last {}.", MANY - 1));
    at_end();
    speaker.finish();
    house.run("done");
    at_end();
}

#[test]
fn a_screen_reader_hears_that_the_answer_has_come_and_not_its_every_word() {
    let (house, speaker) = speaking();
    let browser = &house.browser;
    house.ask("tell me");
    browser.script(
        "window.heard = [];
         const spoken = document.getElementById('spoken');
         new MutationObserver(() => window.heard.push(spoken.textContent))
             .observe(spoken, {childList: true, characterData: true, subtree: true})",
        &[],
    );
    for word in ["One ", "two ", "three."] {
        speaker.say(word);
        browser.see(word.trim());
    }
    speaker.finish();
    house.run("done");
    wait_until("something to be heard", || {
        (browser.script("return window.heard.length", &[]) != 0).then_some(())
    });
    assert_eq!(browser.script("return window.heard", &[]), serde_json::json!(["Answer: One two three."]));
}

#[test]
fn a_long_question_is_counted_and_one_too_long_is_not_sent() {
    let house = House::new();
    let browser = &house.browser;
    assert!(!browser.role("button", "Send").is_enabled(), "there is nothing to send");
    house.write(&"🦀".repeat(10_000));
    browser.see("10,000 of 10,000 characters");
    assert!(browser.role("button", "Send").is_enabled());
    browser.insert("x");
    browser.see("10,001 of 10,000 characters");
    assert!(!browser.role("button", "Send").is_enabled());
    browser.press("Enter");
    assert_eq!(house.count(".run"), 0);
    browser.press("Backspace");
    browser.see("10,000 of 10,000 characters");
    browser.press("Enter");
    house.run("done");
}

#[test]
fn lines_of_a_question_stay_lines() {
    let house = House::new();
    house.write("one");
    house.browser.press("Shift+Enter");
    house.browser.insert("two  <b>three</b> demo:fast");
    house.browser.press("Enter");
    let said = house.run("done").find(".user .said").expect("the question");
    assert_eq!(said.text(), "one\ntwo  <b>three</b> demo:fast");
    assert_eq!(house.alice.history(&house.session())[0]["text"], "one\ntwo  <b>three</b> demo:fast");
}

#[test]
fn an_example_is_put_into_the_box() {
    let house = House::new();
    house.browser.role("button", "demo:help").click();
    house.box_holds("demo:help");
    house.browser.role("button", "Send").click();
    house.run("done");
    house.browser.see("demo:slow 10");
}
