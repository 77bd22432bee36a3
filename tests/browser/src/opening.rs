//! How a browser is started, and what for: whose pages, in which window, for whom. What is done with
//! it then is `browser`'s.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::driver::Driver;
use crate::media::Shape;
use crate::turns::Turn;
use crate::watch::Watch;
use crate::webdriver::Session;

/// How Chromium is started, beside its profile. Headless, silent, and deaf to every name but the
/// host's address: what a page asks of another host cannot arrive, whatever the test's machine can
/// reach. Its own sandbox wants rights that root and containers do not have; all it is shown here are
/// the project's own pages.
const ARGUMENTS: [&str; 16] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-crash-restore-bubble",
    "--lang=en-US",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// With a mouse at hand, which a headless browser says that it does not have: it can hover, and points
/// finely.
const MOUSE: &str = "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,\
                     availablePointerTypes=4";

/// How a browser is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    pub(crate) host: SocketAddr,
    pub(crate) shape: Shape,
    pub(crate) dark: bool,
    still: bool,
    mouse: bool,
}

impl Opening {
    /// A wide, light window at a host's pages.
    pub fn at(host: SocketAddr) -> Self {
        Self { host, shape: Shape::WIDE, dark: false, still: false, mouse: false }
    }

    /// Of this size.
    #[must_use]
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// For somebody who prefers it dark.
    #[must_use]
    pub fn dark(mut self) -> Self {
        self.dark = true;
        self
    }

    /// For somebody who prefers that nothing moves.
    #[must_use]
    pub fn still(mut self) -> Self {
        self.still = true;
        self
    }

    /// For somebody with a mouse.
    #[must_use]
    pub fn mouse(mut self) -> Self {
        self.mouse = true;
        self
    }

    /// Waits for its turn and starts it, with an empty page.
    #[track_caller]
    pub fn open(self) -> Browser {
        let turn = Turn::take();
        let driver = Driver::start();
        let profile = format!("--user-data-dir={}", driver.profile().display());
        let arguments: Vec<_> =
            ARGUMENTS.into_iter().chain([profile.as_str()]).chain(self.mouse.then_some(MOUSE)).collect();
        let session = Session::begin(
            driver.address(),
            &json!({
                "browserName": "chrome",
                "unhandledPromptBehavior": "ignore",
                "goog:loggingPrefs": Watch::logs(),
                "goog:chromeOptions": {
                    "binary": Driver::chromium(),
                    "args": arguments,
                    "prefs": {
                        "download.default_directory": driver.downloads(),
                        "download.prompt_for_download": false,
                    },
                },
            }),
        );
        Browser::begin(self, session, driver, turn)
    }

    /// For `Emulation.setEmulatedMedia`.
    pub(crate) fn media(&self) -> Value {
        let colours = if self.dark { "dark" } else { "light" };
        let motion = if self.still { "reduce" } else { "no-preference" };
        json!({"features": [
            {"name": "prefers-color-scheme", "value": colours},
            {"name": "prefers-reduced-motion", "value": motion},
        ]})
    }
}
