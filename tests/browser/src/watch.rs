//! What a page must not do, collected while it is used: errors on the console, breaches of its
//! Content-Security-Policy, requests to anyone but its host. It knows nothing of what a page is for.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::webdriver::Session;

/// What asks nobody: these are the page's own bytes.
const WITHIN: [&str; 3] = ["data:", "blob:", "about:"];

/// The log of one browser.
#[derive(Debug)]
pub struct Watch {
    /// `http://127.0.0.1:PORT/`
    home: String,
    console: Vec<Line>,
    requests: Vec<String>,
    expected: Vec<String>,
}

/// A line of the console.
#[derive(Debug, Clone)]
pub struct Line {
    /// `ChromeDriver`'s: `SEVERE` is an error.
    pub level: String,
    /// Where it is from: `console-api`, `javascript` (what nobody caught), `network`, `security`.
    pub source: String,
    /// Address, position and text.
    pub message: String,
}

impl Watch {
    /// For a page that only `host` may be asked for.
    pub fn over(host: SocketAddr) -> Self {
        Self {
            home: format!("http://{host}/"),
            console: Vec::new(),
            requests: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// What `ChromeDriver`'s capabilities need for it.
    pub fn logs() -> Value {
        json!({"browser": "ALL", "performance": "ALL"})
    }

    /// From now on errors whose line has this text in it are right.
    pub fn expect(&mut self, text: &str) {
        self.expected.push(text.to_owned());
    }

    /// Takes what has come since the last time.
    pub fn take(&mut self, session: &Session) {
        for entry in entries(session, "browser") {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            self.console.push(Line {
                level: text("level"),
                source: text("source"),
                message: text("message"),
            });
        }
        for entry in entries(session, "performance") {
            let event: Value =
                serde_json::from_str(entry["message"].as_str().unwrap_or_default()).unwrap_or_default();
            self.requests.extend(asked_for(&event["message"]));
        }
    }

    /// Forgets all of it: what Chromium does for itself before there is a page.
    pub fn forget(&mut self) {
        self.console.clear();
        self.requests.clear();
    }

    /// All that was said on the console.
    pub fn console(&self) -> &[Line] {
        &self.console
    }

    /// The addresses that were asked for, in order.
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    /// What must not have been, a line each.
    pub fn faults(&self) -> Vec<String> {
        let said = self.console.iter().filter(|line| line.is_fault()).map(Line::to_string);
        let said = said.filter(|line| !self.expected.iter().any(|text| line.contains(text)));
        let foreign = self.requests.iter().filter(|address| !self.is_home(address));
        said.chain(foreign.map(|address| format!("a request to another host: {address}"))).collect()
    }

    fn is_home(&self, address: &str) -> bool {
        address.starts_with(&self.home) || WITHIN.iter().any(|scheme| address.starts_with(scheme))
    }
}

impl Line {
    /// A breach of the policy is one whatever its level, for instance where it is only reported.
    fn is_fault(&self) -> bool {
        self.level == "SEVERE" || self.message.contains("Content Security Policy")
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.level, self.source, self.message)
    }
}

fn entries(session: &Session, kind: &str) -> Vec<Value> {
    match session.post("/se/log", &json!({"type": kind})) {
        Ok(Value::Array(entries)) => entries,
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// The address in an event of `DevTools`' that is a request.
fn asked_for(event: &Value) -> Option<String> {
    let parameters = &event["params"];
    let address = match event["method"].as_str()? {
        "Network.requestWillBeSent" => &parameters["request"]["url"],
        "Network.webSocketCreated" | "Network.webTransportCreated" => &parameters["url"],
        _ => return None,
    };
    address.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::over("127.0.0.1:4711".parse().expect("an address"))
    }

    #[test]
    fn only_the_host_itself_is_home() {
        let cases = [
            ("http://127.0.0.1:4711/", true),
            ("http://127.0.0.1:4711/agent/me", true),
            ("data:image/png;base64,AA==", true),
            ("http://127.0.0.1:47110/", false),
            ("http://127.0.0.1:80/", false),
            ("https://127.0.0.1:4711/", false),
            ("http://localhost:4711/", false),
            ("https://example.org/?http://127.0.0.1:4711/", false),
        ];
        for (address, home) in cases {
            let mut watch = watch();
            watch.requests.push(address.to_owned());
            assert_eq!(watch.faults().is_empty(), home, "{address}");
        }
    }

    #[test]
    fn errors_are_faults_until_they_are_expected() {
        let mut watch = watch();
        let line = |level: &str, message: &str| Line {
            level: level.to_owned(),
            source: "network".to_owned(),
            message: message.to_owned(),
        };
        watch.console.push(line("INFO", "hello"));
        assert!(watch.faults().is_empty());
        watch.console.push(line("INFO", "would violate the following Content Security Policy directive"));
        watch.console.push(line("SEVERE", "the server responded with a status of 401"));
        assert_eq!(watch.faults().len(), 2);
        watch.expect("status of 401");
        assert_eq!(watch.faults().len(), 1);
    }

    #[test]
    fn a_socket_is_a_request_too() {
        let sent =
            json!({"method": "Network.requestWillBeSent", "params": {"request": {"url": "http://a/"}}});
        let socket = json!({"method": "Network.webSocketCreated", "params": {"url": "ws://a/"}});
        let other = json!({"method": "Network.dataReceived", "params": {"url": "http://b/"}});
        assert_eq!(asked_for(&sent).as_deref(), Some("http://a/"));
        assert_eq!(asked_for(&socket).as_deref(), Some("ws://a/"));
        assert_eq!(asked_for(&other), None);
    }
}
