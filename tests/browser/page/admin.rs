//! The page for administrators: who sees it, that every change is said before it is made, and that what
//! users, agents and components say there stays text.

use overlord_browser_tests::{Browser, Fault, Opening, Shape};
use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, built, wait_until};
use overlord_tests::shelf::remarked;
use serde_json::{Value, json};

/// What would run if it were not text.
const HOSTILE: &str = "<img src=x onerror=window.ran=1><script>window.ran=2</script>";

struct Office {
    // The browser is the first to go, or its page would complain that nobody answers any more.
    browser: Browser,
    admin: Caller,
    host: Host,
}

impl Office {
    #[track_caller]
    fn of(setup: Setup, window: impl FnOnce(Opening) -> Opening) -> Self {
        let host = setup.start();
        let admin = host.sign_in_as("ada", &["admin"]);
        let browser = window(Opening::at(host.address())).open();
        browser.sign_in(&admin);
        let office = Self { browser, admin, host };
        office.open();
        office
    }

    #[track_caller]
    fn open(&self) {
        self.browser.go("/admin");
        self.browser.find("html[data-view=inside]");
    }

    fn rules(&self) -> Value {
        self.admin.get("/admin/api/rules").json()
    }

    /// The candidate: the limiter that serves, with a remark in it.
    #[track_caller]
    fn propose(&self) {
        let component = remarked("limit-window", "another");
        let headers = [("content-type", "application/wasm")];
        let answer = self.admin.send("POST", "/admin/api/candidate?slot=limit", &headers, Some(&component));
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.open();
    }

    #[track_caller]
    fn said(&self, text: &str) {
        let state = || self.browser.find("#state").text_if_there().unwrap_or_default();
        wait_until(&format!("{text:?} in the status line"), || state().contains(text).then_some(()));
    }

    #[track_caller]
    fn closed(&self) {
        wait_until("the dialog to be closed", || self.browser.all("dialog[open]").is_empty().then_some(()));
    }
}

#[test]
fn slots_are_shown_with_their_digests_and_plots() {
    let office = Office::of(Setup::new(), |opening| opening);
    let rules = office.rules();
    for entry in rules["serving"]["entries"].as_array().expect("a list") {
        let (slot, name) = (entry["slot"].as_str().expect("text"), entry["entry"].as_str().expect("text"));
        let digest = entry["digest"].as_str().expect("text");
        let row = office.browser.find(&format!("li.slot[data-slot={slot}][data-entry={name}]"));
        assert!(row.text().contains(&digest[..12]), "{slot}: {}", row.text());
        assert_eq!(row.find(".digest").expect("a digest").attribute("title").as_deref(), Some(digest));
        for plot in ["Decisions", "Latency p99", "Refusals", "Faults", "Divergences"] {
            office.browser.role("image", &format!("{plot} of {slot}/{name}"));
        }
    }
    office.said("Generation 1 serves");
    office.browser.see("There is none. Load a component");
    office.browser.assert_accessible();
}

#[test]
fn only_administrators_see_more_than_a_sentence() {
    let host = Setup::new().start();
    let browser = Browser::open(host.address());
    browser.sign_in(&host.sign_in("bob"));
    browser.go("/admin");
    browser.see("it needs the role admin, which bob does not have");
    assert!(!browser.find("#inside").is_shown());
    browser.go("/");
    browser.find("html[data-view=app]");
    assert!(!browser.find("#admin-link").is_shown());
    browser.forget_cookies();
    browser.expect_error("status of 401");
    browser.go("/admin");
    browser.see("Not signed in");
    browser.sign_in(&host.sign_in_as("ada", &["admin"]));
    browser.go("/");
    browser.find("html[data-view=app]");
    browser.role("link", "Rules").click();
    browser.find("html[data-view=inside]");
}

#[test]
fn a_component_is_loaded_compared_promoted_and_taken_back() {
    let office = Office::of(Setup::new(), |opening| opening);
    let browser = &office.browser;
    let before = office.rules()["serving"].clone();
    let file = office.host.setup().folder().join("limit-window.wasm");
    let component = remarked("limit-window", "another");
    std::fs::write(&file, &component).expect("written");

    browser.role("button", "Load a component into limit/limit-window").click();
    browser.see("Nobody, until it is put into a canary or promoted.");
    browser.role("button", "Load as candidate").click();
    browser.see("Choose a file first.");
    browser.find("#load-file").type_text(file.to_str().expect("text"));
    browser.role("button", "Load as candidate").click();
    office.closed();
    office.said("loaded as the candidate");
    let digest = office.rules()["candidate"]["entries"][1]["digest"].as_str().expect("text").to_owned();

    // Nothing happens without a yes.
    browser.role("button", "Promote…").click();
    browser.see("Everybody, from their next request.");
    assert!(browser.find("#confirm").text().contains(&digest[..12]));
    browser.role("button", "Cancel").click();
    office.closed();
    assert_eq!(office.rules()["serving"], before);

    browser.role("button", "Shadow…").click();
    browser.role("button", "Compare").click();
    office.closed();
    browser.see("0 compared, 0 differ, 0 left out");
    let percent = browser.role("spinbutton", "Percent of the callers");
    percent.clear();
    percent.type_text("25");
    browser.role("button", "Canary…").click();
    browser.see("About 25 of 100 users");
    browser.role("button", "Serve 25 %").click();
    office.closed();
    browser.see("in a canary of 25 % of the callers");
    assert_eq!(office.rules()["candidate"]["percent"], 25.0);
    browser.role("button", "Promote…").click();
    browser.role("button", "Promote").click();
    office.closed();
    assert_eq!(office.rules()["serving"]["entries"][1]["digest"], digest.as_str());

    let number = &before["number"];
    browser.role("button", &format!("Roll back… to generation {number}")).click();
    browser.role("button", &format!("Roll back to {number}")).click();
    office.closed();
    assert_eq!(office.rules()["serving"]["entries"], before["entries"]);
    let names: Vec<_> =
        office.host.audit().iter().map(|line| (line["event"].clone(), line["user"].clone())).collect();
    for event in ["rules_proposed", "rules_shadowed", "rules_canaried", "rules_promoted", "rules_rolled_back"]
    {
        assert!(names.contains(&(json!(event), json!("ada"))), "{event}: {names:?}");
    }
}

#[test]
fn what_the_host_refuses_is_said_where_it_was_asked() {
    let office = Office::of(Setup::new(), |opening| opening);
    let browser = &office.browser;
    browser.expect_error("status of 422");
    browser.expect_error("status of 409");
    let file = built("target/components/audit-jsonl.wasm");
    browser.role("button", "Load a component into limit/limit-window").click();
    browser.find("#load-file").type_text(file.to_str().expect("text"));
    browser.role("button", "Load as candidate").click();
    wait_until("why not", || (!browser.find("#confirm-error").text().is_empty()).then_some(()));
    assert_eq!(office.rules()["candidate"], Value::Null);
    browser.press("Escape");
    office.closed();

    office.propose();
    assert_eq!(office.admin.send("DELETE", "/admin/api/candidate", &[], None).status, 200);
    browser.role("button", "Promote…").click();
    browser.role("button", "Promote").click();
    wait_until("why not", || browser.find("#confirm-error").text().contains("no candidate").then_some(()));
}

#[test]
fn what_others_say_stays_text() {
    let setup = Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", "1");
    let office = Office::of(setup, |opening| opening);
    let bob = office.host.sign_in(HOSTILE);
    let session = bob.new_session();
    assert_eq!(bob.ask(&session, &format!("{HOSTILE} demo:fast")).status, 200);
    assert_eq!(bob.ask(&session, HOSTILE).status, 429);
    let digest = "ab".repeat(32);
    let quarantined =
        office.admin.post("/admin/api/quarantine", &json!({"digest": digest, "reason": HOSTILE}));
    assert_eq!(quarantined.status, 200, "{}", quarantined.text());
    office.open();
    let browser = &office.browser;
    for list in ["#refusals", "#audit", "#quarantine"] {
        wait_until(&format!("what was said in {list}"), || {
            browser.find(list).text().contains("onerror=window.ran=1").then_some(())
        });
    }
    browser.evaluate(
        "fetch('/agent/health').then(it => it.text()).then(() => new Promise(requestAnimationFrame))",
    );
    assert_eq!(browser.script("return window.ran ?? null", &[]), Value::Null);
    let foreign = "return document.querySelectorAll('main script, main img, main iframe, main [style], main [onerror]').length";
    assert_eq!(browser.script(foreign, &[]), 0);
}

#[test]
fn everything_is_reached_and_left_by_keys() {
    let office = Office::of(Setup::new(), |opening| opening);
    office.propose();
    let browser = &office.browser;
    let here = || format!("{} {}", browser.focused().role(), browser.focused().name());
    let mut stops = Vec::new();
    browser.script("document.querySelector('.skip').focus()", &[]);
    for _ in 0..60 {
        stops.push(here());
        browser.press("Tab");
        if here() == stops[0] {
            break;
        }
    }
    let mut rest = stops.iter();
    for wanted in [
        "link Skip to the rules",
        "link Sessions",
        "button Load a component…",
        "button Load a component into auth/auth-cookie",
        "button Quarantine the component of limit/limit-window",
        "button Shadow…",
        "spinbutton Percent of the callers",
        "button Canary…",
        "button Promote…",
        "button Let go…",
        "group Recent refusals",
        "group Recent audit lines",
    ] {
        assert!(rest.any(|stop| stop.starts_with(wanted)), "{wanted} is not reached: {stops:#?}");
    }
    let promote = browser.role("button", "Promote…");
    browser.script("arguments[0].focus()", &[promote.reference()]);
    browser.press("Enter");
    browser.role("dialog", "Promote the candidate?");
    assert_eq!(here(), "button Cancel", "the first stop is the way out");
    browser.press("Escape");
    office.closed();
    assert_eq!(here(), "button Promote…", "one is where one was");
    // A look at the host takes nobody's place away.
    browser.script("document.dispatchEvent(new Event('visibilitychange'))", &[]);
    browser.evaluate(
        "fetch('/admin/api/rules').then(it => it.text()).then(() => new Promise(requestAnimationFrame))",
    );
    assert_eq!(here(), "button Promote…");
}

#[test]
fn it_is_good_on_a_phone_and_in_the_dark() {
    for shape in [Shape::WIDE, Shape::NARROW] {
        let mut office = Office::of(Setup::new(), |opening| opening.shape(shape).still());
        office.propose();
        for dark in [false, true] {
            office.browser.set_dark(dark);
            for open in [false, true] {
                if open {
                    office.browser.role("button", "Let go…").click();
                }
                let serious = office.browser.axe().into_iter().filter(Fault::is_serious);
                let serious: Vec<_> = serious.map(|fault| fault.to_string()).collect();
                assert!(serious.is_empty(), "dark {dark}, dialog {open}:\n{}", serious.join("\n"));
                let fits = "return document.documentElement.scrollWidth <= innerWidth";
                assert_eq!(office.browser.script(fits, &[]), true, "nothing is scrolled sideways");
                if open {
                    office.browser.press("Escape");
                    office.closed();
                }
            }
        }
    }
}
