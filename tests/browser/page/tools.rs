//! What an answer consists of besides text: tools, refusals, errors, code; while it is made, and again
//! in the history.

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::speaker::Speaker;

use crate::house::House;

#[track_caller]
fn tools_are_shown(house: &House) {
    let browser = &house.browser;
    house.counts("details.tool.ended", 2);
    let tools = browser.all("details.tool");
    assert_eq!((tools[0].attribute("open"), tools.len()), (None, 2), "folded");
    assert!(tools[0].text().contains("Bash") && tools[0].text().contains("echo 'Hello from a tool'"));
    tools[0].find("summary").expect("a summary").click();
    let result = tools[0].find(".result pre").expect("a result");
    wait_until("the result", || (result.text() == "Hello from a tool").then_some(()));
    assert!(tools[0].text().contains("command: echo 'Hello from a tool'"), "{}", tools[0].text());
    assert!(!tools[0].attribute("class").expect("classes").contains("failed"));
    assert!(tools[1].attribute("class").expect("classes").contains("failed"));
    assert!(browser.text().contains("I will run a command. (It is only pretended.)"));
}

#[test]
fn tools_are_folded_with_their_input_and_result() {
    let house = House::new();
    house.answered("demo:tool demo:denied demo:retry 1 demo:fast");
    tools_are_shown(&house);
    let denied = house.browser.find(".box.denied");
    assert!(denied.text().contains("Not permitted"), "{}", denied.text());
    house.browser.reload();
    house.browser.see("I will run a command that nobody permitted.");
    assert_eq!(house.count(".run"), 0, "it is history");
    tools_are_shown(&house);
}

#[test]
fn an_error_of_the_agents_service_is_shown_as_one() {
    let house = House::new();
    house.ask("demo:error demo:fast");
    house.run("failed");
    let error = house.browser.find(".run .box.error");
    assert!(error.text().contains("API Error: 529"), "{}", error.text());
    house.browser.reload();
    let error = house.browser.find("#pages .box.error");
    assert!(error.text().contains("API Error: 529"), "{}", error.text());
}

#[test]
fn where_the_agent_fails_it_is_said_and_the_question_can_be_put_back() {
    let house = House::new();
    house.ask("will it? demo:fail");
    house.run("failed");
    let words = house.browser.find(".run .box.error").text();
    assert!(words.len() > "Error\n".len(), "{words}");
    house.browser.role("button", "Put the question back").click();
    house.box_holds("will it? demo:fail");
}

#[test]
fn a_retry_is_told_of() {
    let house = House::new();
    house.answered("demo:retry 1");
    assert!(house.count(".run .marker") >= 1, "nothing is said of a retry");
}

#[test]
fn code_is_coloured_and_can_be_copied() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup);
    house.ask("show me");
    speaker
        .say("```rust\nfn main() {\n    println!(\"<hello>\");\n}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    speaker.finish();
    house.run("done");
    let browser = &house.browser;
    assert!(house.count(".run pre span") > 2, "nothing is highlighted");
    assert_eq!(browser.find(".run .code-lang").text(), "rust");
    assert_eq!(house.count(".run table td"), 2);
    browser.role("button", "Copy code").click();
    wait_until("the word that it is copied", || {
        (browser.find(".run .copy").text() == "Copied").then_some(())
    });
    assert_eq!(browser.clipboard().trim_end(), "fn main() {\n    println!(\"<hello>\");\n}");
}
