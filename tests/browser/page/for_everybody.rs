//! What the page is like for whoever opens it: with a screen reader, on a phone, in the dark. axe-core
//! finds nothing serious in any of its main states, and nothing has to be scrolled sideways.

use overlord_browser_tests::{Browser, Opening, Shape};
use overlord_tests::host::Setup;
use overlord_tests::sessions;
use overlord_tests::speaker::Speaker;
use overlord_tests::stand_in;
use serde_json::json;

use crate::house::House;

const SESSION: &str = "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e";

/// Everything that may be in a conversation, and as wide as it gets.
fn conversation() -> String {
    let said = |role: &str, content: serde_json::Value| {
        json!({"type": role, "message": {"role": role, "content": content},
            "timestamp": "2026-01-02T03:04:05.678Z"})
        .to_string()
            + "\n"
    };
    let word = "x".repeat(300);
    let row = format!("|{}\n", " cell that is wide |".repeat(12));
    let rule = format!("|{}\n", "---|".repeat(12));
    let text = format!(
        "# A heading\n\n## Another\n\nText with `code`, **strong**, [a link](https://example.org/{word}) and {word}.\n\n\
         - one\n- two\n  1. three\n- [x] done\n\n> quoted\n\n```rust\nlet line = \"{word}\"; // a remark\n```\n\n{row}{rule}{row}\n\
         ---\n\n```\nplain\n```\n"
    );
    said("user", json!(format!("A question with {word}\nand a line")))
        + &said(
            "assistant",
            json!([{"type": "thinking", "thinking": "I think."}, {"type": "text", "text": text},
                {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": format!("echo {word}")}}]),
        )
        + &said(
            "user",
            json!([{"type": "tool_result", "tool_use_id": "t", "content": word, "is_error": true}]),
        )
        + &said("user", json!([{"type": "text", "text": "[Request interrupted by user]"}]))
}

#[track_caller]
fn nothing_sideways(browser: &Browser) {
    let wide = browser.script(
        "return [...document.querySelectorAll('html, body, #scroller, #content, #sidebar, .session-scroll')]
            .filter(it => it.scrollWidth > it.clientWidth + 1)
            .map(it => `${it.tagName}#${it.id}: ${it.scrollWidth} of ${it.clientWidth}`)",
        &[],
    );
    assert_eq!(wide, json!([]));
    assert_eq!(browser.script("return document.documentElement.scrollWidth <= innerWidth", &[]), true);
}

/// As it is now: in light and in dark.
#[track_caller]
fn is_good(house: &mut House, state: &str) {
    for dark in [false, true] {
        house.browser.set_dark(dark);
        // What changes slowly has not its colours yet.
        house.browser.evaluate(
            "Promise.all(document.getAnimations().filter(it => it.effect?.getComputedTiming().iterations !== Infinity)
                .map(it => it.finished.catch(() => {}))).then(() => {})",
        );
        let serious: Vec<_> =
            house.browser.axe().into_iter().filter(|it| it.is_serious()).map(|it| it.to_string()).collect();
        assert!(serious.is_empty(), "{state}, dark {dark}:\n{}", serious.join("\n"));
        nothing_sideways(&house.browser);
    }
}

fn with_conversation(window: impl FnOnce(Opening) -> Opening) -> House {
    let setup = stand_in::waiting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_QUEUE", "2");
    sessions::put(&setup, SESSION, conversation());
    let house = House::with(setup, |opening| window(opening.still()));
    // It becomes hers, so that it is in the list.
    let path = format!("/agent/sessions/{SESSION}/rename");
    let title = format!("A title that is {}", "long ".repeat(30));
    assert_eq!(house.alice.post(&path, &json!({ "title": title.trim_end() })).status, 200);
    house.go("/?again");
    house
}

#[test]
fn signed_out_and_empty_it_is_for_everybody() {
    let mut house = House::with(Setup::new(), Opening::still);
    house.browser.expect_error("status of 401");
    house.browser.see("Ask something");
    is_good(&mut house, "empty");
    house.browser.role("button", "Keyboard help").click();
    is_good(&mut house, "help");
    house.browser.press("Escape");
    house.browser.role("button", "Sign out").click();
    house.browser.find("html[data-view=signed-out]");
    is_good(&mut house, "signed out");
    house.browser.role("button", "Sign in").click();
    house.browser.see("no sign-in address");
    is_good(&mut house, "a wrong address");
    house.browser.reshape(Shape::LEAST);
    is_good(&mut house, "narrow and signed out");
}

#[test]
fn a_conversation_is_for_everybody() {
    let mut house = with_conversation(|opening| opening);
    house.browser.expect_error("status of 429");
    house.open(SESSION);
    house.counts("#pages .message.assistant", 1);
    house.browser.find("details.tool summary").click();
    house.browser.find("details.thinking summary").click();
    is_good(&mut house, "a conversation");
    house.browser.find("li.session .more").click();
    house.browser.role("menuitem", "Rename");
    is_good(&mut house, "the menu");
    house.browser.role("menuitem", "Rename").click();
    house.browser.find("form.rename input");
    is_good(&mut house, "renaming");
    house.browser.press("Escape");
    for question in ["one", "two", "three"] {
        house.ask(question);
    }
    house.counts(".run[data-state=queued]", 2);
    is_good(&mut house, "a queue");
    house.ask("four");
    house.browser.see("Your question is back in the box.");
    is_good(&mut house, "refused");
}

#[test]
fn an_answer_with_tools_and_errors_is_for_everybody() {
    let mut house = House::with(Setup::new(), Opening::still);
    house.answered("demo:tool demo:denied demo:retry 1 demo:fast");
    for summary in house.browser.all("details.tool summary") {
        summary.click();
    }
    is_good(&mut house, "tools");
    house.ask("demo:error demo:fast");
    house.run("failed");
    is_good(&mut house, "an error");
    house.ask("demo:half demo:hang");
    house.browser.see("will never be");
    is_good(&mut house, "running");
    house.browser.role("button", "Stop the answer").click();
    house.run("cancelled");
    is_good(&mut house, "stopped");
    house.browser.find("li.session .more").click();
    house.browser.role("menuitem", "Delete").click();
    house.browser.role("button", "Undo");
    is_good(&mut house, "deleted");
    house.browser.role("button", "Deleted").click();
    house.counts("li.session.deleted", 1);
    is_good(&mut house, "the deleted ones");
}

#[test]
fn on_a_phone_it_is_for_everybody_and_never_wider_than_it() {
    let mut house = with_conversation(|opening| opening.shape(Shape::NARROW));
    house.open(SESSION);
    house.counts("#pages .message.assistant", 1);
    house.browser.find("details.tool summary").click();
    is_good(&mut house, "a conversation on a phone");
    house.browser.role("button", "Sessions").click();
    house.browser.role("button", "Close sessions");
    is_good(&mut house, "the drawer");
    assert!(house.browser.roles("textbox", "Your question").is_empty(), "what is behind it rests");
    house.browser.role("button", "Close sessions").click();
    house.ask("on the way");
    house.run("running");
    house.browser.reshape(Shape::LEAST);
    is_good(&mut house, "the narrowest");
    house.browser.role("button", "Sessions").click();
    house.browser.role("button", "Close sessions");
    is_good(&mut house, "the narrowest drawer");
}

#[test]
fn on_a_phone_one_asks_goes_to_another_session_and_comes_back() {
    let house = House::with(Setup::new(), |opening| opening.shape(Shape::NARROW));
    let browser = &house.browser;
    assert!(!house.question().is_focused(), "no keyboard comes up unasked");
    house.write("one");
    browser.press("Enter");
    browser.insert("two demo:fast");
    house.box_holds("one\ntwo demo:fast");
    browser.role("button", "Send").click();
    house.run("done");
    let first = house.session();
    browser.role("button", "Sessions").click();
    browser.role("button", "New session").click();
    browser.see("Ask something");
    browser.no_role("button", "Close sessions");
    browser.role("button", "Sessions").click();
    browser.find(&format!("li.session[data-session='{first}'] a")).click();
    house.counts("#pages .message", 2);
    browser.no_role("button", "Close sessions");
    assert_eq!(house.session(), first);
    // Escape leaves it as well.
    browser.role("button", "Sessions").click();
    browser.role("button", "Close sessions");
    browser.press("Escape");
    browser.no_role("button", "Close sessions");
}

#[test]
fn it_is_dark_where_one_prefers_it_and_nothing_moves_where_one_does_not() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let mut house = House::with(setup, |opening| opening.dark().still());
    house.ask("tell me");
    speaker.say("Something");
    house.browser.see("Something");
    let brightness = |house: &House| {
        house.measure(
            "const canvas = document.createElement('canvas').getContext('2d');
            canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
            canvas.fillRect(0, 0, 1, 1);
            const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
            return (red + green + blue) / 3",
        )
    };
    assert!(brightness(&house) < 64.0, "{}", brightness(&house));
    let moving = "return document.getAnimations().filter(it => it.playState === 'running').length";
    assert_eq!(house.browser.script(moving, &[]), 0);
    house.browser.set_dark(false);
    assert!(brightness(&house) > 192.0, "{}", brightness(&house));
    speaker.finish();
    house.run("done");
}
