//! The harness tried on pages whose faults are known: what it does not see here, it would not see on
//! Overlord's page either.

mod pages;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use overlord_browser_tests::{Browser, Opening, Shape};
use overlord_tests::host::wait_until;

/// A complaint that is expected, as text.
#[track_caller]
fn complaint(does: impl FnOnce()) -> String {
    let complaint = catch_unwind(AssertUnwindSafe(does)).expect_err("a complaint");
    complaint.downcast_ref::<String>().expect("a complaint is text").clone()
}

/// Width and height in the head of a PNG file.
fn size_of(path: &Path) -> (u32, u32) {
    let file = fs::read(path).expect("a picture");
    assert_eq!(file[..8], *b"\x89PNG\r\n\x1a\n", "it is a PNG file");
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

#[test]
fn what_a_screen_reader_finds_can_be_found_and_used() {
    let browser = Browser::open(pages::serve());
    browser.go("/good");
    assert_eq!(browser.title(), "Good");
    assert_eq!(browser.role("heading", "A good page").text(), "A good page");
    let send = browser.role("button", "Send");
    assert_eq!((send.name(), send.role()), ("Send".to_owned(), "button".to_owned()), "the one that is shown");
    assert_eq!(browser.roles("button", "Send*").len(), 2, "the hidden one is not found");
    browser.no_role("button", "Sent");

    let field = browser.role("textbox", "Message");
    field.type_text("Größe");
    send.click();
    browser.see("Größe");
    assert_eq!(browser.role("status", "").text(), "Größe");
    field.clear();
    assert_eq!(field.property("value"), "");
    field.click();
    assert!(field.is_focused() && field.is_shown() && field.is_enabled());
    browser.insert("a 🦀");
    assert_eq!(field.property("value"), "a 🦀");
    browser.press("Control+Enter");
    browser.see("by key");
    browser.press("Tab");
    assert_eq!(browser.focused().name(), "Send");
    assert_eq!(browser.evaluate("Promise.resolve(6 * 7)"), 42);
}

#[test]
fn a_page_is_looked_at_in_any_size_and_light() {
    let address = pages::serve();
    let mut browser = Opening::at(address).shape(Shape::NARROW).dark().still().open();
    browser.go("/good");
    let seen = |browser: &Browser| {
        let script = "return [innerWidth, innerHeight, getComputedStyle(document.body).backgroundColor,
            matchMedia('(prefers-reduced-motion: reduce)').matches]";
        browser.script(script, &[]).to_string()
    };
    // A page may be there before its style is.
    wait_until("the style", || (!seen(&browser).contains("rgba(0, 0, 0, 0)")).then_some(()));
    assert_eq!(seen(&browser), r#"[390,844,"rgb(17, 17, 17)",true]"#);
    let picture = browser.downloads().join("picture.png");
    browser.screenshot(&picture);
    assert_eq!(size_of(&picture), (390, 844));

    browser.set_dark(false);
    browser.reshape(Shape::WIDE);
    assert_eq!(seen(&browser), r#"[1280,800,"rgb(255, 255, 255)",true]"#);
    browser.screenshot(&picture);
    assert_eq!(size_of(&picture), (1280, 800));
    browser.wheel(&browser.find("h1"), 300);
    wait_until("the page to be scrolled", || (browser.evaluate("scrollY") == 300).then_some(()));

    let first = browser.open_tab();
    browser.go("/good");
    assert_eq!(seen(&browser), r#"[1280,800,"rgb(255, 255, 255)",true]"#, "a new tab is like the first");
    assert_eq!(browser.tabs().len(), 2);
    browser.turn_to(&first);
    assert_eq!(browser.evaluate("scrollY"), 300);
}

#[test]
fn an_error_on_the_console_fails_a_test() {
    let address = pages::serve();
    let complaint = complaint(|| {
        let browser = Browser::open(address);
        browser.go("/loud");
        wait_until("the errors", || (browser.faults().len() == 2).then_some(()));
    });
    assert!(complaint.contains("all is not well") && complaint.contains("uncaught"), "{complaint}");
    assert!(!complaint.contains("all is well"), "{complaint}");

    let browser = Browser::open(address);
    browser.expect_error("all is not well");
    browser.expect_error("Error: uncaught");
    browser.go("/loud");
    wait_until("the whole of it", || (browser.console().len() == 3).then_some(()));
    assert_eq!(browser.faults(), Vec::<String>::new(), "what is expected is no fault");
}

#[test]
fn a_breach_of_the_policy_fails_a_test() {
    let address = pages::serve();
    let complaint = complaint(|| {
        let browser = Browser::open(address);
        browser.go("/inline");
        assert_eq!(browser.title(), "Inline", "it did not run");
        wait_until("the report", || (!browser.faults().is_empty()).then_some(()));
    });
    assert!(complaint.contains("Content Security Policy"), "{complaint}");
}

#[test]
fn a_request_to_another_host_fails_a_test_and_arrives_nowhere() {
    let address = pages::serve();
    let complaint = complaint(|| {
        let browser = Browser::open(address);
        browser.expect_error("ERR_NAME_NOT_RESOLVED");
        browser.go("/foreign");
        wait_until("the failure", || (browser.title() == "in vain").then_some(()));
        wait_until("the request", || (!browser.faults().is_empty()).then_some(()));
    });
    assert!(complaint.contains("a request to another host: http://elsewhere.example/"), "{complaint}");
}

#[test]
fn the_network_can_be_taken_away() {
    let browser = Browser::open(pages::serve());
    browser.expect_error("ERR_INTERNET_DISCONNECTED");
    browser.go("/asking");
    wait_until("an answer", || (browser.title() == "reached").then_some(()));
    browser.set_offline(true);
    wait_until("no answer", || (browser.title() == "cut off").then_some(()));
    browser.set_offline(false);
    wait_until("an answer again", || (browser.title() == "reached").then_some(()));
    assert!(browser.requests().iter().any(|address| address.ends_with("/style.css")));
}

#[test]
fn axe_finds_what_is_wrong_and_nothing_else() {
    let browser = Browser::open(pages::serve());
    browser.go("/good");
    browser.assert_accessible();
    assert_eq!(browser.evaluate("typeof axe"), "undefined", "the page cannot see it");
    browser.go("/faulty");
    let mut rules: Vec<_> = browser
        .axe()
        .into_iter()
        .filter(overlord_browser_tests::Fault::is_serious)
        .map(|it| it.rule)
        .collect();
    rules.sort();
    assert_eq!(rules, ["button-name", "color-contrast", "image-alt"]);
    let complaint = complaint(|| browser.assert_accessible());
    assert!(complaint.contains("image-alt (critical)"), "{complaint}");
}

#[test]
fn nothing_is_left_of_a_browser_even_where_a_test_fails() {
    let address = pages::serve();
    let (mut processes, mut folder) = (Vec::new(), None);
    let complaint = complaint(|| {
        let browser = Browser::open(address);
        browser.go("/good");
        processes = browser.processes();
        folder = Some(browser.downloads());
        browser.script("throw new Error('so that this fails')", &[]);
    });
    assert!(complaint.contains("so that this fails"), "{complaint}");
    assert!(processes.len() > 3, "chromedriver, Chromium and what it is made of: {processes:?}");
    let running = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("chrom")
    };
    wait_until("their end", || (!processes.iter().any(running)).then_some(()));
    let folder = folder.expect("it was open");
    wait_until("the end of the folder", || (!folder.exists()).then_some(()));
}
