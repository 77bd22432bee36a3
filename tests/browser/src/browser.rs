//! One Chromium with one profile that was never used, at one host's pages. It owns what a person does
//! with a browser, and the check at its end that nothing happened that must not. What the pages mean
//! is the test's own.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;

use overlord_tests::caller::Caller;
use overlord_tests::host::wait_until;
use serde_json::{Value, json};

use crate::axe::{self, Fault};
use crate::driver::Driver;
use crate::element::Element;
use crate::media::Shape;
use crate::opening::Opening;
use crate::turns::Turn;
use crate::watch::{Line, Watch};
use crate::webdriver::{Refusal, Session};
use crate::{find, keys, report};

/// A browser that is open.
#[derive(Debug)]
pub struct Browser {
    opening: Opening,
    session: Session,
    watch: RefCell<Watch>,
    driver: Driver,
    // The last to be dropped: the next browser starts when this one's processes are gone.
    _turn: Turn,
}

impl Browser {
    /// Of a session that has begun; it gets an empty page.
    #[track_caller]
    pub(crate) fn begin(opening: Opening, session: Session, driver: Driver, turn: Turn) -> Self {
        let watch = RefCell::new(Watch::over(opening.host));
        let browser = Self { opening, session, watch, driver, _turn: turn };
        browser.command("/url", &json!({"url": "about:blank"}));
        browser.arrange();
        browser.taken();
        browser.watch.borrow_mut().forget();
        browser
    }

    /// A wide, light window.
    #[track_caller]
    pub fn open(host: SocketAddr) -> Self {
        Opening::at(host).open()
    }

    /// Goes to a path of the host's and waits for the page to be loaded.
    #[track_caller]
    pub fn go(&self, path: &str) {
        self.command("/url", &json!({"url": format!("http://{}{path}", self.opening.host)}));
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) {
        self.command("/refresh", &json!({}));
    }

    /// Goes back.
    #[track_caller]
    pub fn back(&self) {
        self.command("/back", &json!({}));
    }

    /// The address of the page, whole.
    #[track_caller]
    pub fn address(&self) -> String {
        text(&self.done("/url", self.session.get("/url")))
    }

    /// The page's title.
    #[track_caller]
    pub fn title(&self) -> String {
        text(&self.done("/title", self.session.get("/title")))
    }

    /// Gives the browser the cookie of a caller.
    #[track_caller]
    pub fn sign_in(&self, caller: &Caller) {
        let cookie = caller.cookie().expect("a caller with a cookie");
        let (name, value) = cookie.split_once('=').expect("NAME=VALUE");
        self.cdp(
            "Network.setCookie",
            &json!({"name": name, "value": value, "url": format!("http://{}/", self.opening.host),
                "httpOnly": true, "sameSite": "Lax"}),
        );
    }

    /// All cookies, as `WebDriver` has them.
    #[track_caller]
    pub fn cookies(&self) -> Vec<Value> {
        self.done("/cookie", self.session.get("/cookie")).as_array().cloned().unwrap_or_default()
    }

    /// Takes all cookies away.
    #[track_caller]
    pub fn forget_cookies(&self) {
        self.done("/cookie", self.session.delete("/cookie"));
    }

    /// The one element of this role and name, as soon as there is just one. See [`Browser::roles`].
    #[track_caller]
    pub fn role(&self, role: &str, name: &str) -> Element {
        let mut last = 0;
        let mut look = || {
            let mut found = self.roles(role, name);
            last = found.len();
            (found.len() == 1).then(|| found.remove(0))
        };
        if let Some(found) = look() {
            return found;
        }
        // In vain is seldom: then what there was instead says more than the time that it took.
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(&format!("the {role} {name:?}"), look)
        }));
        found.unwrap_or_else(|_| {
            let names = find::names(&self.session, role);
            panic!("{last} of the role {role} are named {name:?}; there are {names:?}")
        })
    }

    /// All elements of this accessible role and name that a screen reader finds now. With `*` at its
    /// end, `name` is how theirs begins.
    pub fn roles(&self, role: &str, name: &str) -> Vec<Element> {
        // A page that is just being left has nothing.
        find::by_role(&self.session, role, name).unwrap_or_default()
    }

    /// Waits until there is no such element.
    #[track_caller]
    pub fn no_role(&self, role: &str, name: &str) {
        wait_until(&format!("the end of the {role} {name:?}"), || {
            let found = find::by_role(&self.session, role, name);
            found.is_ok_and(|found| found.is_empty()).then_some(())
        });
    }

    /// All elements that the selector names now.
    pub fn all(&self, css: &str) -> Vec<Element> {
        let asked = json!({"using": "css selector", "value": css});
        match self.session.post("/elements", &asked) {
            Ok(Value::Array(found)) => {
                found.iter().map(|found| Element::read(&self.session, found)).collect()
            }
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// The first element that the selector names, as soon as there is one.
    #[track_caller]
    pub fn find(&self, css: &str) -> Element {
        wait_until(&format!("an element {css}"), || self.all(css).into_iter().next())
    }

    /// What the next key goes to.
    #[track_caller]
    pub fn focused(&self) -> Element {
        let focused = self.done("/element/active", self.session.get("/element/active"));
        Element::read(&self.session, &focused)
    }

    /// All text that can be seen now.
    pub fn text(&self) -> String {
        let script = json!({"script": "return document.body.innerText", "args": []});
        self.session.post("/execute/sync", &script).map(|seen| text(&seen)).unwrap_or_default()
    }

    /// Waits until the text can be seen.
    #[track_caller]
    pub fn see(&self, text: &str) {
        wait_until(&format!("{text:?} on the page"), || self.text().contains(text).then_some(()));
    }

    /// Waits until the text can no longer be seen.
    #[track_caller]
    pub fn see_no_more(&self, text: &str) {
        wait_until(&format!("{text:?} to leave the page"), || (!self.text().contains(text)).then_some(()));
    }

    /// Runs the body of a function in the page; `return` gives its value back, `arguments` are its
    /// arguments. The page's policy does not apply to it.
    #[track_caller]
    pub fn script(&self, body: &str, arguments: &[Value]) -> Value {
        self.command("/execute/sync", &json!({"script": body, "args": arguments}))
    }

    /// The value of an expression, once its promise is kept, as if a person had just clicked.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true,
            "userGesture": true});
        let mut answer = self.cdp("Runtime.evaluate", &asked);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    /// A command of the Chrome `DevTools` Protocol.
    #[track_caller]
    pub fn cdp(&self, command: &str, parameters: &Value) -> Value {
        self.done(command, self.session.cdp(command, parameters))
    }

    /// Presses a key or several together, such as `Enter`, `/` or `Control+Shift+K`.
    #[track_caller]
    pub fn press(&self, chord: &str) {
        self.command("/actions", &keys::chord(chord));
    }

    /// Puts text in where the focus is, at once, as an input method or the clipboard does.
    #[track_caller]
    pub fn insert(&self, text: &str) {
        self.cdp("Input.insertText", &json!({"text": text}));
    }

    /// Turns the wheel over the middle of an element; down is above 0. In CSS pixels.
    #[track_caller]
    pub fn wheel(&self, over: &Element, down: i32) {
        let scroll = json!({"type": "scroll", "x": 0, "y": 0, "deltaX": 0, "deltaY": down,
            "duration": 0, "origin": over.reference()});
        self.command(
            "/actions",
            &json!({"actions": [{"type": "wheel", "id": "wheel", "actions": [scroll]}]}),
        );
    }

    /// Moves the mouse over the middle of an element.
    #[track_caller]
    pub fn hover(&self, over: &Element) {
        let to = json!({"type": "pointerMove", "x": 0, "y": 0, "duration": 0, "origin": over.reference()});
        self.command("/actions", &json!({"actions": [{"type": "pointer", "id": "mouse", "actions": [to]}]}));
    }

    /// What lies in the clipboard.
    #[track_caller]
    pub fn clipboard(&self) -> String {
        let origin = format!("http://{}", self.opening.host);
        let allowed = json!({"origin": origin, "permissions": ["clipboardReadWrite"]});
        self.cdp("Browser.grantPermissions", &allowed);
        text(&self.evaluate("navigator.clipboard.readText()"))
    }

    /// Makes the window another one.
    #[track_caller]
    pub fn reshape(&mut self, shape: Shape) {
        self.opening.shape = shape;
        self.arrange();
    }

    /// Light or dark from now on.
    #[track_caller]
    pub fn set_dark(&mut self, dark: bool) {
        self.opening.dark = dark;
        self.arrange();
    }

    /// Takes the network away, or gives it back.
    #[track_caller]
    pub fn set_offline(&self, offline: bool) {
        self.cdp(
            "Network.emulateNetworkConditions",
            &json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}),
        );
    }

    /// Opens another tab and goes there; which tab it was is given back, for [`Browser::turn_to`].
    #[track_caller]
    pub fn open_tab(&self) -> String {
        let before = text(&self.done("/window", self.session.get("/window")));
        let tab = self.command("/window/new", &json!({"type": "tab"}));
        self.turn_to(tab["handle"].as_str().expect("a tab has a handle"));
        before
    }

    /// All tabs.
    #[track_caller]
    pub fn tabs(&self) -> Vec<String> {
        let tabs = self.done("/window/handles", self.session.get("/window/handles"));
        tabs.as_array().map(|tabs| tabs.iter().map(text).collect()).unwrap_or_default()
    }

    /// Goes to another tab.
    #[track_caller]
    pub fn turn_to(&self, tab: &str) {
        // What a tab has said is read as long as it is the one that is looked at.
        self.taken();
        self.command("/window", &json!({"handle": tab}));
        self.arrange();
    }

    /// A picture of the page into `path`, as PNG, as large as the window.
    #[track_caller]
    pub fn screenshot(&self, path: &Path) {
        report::screenshot(&self.session, path).unwrap_or_else(|e| panic!("a picture of the page: {e}"));
    }

    /// What axe-core holds against the page as it is now.
    #[track_caller]
    pub fn axe(&self) -> Vec<Fault> {
        axe::run(&self.session)
    }

    /// Fails where axe-core holds anything serious against the page.
    #[track_caller]
    pub fn assert_accessible(&self) {
        let serious: Vec<_> = self.axe().into_iter().filter(Fault::is_serious).collect();
        let lines: Vec<_> = serious.iter().map(Fault::to_string).collect();
        assert!(serious.is_empty(), "not for everybody:\n{}", lines.join("\n"));
    }

    /// From now on errors on the console with this text in them are right.
    pub fn expect_error(&self, text: &str) {
        self.watch.borrow_mut().expect(text);
    }

    /// All that was said on the console so far.
    pub fn console(&self) -> Vec<Line> {
        self.taken();
        self.watch.borrow().console().to_vec()
    }

    /// The addresses that pages asked for so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.taken();
        self.watch.borrow().requests().to_vec()
    }

    /// What must not have been, so far. At the end this has to be empty, so a test that means it takes
    /// it with [`Browser::expect_error`].
    pub fn faults(&self) -> Vec<String> {
        self.taken();
        self.watch.borrow().faults()
    }

    /// Where downloads arrive.
    pub fn downloads(&self) -> PathBuf {
        self.driver.downloads()
    }

    /// The processes that it consists of.
    pub fn processes(&self) -> Vec<u32> {
        self.driver.processes()
    }

    /// What the tab is to be like; a new one knows nothing of it.
    #[track_caller]
    fn arrange(&self) {
        self.cdp("Emulation.setDeviceMetricsOverride", &self.opening.shape.metrics());
        self.cdp("Emulation.setTouchEmulationEnabled", &json!({"enabled": self.opening.shape.phone}));
        self.cdp("Emulation.setEmulatedMedia", &self.opening.media());
    }

    fn taken(&self) {
        self.watch.borrow_mut().take(&self.session);
    }

    #[track_caller]
    fn command(&self, command: &str, body: &Value) -> Value {
        self.done(command, self.session.post(command, body))
    }

    #[track_caller]
    fn done(&self, command: &str, result: Result<Value, Refusal>) -> Value {
        result.unwrap_or_else(|refusal| panic!("{command}: {refusal}\n{}", self.driver.said()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.taken();
        let faults = self.watch.borrow().faults();
        if thread::panicking() {
            report::write(&self.session, &self.watch.borrow());
        } else if !faults.is_empty() {
            report::write(&self.session, &self.watch.borrow());
            panic!("the page did what it must not:\n{}", faults.join("\n"));
        }
        // An orderly end writes the profile out, which nobody needs; the processes are the driver's.
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
