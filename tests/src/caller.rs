//! Someone who talks to a host over HTTP: requests and answers as they are on the wire, and the few
//! calls that most tests make. It owns a cookie and an address, and refuses to know how the host
//! came to be or what a test expects.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

use crate::host::PATIENCE;

/// One person's side of the conversation. Cheap to clone, so that one person can ask from several
/// threads.
#[derive(Clone)]
pub struct Caller {
    agent: Agent,
    address: SocketAddr,
    cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Caller {
    /// `cookie` is `NAME=VALUE`, as it stands in the header.
    pub fn new(address: SocketAddr, cookie: Option<String>) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        Self { agent, address, cookie }
    }

    /// The same person with another cookie, or none.
    #[must_use]
    pub fn with_cookie(mut self, cookie: Option<&str>) -> Self {
        self.cookie = cookie.map(str::to_owned);
        self
    }

    /// Where the host listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `NAME=VALUE` that goes into the header.
    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Any request. `path` goes out as it is, escapes and query included; without a body no content
    /// type is sent.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // An empty body is said to be empty: the other way to send none is a chunked one.
        let sent = match (method, body) {
            ("GET" | "HEAD", None) => self.agent.run(request.body(()).expect("it is a request")),
            _ => self.agent.run(request.body(body.unwrap_or_default()).expect("it is a request")),
        };
        let mut answer = sent.unwrap_or_else(|e| panic!("{method} {path} got no answer: {e}"));
        let body = answer
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_vec()
            .unwrap_or_else(|e| panic!("the answer to {method} {path} breaks off: {e}"));
        Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
    }

    /// `GET path`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    /// `POST path` with a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send("POST", path, &[("content-type", "application/json")], Some(body.as_bytes()))
    }

    /// A new session's id.
    #[track_caller]
    pub fn new_session(&self) -> String {
        let answer = self.send("POST", "/agent/sessions/new", &[], None);
        assert_eq!(answer.status, 200, "asking for a session: {}", answer.text());
        answer.json()["session_id"].as_str().expect("an id is text").to_owned()
    }

    /// Asks and waits for the answer.
    #[track_caller]
    pub fn ask(&self, session: &str, message: &str) -> Answer {
        self.post("/agent/ask", &json!({"session_id": session, "message": message}))
    }

    /// Asks, and neither waits nor reads: dropping the stream is leaving.
    #[track_caller]
    pub fn begin_to_ask(&self, session: &str, message: &str) -> TcpStream {
        let body = json!({"session_id": session, "message": message}).to_string();
        let cookie = self.cookie.as_deref().unwrap_or_default();
        let mut stream = TcpStream::connect(self.address).expect("reaching the host");
        write!(
            stream,
            "POST /agent/ask HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .expect("sending a question");
        stream
    }

    /// The messages of a session.
    #[track_caller]
    pub fn history(&self, session: &str) -> Vec<Value> {
        let answer = self.get(&format!("/agent/sessions/{session}/history"));
        assert_eq!(answer.status, 200, "reading the history: {}", answer.text());
        answer.json()["messages"].as_array().expect("messages are a list").clone()
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{} is no JSON: {e}", self.text()))
    }

    /// The body as text, for comparing and for saying what went wrong.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One header, where it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
