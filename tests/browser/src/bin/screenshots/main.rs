//! `make screenshots`: the pictures of the README, taken of a real host's page in a real browser. Owns
//! what is done for each picture; what is said in them is `said`'s. Nothing of this machine is to be
//! seen: the host works in a folder of its own with a name of its own, and a made-up person asks.

mod agent;
mod said;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use overlord_browser_tests::{Browser, Opening, Shape};
use overlord_tests::caller::Caller;
use overlord_tests::host::{PATH, Setup, checkout, wait_until};
use serde_json::json;

use agent::Agent;
use said::Said;

/// Who asks.
const USER: &str = "alice";

/// Where the agent works: what the page shows of it is the same on every machine.
const WORKSPACE: &str = "/tmp/webshop";

/// Pixels of the wide picture for one of the page: a README is some 900 wide, and screens have two for
/// one; more would be stored and not seen.
const WIDE_SCALE: f64 = 1.5;

/// The same of the narrow one, which is shown in about its own size.
const NARROW_SCALE: f64 = 2.0;

/// What a picture may take in the repository, in bytes.
const PICTURE_MAX: u64 = 300 << 10;

/// A folder that goes when this does.
struct Workspace(PathBuf);

impl Workspace {
    fn make() -> Self {
        let folder = PathBuf::from(WORKSPACE);
        // One that a run before left behind, when it was interrupted, is empty; any other stays.
        fs::remove_dir(&folder).ok();
        fs::create_dir(&folder).unwrap_or_else(|e| panic!("{WORKSPACE}: {e}: the pictures need that name"));
        Self(folder)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn main() {
    let workspace = Workspace::make();
    let setup = Setup::new();
    let bin = setup.folder().join("bin");
    let agent = Agent::write(&bin, setup.home());
    let sessions = setup.home().join(".claude/projects").join(WORKSPACE.replace('/', "-"));
    let host = setup
        .with("OVERLORD_WORKSPACE", &workspace.0)
        .with("OVERLORD_AGENT_COMMAND", agent::NAME)
        .with("PATH", format!("{}:{PATH}", bin.display()))
        .start();
    let caller = host.sign_in(USER);

    agent.hurries(true);
    for said in said::earlier() {
        let session = ask(&agent, &caller, &said);
        age(&sessions.join(format!("{session}.jsonl")), said.hours_ago);
    }

    let images = checkout().join("docs/images");
    fs::create_dir_all(&images).expect("making a folder for the pictures");

    let browser = Opening::at(host.address()).mouse().still().open();
    sharpen(&browser, Shape::WIDE, WIDE_SCALE);
    browser.sign_in(&caller);
    browser.go("/");
    agent.hurries(false);
    agent.is_to_say(&said::discount());
    put(&browser, said::discount().question);
    browser.find(".run[data-state=done]");
    browser.all("details.tool")[1].find("summary").expect("a tool has a heading").click();
    browser.see(said::discount().title);
    // From the question on: only the space at the end is out of sight then.
    let scroll =
        "document.querySelector('#question').blur(); document.querySelector('#scroller').scrollTop = 0";
    browser.script(scroll, &[]);
    take(&browser, &images.join("page-wide-light.png"));
    drop(browser);

    let browser = Opening::at(host.address()).shape(Shape::NARROW).dark().still().open();
    sharpen(&browser, Shape::NARROW, NARROW_SCALE);
    browser.sign_in(&caller);
    browser.go("/");
    agent.holds(true);
    agent.is_to_say(&said::retries());
    put(&browser, said::retries().question);
    browser.see("The pauses come to about");
    browser.see(said::retries().title);
    take(&browser, &images.join("page-narrow-dark.png"));
    agent.lets_go();
    browser.find(".run[data-state=done]");
}

/// Asks in a new session and waits for the answer; the session's id.
fn ask(agent: &Agent, caller: &Caller, said: &Said) -> String {
    agent.is_to_say(said);
    let session = caller.new_session();
    let answer = caller.ask(&session, said.question);
    assert_eq!(answer.status, 200, "asking {:?}: {}", said.question, answer.text());
    session
}

/// Asks on the page.
fn put(browser: &Browser, question: &str) {
    browser.find("#question").click();
    browser.insert(question);
    // On a phone Enter begins a new line.
    browser.find("#send").click();
}

/// Lets a session's file be so many hours old.
fn age(file: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_hours(hours);
    let file = File::options().write(true).open(file).expect("the agent has kept the session");
    file.set_modified(then).expect("the file is ours");
}

/// More pixels than the harness has, where tests look at sizes.
fn sharpen(browser: &Browser, shape: Shape, scale: f64) {
    browser.cdp(
        "Emulation.setDeviceMetricsOverride",
        &json!({"width": shape.width, "height": shape.height, "deviceScaleFactor": scale, "mobile": shape.phone}),
    );
}

/// A picture, once the page stands still.
fn take(browser: &Browser, path: &Path) {
    let mut before = String::new();
    wait_until("the page to stand still", || {
        let now = browser.text();
        let still = now == before;
        before = now;
        still.then_some(())
    });
    browser.screenshot(path);
    let size = fs::metadata(path).expect("it was just written").len();
    println!("{}: {} KiB", path.display(), size.div_ceil(1024));
    assert!(size <= PICTURE_MAX, "{} is larger than {PICTURE_MAX} bytes", path.display());
}
