//! A history of 100,000 messages: it opens at its end at once, loads upward and downward without moving
//! what one looks at, and the page does not grow with what was read.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::session_files::write_messages;
use overlord_tests::sessions;
use serde_json::json;

use crate::house::House;

const MESSAGES: u64 = 100_000;

/// docs/page.md: at most so many messages of a history are in the page.
const IN_THE_PAGE: usize = 400;

/// A page of them.
const PAGE: usize = 50;

const SESSION: &str = "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e";

/// The first message on the page.
const FIRST: &str =
    "return document.querySelector('#pages [data-role] .said, #pages [data-role] .prose').innerText";

fn long() -> House {
    let setup = Setup::new();
    sessions::put(&setup, SESSION, "");
    let file = File::create(sessions::file(&setup, SESSION)).expect("a session");
    let mut file = BufWriter::new(file);
    write_messages(&mut file, MESSAGES).and_then(|()| file.flush()).expect("a long session");
    let house = House::of(setup);
    house.open(SESSION);
    house.browser.see(&format!("answer {}", MESSAGES - 1));
    house
}

/// The numbers of the messages in the page, in order.
fn numbers(house: &House) -> Vec<u64> {
    let script = "return [...document.querySelectorAll('#pages [data-role]')]
        .map(message => message.querySelector('.said, .prose').textContent.trim())";
    let texts = house.browser.script(script, &[]);
    let number = |text: &str| text.split_once(' ').and_then(|(_, number)| number.parse().ok());
    texts
        .as_array()
        .expect("a list")
        .iter()
        .map(|text| number(text.as_str().expect("text")).unwrap_or_else(|| panic!("{text} is no message")))
        .collect()
}

/// That no message is missing or told twice. Question N and answer N + 1 follow each other.
#[track_caller]
fn without_a_gap(house: &House) {
    let numbers = numbers(house);
    assert!(numbers.len() <= IN_THE_PAGE, "{} messages are in the page", numbers.len());
    let gap = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1);
    assert_eq!(gap, None, "of {numbers:?}");
}

/// How many pages of the history the browser has asked for.
fn asked(house: &House) -> usize {
    house.browser.requests().iter().filter(|address| address.contains("/history?")).count()
}

/// Scrolls to the first message, and waits for those before it; what was first stays where it is.
#[track_caller]
fn load_upward(house: &House) {
    let before = house.browser.script(FIRST, &[]);
    let place = "
        const scroller = document.getElementById('scroller');
        scroller.scrollTop = 0;
        window.mark = document.querySelector('#pages [data-role]');
        return window.mark.getBoundingClientRect().top";
    let top = house.measure(place);
    wait_until("earlier messages", || (house.browser.script(FIRST, &[]) != before).then_some(()));
    let now = house.measure("return window.mark.getBoundingClientRect().top");
    assert!((now - top).abs() < 2.0, "{before} has moved from {top} to {now}");
}

#[test]
fn it_opens_at_its_end_with_its_last_messages_alone() {
    let house = long();
    let from_end = "const it = document.getElementById('scroller');
        return it.scrollHeight - it.scrollTop - it.clientHeight";
    wait_until("the end", || (house.measure(from_end) < 2.0).then_some(()));
    assert_eq!(numbers(&house).last(), Some(&(MESSAGES - 1)));
    without_a_gap(&house);
    assert!(asked(&house) <= 2, "{} pages to show one", asked(&house));
    assert!(numbers(&house).len() <= 2 * PAGE);
    // The whole of it never came over the wire.
    let size = house.measure(
        "return performance.getEntriesByType('resource').filter(it => it.name.includes('/history'))
            .reduce((sum, it) => sum + it.decodedBodySize, 0)",
    );
    assert!(size > 1000.0 && size < 500_000.0, "{size} bytes of history");
}

#[test]
fn it_loads_upward_in_its_place_and_the_page_stays_small() {
    let house = long();
    for _ in 0..12 {
        load_upward(&house);
        without_a_gap(&house);
    }
    let numbers = numbers(&house);
    assert!(numbers[0] <= MESSAGES - 12 * PAGE as u64, "{}", numbers[0]);
    assert!(numbers[numbers.len() - 1] < MESSAGES - 1, "the end was let go");

    // Downward again, to where the end was dropped.
    let last = *numbers.last().expect("a message");
    house.browser.script("document.getElementById('scroller').scrollTop = 1e9", &[]);
    wait_until("later messages", || (self::numbers(&house).last()? > &last).then_some(()));
    without_a_gap(&house);

    house.browser.role("button", "Jump to newest").click();
    house.browser.see(&format!("answer {}", MESSAGES - 1));
    without_a_gap(&house);
    house.browser.no_role("button", "Jump to newest");
}

#[test]
fn a_wheel_scrolls_through_it_and_new_answers_come_at_its_end() {
    let house = long();
    let scroller = house.browser.find("#scroller");
    let target = MESSAGES - 3 * PAGE as u64;
    wait_until("messages further up", || {
        house.browser.wheel(&scroller, -2000);
        (numbers(&house)[0] < target).then_some(())
    });
    without_a_gap(&house);
    house.answered("and now? demo:fast");
    house.browser.see("and now? demo:fast");
    assert_eq!(
        house.alice.get(&format!("/agent/sessions/{SESSION}/history?last=1")).json()["messages"][0]["role"],
        "assistant"
    );
    house.browser.press("Escape");
    house.browser.press("End");
    house.browser.see("Overlord's demo agent");
}

#[test]
fn what_is_long_in_characters_opens_as_well() {
    let setup = Setup::new();
    let said = |role: &str, text: &str| {
        let message = json!({"role": role, "content": text});
        json!({"type": role, "message": message, "timestamp": "2026-01-02T03:04:05.678Z"}).to_string() + "\n"
    };
    let long = "A long word of an answer. ".repeat(20_000);
    sessions::put(&setup, SESSION, said("user", "short") + &said("assistant", &long) + &said("user", "last"));
    let house = House::of(setup);
    house.open(SESSION);
    house.browser.see("last");
    assert!(house.browser.text().contains("A long word of an answer."));
}
