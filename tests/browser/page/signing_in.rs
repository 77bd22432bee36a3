//! Signing in and out: the address that works once, another application's cookie, and that nothing of
//! one person is left for the next.

use overlord_browser_tests::Browser;
use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};

use crate::house::House;

/// What is logged where somebody is not signed in: the page asks who it is.
const NOT_SIGNED_IN: &str = "status of 401";

/// What `overlord sign-in` prints for this host.
#[track_caller]
fn address(host: &Host, user: &str) -> String {
    let mut command = host.setup().command(["sign-in", user]);
    let ended = command.env("OVERLORD_LISTEN", host.address().to_string()).output().expect("it runs");
    let said = String::from_utf8(ended.stdout).expect("an address is text");
    let said = said.trim();
    assert!(said.contains("/#token="), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    said.to_owned()
}

fn path_of(address: &str) -> String {
    format!("/{}", &address[address.find("#token=").expect("a token")..])
}

fn signed_out(browser: &Browser) {
    browser.find("html[data-view=signed-out]");
    browser.role("textbox", "Sign-in address");
}

#[track_caller]
fn signed_in(browser: &Browser, user: &str) {
    browser.find("html[data-view=app]");
    wait_until(&format!("{user} to be signed in"), || {
        (browser.all("#account-user").first()?.text() == user).then_some(())
    });
}

#[test]
fn an_address_signs_in_once_and_its_token_is_left_nowhere() {
    let host = Setup::new().start();
    let browser = Browser::open(host.address());
    browser.expect_error(NOT_SIGNED_IN);
    let address = address(&host, "alice");
    let token = address.split_once('=').expect("a token").1;
    browser.go(&path_of(&address));
    signed_in(&browser, "alice");
    assert_eq!(browser.address(), format!("http://{}/", host.address()));
    let kept = browser.script(
        "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])
            + document.documentElement.outerHTML",
        &[],
    );
    assert!(!kept.to_string().contains(token), "the token is still to be found");
    let cookies = browser.cookies();
    assert_eq!((cookies.len(), &cookies[0]["httpOnly"]), (1, &true.into()), "{cookies:?}");

    browser.role("button", "Sign out").click();
    signed_out(&browser);
    assert!(browser.cookies().is_empty());
    browser.go(&path_of(&address));
    browser.see("has been used or has expired");
    browser.open_tab();
    browser.go(&path_of(&address));
    browser.see("has been used or has expired");
    signed_out(&browser);
    assert_eq!(browser.address(), format!("http://{}/", host.address()));
}

#[test]
fn an_address_can_be_put_into_the_field() {
    let host = Setup::new().start();
    let browser = Browser::open(host.address());
    browser.expect_error(NOT_SIGNED_IN);
    browser.go("/");
    signed_out(&browser);
    let field = browser.role("textbox", "Sign-in address");
    for (wrong, words) in
        [("http://example.org/#x", "no sign-in address"), ("no-token", "has been used or has expired")]
    {
        field.clear();
        field.click();
        browser.insert(wrong);
        browser.role("button", "Sign in").click();
        browser.see(words);
        assert_eq!(field.attribute("aria-invalid").as_deref(), Some("true"), "{wrong}");
    }
    field.clear();
    field.click();
    browser.insert(&address(&host, "bob"));
    browser.press("Enter");
    signed_in(&browser, "bob");
}

#[test]
fn a_used_address_does_not_sign_out_whoever_is_signed_in() {
    let house = House::new();
    house.browser.expect_error(NOT_SIGNED_IN);
    let address = address(&house.host, "bob");
    let token = address.split_once('=').expect("a token").1.to_owned();
    house.host.anyone().post("/login", &serde_json::json!({ "token": token }));
    house.browser.open_tab();
    house.browser.go(&path_of(&address));
    signed_in(&house.browser, "alice");
    house.browser.see("has been used or has expired");
}

#[test]
fn with_another_applications_cookie_no_sign_in_is_seen() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let value = alice.cookie().and_then(|cookie| cookie.split_once('=')).expect("NAME=VALUE").1;
    let browser = Browser::open(host.address());
    browser.sign_in(&Caller::new(host.address(), Some(format!("session={value}"))));
    browser.go("/");
    signed_in(&browser, "alice");
    assert!(browser.roles("button", "Sign out").is_empty(), "it is not Overlord's to take away");
    assert!(browser.roles("textbox", "Sign-in address").is_empty());
    assert_eq!(browser.faults(), Vec::<String>::new(), "not even an answer that says 401");
}

#[test]
fn nothing_of_one_is_left_for_the_next() {
    let house = House::new();
    let browser = &house.browser;
    browser.expect_error(NOT_SIGNED_IN);
    house.answered("a secret of alice's demo:fast");
    house.write("a draft of alice's");
    browser.role("button", "Sign out").click();
    signed_out(browser);
    assert!(!browser.text().contains("alice"), "{}", browser.text());
    assert_eq!(browser.title(), "Overlord");
    let html = browser.script("return document.documentElement.outerHTML", &[]).to_string();
    assert!(!html.contains("secret"), "what was said is still in the page: {html}");
    browser.sign_in(&house.host.sign_in("bob"));
    browser.role("button", "look again").click();
    signed_in(browser, "bob");
    browser.see("No sessions yet");
    assert_eq!(house.question().property("value"), "");
    let text = browser.text();
    assert!(!text.contains("alice") && !text.contains("secret"), "{text}");
    let kept = browser.script("return JSON.stringify([{...localStorage}, {...sessionStorage}])", &[]);
    assert_eq!(kept, "[{},{}]");
}
