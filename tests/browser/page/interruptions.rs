//! What may come in between while an answer is made: the sign-in ends, the host restarts, a component is
//! swapped, the network goes away. Nothing that was written is lost, and the page says what is the matter.

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::shelf::{Shelf, generation, remarked};
use overlord_tests::speaker::Speaker;
use overlord_tests::stand_in;

use crate::house::House;

/// How Chromium logs that a connection broke or cannot be made.
const CUT: &str = "net::ERR_";

#[test]
fn signed_out_in_the_middle_one_signs_in_again_and_all_is_there() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup);
    let browser = &house.browser;
    browser.expect_error("status of 401");
    house.ask("tell me");
    speaker.say("Once");
    browser.see("Once");
    let session = house.session();
    browser.forget_cookies();
    house.write("what I was writing");
    browser.press("Enter");
    browser.find("html[data-view=signed-out]");
    browser.see("You are signed out. What you were writing is kept");
    speaker.say(" more.");

    browser.sign_in(&house.alice);
    browser.role("button", "look again").click();
    browser.find("html[data-view=app]");
    house.box_holds("what I was writing");
    assert_eq!(house.session(), session);
    browser.see("Once more.");
    speaker.finish();
    house.run("done");
    assert_eq!(house.host.audit().iter().filter(|line| line["event"] == "ask_start").count(), 1);
}

#[test]
fn a_host_that_dies_and_comes_back_says_what_was_interrupted() {
    let house = House::new();
    house.browser.expect_error(CUT);
    house.browser.expect_error("status of 50");
    house.ask("go on demo:half demo:hang");
    house.browser.see("will never be");
    house.write("the next one");
    let House { browser, alice, host } = house;
    let address = host.address().to_string();
    let setup = host.kill();
    browser.see("Connection lost. Trying again");
    let host = setup.with("OVERLORD_LISTEN", address).start();
    let house = House { browser, alice, host };
    house.run("interrupted");
    house.browser.see("The host was restarted while this was being answered.");
    assert!(house.browser.text().contains("will never be"), "what was said is still to be read");
    house.box_holds("the next one");
    house.browser.press("Enter");
    house.run("done");
    // To whoever comes later it is said as well.
    house.browser.reload();
    house.browser.see("the next one");
}

#[test]
fn whoever_comes_after_a_restart_hears_of_the_interruption() {
    let house = House::new();
    house.browser.expect_error(CUT);
    house.ask("go on demo:half demo:hang");
    house.browser.see("will never be");
    let session = house.session();
    house.browser.go("/assets/icon.svg");
    let House { browser, alice, host } = house;
    let address = host.address().to_string();
    let host = host.kill().with("OVERLORD_LISTEN", address).start();
    let house = House { browser, alice, host };
    house.open(&session);
    house.run("interrupted");
    house.browser.see("The host was restarted while this was being answered.");
    assert_eq!(house.count(".message.user .said"), 1, "asked once, shown once");
    house.browser.role("button", "Put the question back").click();
    house.box_holds("go on demo:half demo:hang");
}

#[test]
fn a_host_that_is_stopped_in_good_order_leaves_nobody_waiting() {
    let house = House::new();
    house.browser.expect_error(CUT);
    house.browser.expect_error("status of 50");
    house.ask("go on demo:half demo:hang");
    house.browser.see("will never be");
    let House { browser, alice, host } = house;
    let address = host.address().to_string();
    let (status, setup) = host.stop();
    assert!(status.success(), "{status}");
    let host = setup.with("OVERLORD_LISTEN", address).start();
    let house = House { browser, alice, host };
    wait_until("an end of the run", || {
        let ended = ".run[data-state=interrupted], .run[data-state=failed], .run[data-state=cancelled]";
        (house.count(ended) == 1).then_some(())
    });
    assert!(house.browser.text().contains("will never be"));
    house.answered("are you back? demo:fast");
}

#[test]
fn a_component_that_is_swapped_in_the_middle_is_not_noticed() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let (setup, shelf) = Shelf::new(setup);
    let house = House::of(setup);
    generation(&house.host, 1);
    house.ask("tell me");
    speaker.say("Under the old");
    house.browser.see("Under the old");
    for (number, name) in
        (2..).zip(["agent-claude", "history-claude", "limit-window", "auth-cookie", "audit-jsonl"])
    {
        shelf.put(name, &remarked(name, "another build"));
        generation(&house.host, number);
    }
    speaker.say(" and under the new.");
    house.browser.see("Under the old and under the new.");
    house.browser.reload();
    house.browser.see("Under the old and under the new.");
    speaker.finish();
    house.run("done");
}

#[test]
fn offline_it_says_so_keeps_the_question_and_catches_up() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup.with("OVERLORD_LIMIT_SETTINGS_QUEUE", "2"));
    let browser = &house.browser;
    browser.expect_error(CUT);
    house.ask("tell me");
    speaker.say("Before");
    browser.see("Before");
    browser.set_offline(true);
    browser.see("You are offline.");
    house.write("asked in a tunnel");
    browser.press("Enter");
    browser.see("Your question is back in the box.");
    house.box_holds("asked in a tunnel");
    speaker.say(" and after.");
    browser.set_offline(false);
    browser.see("Before and after.");
    let status = browser.find("[data-testid=status]");
    wait_until("the words to go", || (!status.text().contains("offline")).then_some(()));
    speaker.finish();
    house.run("done");
    browser.role("button", "Send").click();
    house.counts(".run[data-state=done]", 2);
}

#[test]
fn a_host_that_is_not_there_yet_is_waited_for() {
    let house = House::new();
    house.browser.expect_error(CUT);
    // The page itself is at hand; who is signed in is not.
    house.browser.cdp("Network.setBlockedURLs", &serde_json::json!({"urls": ["*/agent/me"]}));
    house.browser.reload();
    house.browser.see("The host does not answer. Trying again");
    house.browser.cdp("Network.setBlockedURLs", &serde_json::json!({"urls": []}));
    house.browser.find("html[data-view=app]");
}

#[test]
fn where_the_agent_is_missing_it_says_so_and_a_question_is_not_lost() {
    let setup = Setup::new();
    let program = setup.folder().join("an-agent");
    let house = House::of(setup.with("OVERLORD_AGENT_COMMAND", &program));
    house.browser.expect_error("status of 50");
    house.browser.see("The agent is missing.");
    house.browser.see("an-agent");
    house.ask("is anybody there?");
    wait_until("the question at hand", || {
        let boxed = house.browser.script("return document.getElementById('question').value", &[]);
        let back = house.browser.roles("button", "Put the question back").len();
        (boxed == "is anybody there?" || back == 1).then_some(())
    });
    // It is installed; nothing has to be started again.
    let other = stand_in::counting(Setup::new());
    std::fs::copy(other.folder().join("agent"), &program).expect("installing the agent");
    house.browser.reload();
    house.browser.find("html[data-view=app]");
    house.browser.see_no_more("The agent is missing.");
    house.answered("and now?");
    house.browser.see("8 characters");
}
