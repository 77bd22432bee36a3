//! The sessions at the side: going from one to another, and what can be done with one.

use std::fs;
use std::path::PathBuf;

use overlord_tests::host::wait_until;
use overlord_tests::sessions;

use crate::house::House;

/// A house where these questions have been asked, each in a session of its own.
#[track_caller]
fn with(questions: &[&str]) -> (House, Vec<String>) {
    let house = House::new();
    let sessions = questions
        .iter()
        .map(|question| {
            let session = house.alice.new_session();
            let answer = house.alice.ask(&session, &format!("{question} demo:fast"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            session
        })
        .collect();
    house.browser.reload();
    house.counts("li.session", questions.len());
    (house, sessions)
}

fn row(session: &str) -> String {
    format!("li.session[data-session='{session}']")
}

fn title_of(house: &House, session: &str) -> Option<String> {
    let css = format!("{} .row-title", row(session));
    house.browser.all(&css).first()?.text_if_there()
}

#[track_caller]
fn choose(house: &House, session: &str, what: &str) {
    house.browser.find(&format!("{} .more", row(session))).click();
    house.browser.role("menuitem", what).click();
}

/// The one file that has been loaded down whole.
#[track_caller]
fn loaded_down(house: &House, ending: &str) -> PathBuf {
    wait_until(&format!("a file *.{ending}"), || {
        let entries = fs::read_dir(house.browser.downloads()).ok()?;
        let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        // Until all of it is there the browser keeps the name with an empty file.
        let whole = |path: &PathBuf| fs::metadata(path).is_ok_and(|about| about.len() > 0);
        files.find(|path| path.extension().is_some_and(|is| is == ending) && whole(path))
    })
}

#[test]
fn one_goes_to_another_session_while_the_first_is_answered() {
    let (house, sessions) = with(&["an older one"]);
    let browser = &house.browser;
    browser.role("button", "New session").click();
    house.ask("a long one demo:half demo:hang");
    browser.see("will never be");
    let running = house.session();
    browser.find(&format!("{} .badge.running", row(&running)));

    browser.find(&format!("{} a", row(&sessions[0]))).click();
    house.counts("#pages .message", 2);
    assert_eq!((house.session().as_str(), house.count(".run")), (sessions[0].as_str(), 0));
    assert!(!browser.text().contains("will never be"));
    assert!(browser.roles("button", "Stop the answer").is_empty(), "here nothing is answered");
    assert!(browser.find(&format!("{} .badge.running", row(&running))).is_shown());

    browser.back();
    browser.see("will never be");
    assert_eq!(house.session(), running);
    browser.role("button", "Stop the answer").click();
    house.run("cancelled");
    wait_until("the mark to go", || browser.all(".badge.running").is_empty().then_some(()));
}

#[test]
fn a_session_is_renamed_and_gets_its_own_name_back() {
    let (house, sessions) = with(&["first"]);
    let browser = &house.browser;
    let named = |name: &str| {
        wait_until(&format!("the name {name:?}"), || (title_of(&house, &sessions[0])? == name).then_some(()));
    };
    house.open(&sessions[0]);
    choose(&house, &sessions[0], "Rename");
    let field = browser.role("textbox", "New title of Demo: first demo:fast");
    wait_until("the focus in it", || field.is_focused().then_some(()));
    browser.insert("Größe & <b>Gewicht</b>");
    browser.press("Enter");
    named("Größe & <b>Gewicht</b>");
    wait_until("the title above", || {
        (browser.find("#title").text() == "Größe & <b>Gewicht</b>").then_some(())
    });
    // Escape leaves it as it was.
    choose(&house, &sessions[0], "Rename");
    browser.insert("not this");
    browser.press("Escape");
    named("Größe & <b>Gewicht</b>");
    browser.reload();
    named("Größe & <b>Gewicht</b>");
    // Nothing gives it its own back.
    choose(&house, &sessions[0], "Rename");
    browser.press("Backspace");
    browser.press("Enter");
    named("Demo: first demo:fast");
}

#[test]
fn a_session_is_deleted_and_it_can_be_undone() {
    let (house, sessions) = with(&["to stay", "to go"]);
    let browser = &house.browser;
    house.open(&sessions[1]);
    choose(&house, &sessions[1], "Delete");
    house.counts("li.session", 1);
    wait_until("a new session in its place", || house.session().is_empty().then_some(()));
    assert_eq!(house.alice.get("/agent/sessions").json()["sessions"].as_array().map(Vec::len), Some(1));
    browser.role("button", "Undo").click();
    house.counts("li.session", 2);
    wait_until("it to be open again", || (house.session() == sessions[1]).then_some(()));
    house.counts("#pages .message", 2);
}

#[test]
fn what_was_deleted_is_restored_from_its_list() {
    let (house, sessions) = with(&["to stay", "to go"]);
    let browser = &house.browser;
    choose(&house, &sessions[1], "Delete");
    house.counts("li.session", 1);
    browser.reload();
    house.counts("li.session", 1);
    let deleted = browser.role("button", "Deleted");
    deleted.click();
    house.counts("li.session.deleted", 1);
    assert_eq!(deleted.attribute("aria-pressed").as_deref(), Some("true"));
    browser.see("gone in");
    browser.role("button", "Restore Demo: to go demo:fast").click();
    house.counts("li.session.deleted", 0);
    wait_until("it to be open", || (house.session() == sessions[1]).then_some(()));
    house.counts("#pages .message", 2);
    deleted.click();
    house.counts("li.session:not(.deleted)", 2);
}

#[test]
fn a_session_that_is_answered_is_not_deleted_and_it_is_said_why() {
    let house = House::new();
    house.browser.expect_error("status of 409");
    house.ask("demo:half demo:hang");
    house.browser.see("will never be");
    let session = house.session();
    house.browser.find(&row(&session));
    choose(&house, &session, "Delete");
    let toast = house.browser.find(".toast");
    assert!(!toast.text().is_empty() && !toast.text().contains("Deleted"), "{}", toast.text());
    assert_eq!(house.count("li.session"), 1);
    house.browser.role("button", "Stop the answer").click();
    house.run("cancelled");
}

#[test]
fn titles_are_searched_and_what_is_found_can_be_opened() {
    let (house, sessions) = with(&["alpha", "beta", "gamma"]);
    let browser = &house.browser;
    let search = browser.role("searchbox", "Search sessions by title");
    search.type_text("BET");
    house.counts("li.session", 1);
    assert_eq!(title_of(&house, &sessions[1]).as_deref(), Some("Demo: beta demo:fast"));
    search.type_text("x");
    browser.see("No title contains this.");
    assert_eq!(house.count("li.session"), 0);
    search.clear();
    house.counts("li.session", 3);
    search.type_text("gamma");
    house.counts("li.session", 1);
    browser.find("li.session a").click();
    wait_until("it to be open", || (house.session() == sessions[2]).then_some(()));
}

#[test]
fn the_list_has_more_than_one_page() {
    const SESSIONS: usize = 60;
    let house = House::new();
    // An admin's list has those of nobody.
    let admin = house.host.sign_in_as("carol", &["admin"]);
    for _ in 0..SESSIONS {
        let id = house.alice.new_session();
        let line = r#"{"type":"user","message":{"content":"x"},"timestamp":"2026-01-02T03:04:05.678Z"}"#;
        sessions::put(house.host.setup(), &id, format!("{line}\n"));
    }
    house.browser.sign_in(&admin);
    house.browser.reload();
    house.counts("li.session", 50);
    house.browser.script("document.querySelector('.session-scroll').scrollTop = 1e6", &[]);
    house.counts("li.session", SESSIONS);
    assert!(house.browser.roles("button", "Show more").is_empty());
}

#[test]
fn a_session_is_exported_as_markdown_and_as_it_is() {
    let (house, sessions) = with(&["to keep"]);
    choose(&house, &sessions[0], "Export as Markdown");
    let markdown = fs::read_to_string(loaded_down(&house, "md")).expect("read");
    assert!(markdown.contains("to keep demo:fast") && markdown.contains("demo agent"), "{markdown}");
    choose(&house, &sessions[0], "Export as JSONL");
    let lines = fs::read_to_string(loaded_down(&house, "jsonl")).expect("read");
    let file = sessions::file(house.host.setup(), &sessions[0]);
    assert_eq!(lines, fs::read_to_string(file).expect("read"));
    assert_eq!(house.browser.tabs().len(), 1);
}

#[test]
fn what_is_not_there_opens_a_new_session() {
    let house = House::new();
    house.browser.expect_error("status of 40");
    for address in ["/#/s/not-an-id", "/#/s/", "/#elsewhere", "/#/s/../../etc/passwd"] {
        house.go(address);
        wait_until("no session", || house.session().is_empty().then_some(()));
        house.box_holds("");
    }
    // An id of nobody's session is one that nothing was said in yet.
    house.open(&house.alice.new_session());
    house.browser.see("Ask something");
    house.answered("hello demo:fast");
}
