//! `WebDriver` on the wire (W3C, <https://www.w3.org/TR/webdriver2/>): JSON over HTTP, a command a
//! request. It owns requests and their errors, and knows no command's meaning.

use std::fmt;
use std::net::SocketAddr;

use overlord_tests::host::PATIENCE;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

/// Under which name an element's reference stands in JSON: the standard's own constant.
pub const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session: one browser.
#[derive(Debug, Clone)]
pub struct Session {
    agent: Agent,
    /// `http://127.0.0.1:PORT/session/ID`
    address: String,
}

/// A command that failed, in `ChromeDriver`'s words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The standard's name for it, such as `stale element reference`.
    pub error: String,
    /// For people. Its first line; a stack of addresses follows that tells nobody anything.
    pub message: String,
}

impl Session {
    /// Asks the `ChromeDriver` at `driver` for a browser with these capabilities.
    #[track_caller]
    pub fn begin(driver: SocketAddr, capabilities: &Value) -> Self {
        // A page that takes long is waited for, and then it was ChromeDriver that gave up.
        let agent = Agent::config_builder()
            .timeout_global(Some(2 * PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build()
            .new_agent();
        let sessions = Self { agent, address: format!("http://{driver}/session") };
        let asked = json!({"capabilities": {"alwaysMatch": capabilities}});
        let begun = sessions.post("", &asked).unwrap_or_else(|e| panic!("starting Chromium: {e}"));
        let id = begun["sessionId"].as_str().unwrap_or_else(|| panic!("a session without an id: {begun}"));
        Self { address: format!("{}/{id}", sessions.address), agent: sessions.agent }
    }

    /// `GET /session/ID{command}`.
    pub fn get(&self, command: &str) -> Result<Value, Refusal> {
        self.send("GET", command, None)
    }

    /// `POST /session/ID{command}`.
    pub fn post(&self, command: &str, body: &Value) -> Result<Value, Refusal> {
        self.send("POST", command, Some(body))
    }

    /// `DELETE /session/ID{command}`.
    pub fn delete(&self, command: &str) -> Result<Value, Refusal> {
        self.send("DELETE", command, None)
    }

    /// A command of the Chrome `DevTools` Protocol, and its result.
    pub fn cdp(&self, command: &str, parameters: &Value) -> Result<Value, Refusal> {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn send(&self, method: &str, command: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let request = Request::builder().method(method).uri(format!("{}{command}", self.address));
        let sent = match body {
            None => self.agent.run(request.body(()).expect("it is a request")),
            Some(body) => {
                let request = request.header("content-type", "application/json; charset=utf-8");
                self.agent.run(request.body(body.to_string()).expect("it is a request"))
            }
        };
        let lost = |error: ureq::Error| Refusal { error: "no answer".to_owned(), message: error.to_string() };
        let mut answer = sent.map_err(lost)?;
        let text = answer.body_mut().with_config().limit(u64::MAX).read_to_string().map_err(lost)?;
        let mut answer: Value = serde_json::from_str(&text)
            .map_err(|e| Refusal { error: "no JSON".to_owned(), message: format!("{e}: {text}") })?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            None => Ok(value),
            Some(error) => {
                let message = value["message"].as_str().unwrap_or_default();
                let message = message.lines().next().unwrap_or_default().to_owned();
                Err(Refusal { error: error.to_owned(), message })
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.message)
    }
}
