//! A host with somebody at its page, and the few things that nearly every test does there. What is
//! right is the tests' matter.

use overlord_browser_tests::{Browser, Element, Opening};
use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, wait_until};

/// Somebody at the page.
pub struct House {
    // The browser is the first to go, or its page would complain that nobody answers any more.
    pub browser: Browser,
    pub alice: Caller,
    pub host: Host,
}

impl House {
    /// Alice at the page of a host with the demo agent.
    #[track_caller]
    pub fn new() -> Self {
        Self::of(Setup::new())
    }

    /// The same of another host.
    #[track_caller]
    pub fn of(setup: Setup) -> Self {
        Self::with(setup, |opening| opening)
    }

    /// The same in another window.
    #[track_caller]
    pub fn with(setup: Setup, window: impl FnOnce(Opening) -> Opening) -> Self {
        let host = setup.start();
        let alice = host.sign_in("alice");
        let browser = window(Opening::at(host.address())).open();
        browser.sign_in(&alice);
        let house = Self { browser, alice, host };
        house.go("/");
        house
    }

    /// Goes to a path of the page and waits until it is there.
    #[track_caller]
    pub fn go(&self, path: &str) {
        self.browser.go(path);
        self.browser.find("html[data-view=app]");
        self.browser.role("textbox", "Your question");
    }

    /// Opens a session.
    #[track_caller]
    pub fn open(&self, session: &str) {
        self.go(&format!("/#/s/{session}"));
        wait_until("the session to be the open one", || (self.session() == session).then_some(()));
        self.browser.find("#messages:not([aria-busy])");
    }

    /// The open session, as the address has it; empty for a new one.
    #[track_caller]
    pub fn session(&self) -> String {
        let address = self.browser.address();
        address.split_once("#/s/").map(|(_, session)| session.to_owned()).unwrap_or_default()
    }

    /// Writes a question and sends it.
    #[track_caller]
    pub fn ask(&self, question: &str) {
        self.write(question);
        self.browser.role("button", "Send").click();
    }

    /// Writes a question into the box, at once.
    #[track_caller]
    pub fn write(&self, question: &str) {
        self.question().click();
        self.browser.insert(question);
    }

    /// The box.
    #[track_caller]
    pub fn question(&self) -> Element {
        self.browser.role("textbox", "Your question")
    }

    /// Waits until the box holds this.
    #[track_caller]
    pub fn box_holds(&self, text: &str) {
        wait_until(&format!("{text:?} in the box"), || {
            (self.browser.script("return document.getElementById('question').value", &[]) == text)
                .then_some(())
        });
    }

    /// The last run, as soon as its state is this.
    #[track_caller]
    pub fn run(&self, state: &str) -> Element {
        self.browser.find(&format!(".run[data-state={state}]:last-child"))
    }

    /// Asks and waits for the whole answer.
    #[track_caller]
    pub fn answered(&self, question: &str) -> Element {
        self.ask(question);
        self.run("done")
    }

    /// How many elements the selector names.
    pub fn count(&self, css: &str) -> usize {
        self.browser.all(css).len()
    }

    /// Waits until just so many are there.
    #[track_caller]
    pub fn counts(&self, css: &str, number: usize) {
        wait_until(&format!("{number} of {css}"), || (self.count(css) == number).then_some(()));
    }

    /// A number that a script returns.
    #[track_caller]
    pub fn measure(&self, script: &str) -> f64 {
        self.browser.script(script, &[]).as_f64().unwrap_or_else(|| panic!("{script} gives no number"))
    }
}
