//! The page without a mouse: everything can be reached, done and left again by keys alone.

use overlord_tests::host::{Setup, wait_until};

use crate::house::House;

/// More than there are stops on the way round.
const STOPS: usize = 60;

/// What the focus is on, in words.
fn here(house: &House) -> String {
    let focused = house.browser.focused();
    format!("{} {}", focused.role(), focused.name())
}

#[track_caller]
fn focus_is(house: &House, what: &str) {
    wait_until(&format!("the focus on {what}"), || {
        let is = house.browser.script(
            "const it = document.activeElement; return it.id || it.dataset.does || it.className || it.tagName",
            &[],
        );
        (is == what).then_some(())
    });
}

#[test]
fn tab_goes_round_through_everything_in_the_order_in_which_it_stands() {
    let house = House::new();
    house.answered("hello demo:tool demo:fast");
    house.browser.find("li.session .more");
    house.browser.script("document.activeElement.blur(); getSelection().removeAllRanges()", &[]);
    house.browser.script("document.querySelector('.skip').focus()", &[]);
    let mut stops = vec![here(&house)];
    for _ in 0..STOPS {
        house.browser.press("Tab");
        let stop = here(&house);
        if stop.ends_with("Skip to the question box") {
            break;
        }
        stops.push(stop);
    }
    let mut rest = stops.iter();
    for wanted in [
        "link Skip to the question box",
        "button New session",
        "button Deleted",
        "searchbox Search sessions by title",
        "link Demo: hello demo:tool demo:fast",
        "button Actions for Demo: hello demo:tool demo:fast",
        "button Sign out",
        "button Keyboard help",
        "region Conversation",
        "DisclosureTriangle Bash",
        "button Copy code",
        "textbox Your question",
    ] {
        assert!(
            rest.any(|stop| stop.starts_with(wanted)),
            "{wanted} is not reached in its order: {stops:#?}"
        );
    }
    assert!(stops.len() < STOPS, "the way round has no end: {stops:#?}");
}

#[test]
fn the_way_past_the_sessions_is_short() {
    let house = House::new();
    house.answered("hello demo:fast");
    let session = house.session();
    focus_is(&house, "question");
    house.browser.script("document.querySelector('.skip').focus()", &[]);
    assert!(house.browser.find(".skip").is_shown(), "one sees where one is");
    house.browser.press("Enter");
    focus_is(&house, "question");
    assert_eq!((house.session(), house.count(".run")), (session, 1), "that is no other session");
}

#[test]
fn a_question_is_asked_and_stopped_without_a_mouse() {
    let house = House::new();
    let browser = &house.browser;
    focus_is(&house, "question");
    browser.insert("hello demo:half demo:hang");
    browser.press("Enter");
    browser.see("will never be");
    browser.press("Alt+.");
    house.run("cancelled");
    focus_is(&house, "question");
    // A single letter is a letter there, and a key elsewhere.
    browser.press("n");
    house.box_holds("n");
    browser.press("Backspace");
    browser.press("Escape");
    focus_is(&house, "BODY");
    let first = house.session();
    browser.press("n");
    wait_until("a new session", || house.session().is_empty().then_some(()));
    focus_is(&house, "question");
    browser.insert("another demo:fast");
    browser.press("Enter");
    house.run("done");
    assert_ne!(house.session(), first);
    browser.press("Alt+n");
    wait_until("a new session", || house.session().is_empty().then_some(()));
    browser.press("Escape");
    browser.press("i");
    focus_is(&house, "question");
}

#[test]
fn help_opens_with_a_key_and_closes_with_one() {
    let house = House::new();
    let browser = &house.browser;
    browser.press("Escape");
    browser.press("?");
    browser.role("dialog", "Keyboard");
    browser.see("stop the answer");
    browser.press("n");
    assert_eq!(browser.roles("dialog", "Keyboard").len(), 1, "keys of the page rest meanwhile");
    browser.press("Escape");
    browser.no_role("dialog", "Keyboard");
    browser.role("button", "Keyboard help").click();
    browser.role("button", "Close").click();
    browser.no_role("dialog", "Keyboard");
    focus_is(&house, "keys-open");
}

#[test]
fn sessions_are_found_opened_and_changed_without_a_mouse() {
    let house = House::of(Setup::new());
    let browser = &house.browser;
    for question in ["alpha demo:fast", "beta demo:fast"] {
        house.alice.ask(&house.alice.new_session(), question);
    }
    browser.reload();
    house.counts("li.session", 2);
    focus_is(&house, "question");
    browser.press("Escape");
    browser.press("/");
    focus_is(&house, "search");
    browser.insert("alpha");
    house.counts("li.session", 1);
    browser.press("ArrowDown");
    assert_eq!(here(&house).split(" demo:fast").next(), Some("link Demo: alpha"));
    browser.press("Enter");
    browser.see("alpha demo:fast");
    wait_until("it to be open", || (!house.session().is_empty()).then_some(()));

    // The menu of it.
    browser.press("Escape");
    browser.press("/");
    browser.press("ArrowDown");
    browser.press("Tab");
    focus_is(&house, "icon-button more");
    browser.press("Enter");
    focus_is(&house, "rename");
    browser.press("ArrowDown");
    focus_is(&house, "markdown");
    browser.press("ArrowUp");
    browser.press("ArrowUp");
    focus_is(&house, "delete");
    browser.press("Home");
    browser.press("Escape");
    focus_is(&house, "icon-button more");
    assert!(browser.roles("menuitem", "Rename").is_empty());

    browser.press("Enter");
    focus_is(&house, "rename");
    browser.press("Enter");
    wait_until("a field", || browser.find("form.rename input").is_focused().then_some(()));
    browser.insert("alpha is renamed");
    browser.press("Enter");
    wait_until("the name", || {
        (browser.all("li.session .row-title").first()?.text_if_there()? == "alpha is renamed").then_some(())
    });
    focus_is(&house, "icon-button more");

    // Deleted, and back again.
    browser.press("Enter");
    focus_is(&house, "rename");
    browser.press("End");
    focus_is(&house, "delete");
    browser.press("Enter");
    house.counts("li.session", 0);
    let undo = browser.role("button", "Undo");
    wait_until("the way to Undo", || {
        browser.press("Tab");
        undo.is_focused().then_some(())
    });
    browser.press("Enter");
    house.counts("li.session", 1);
}
