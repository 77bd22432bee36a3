//! Answers that arrive as they are made: server-sent events on a connection of their own, each with
//! the time it came, and what the events of a run fold to. It refuses to know which events a run
//! must have.

use std::collections::VecDeque;
use std::io::Read as _;
use std::time::Instant;

use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, BodyReader};

use crate::caller::Caller;
use crate::host::PATIENCE;

/// What asks for events.
pub const ACCEPT: (&str, &str) = ("accept", "text/event-stream");

/// As much as is read at once. Small, so that the time of an event is its own.
const READ: usize = 16 * 1024;

/// An event as it came.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name; `message` where none is given.
    pub name: String,
    /// Its own id, where it has one.
    pub id: Option<String>,
    /// Its data, parsed.
    pub data: Value,
    /// When its end was read.
    pub at: Instant,
}

/// A stream that is being read. Dropping it is leaving.
pub struct Stream {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// When each comment was read.
    pub comments: Vec<Instant>,
    /// Whether it broke off instead of ending.
    pub cut: bool,
    body: BodyReader<'static>,
    parser: Parser,
    waiting: VecDeque<Event>,
}

/// Bytes in, events out.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    name: String,
    id: Option<String>,
    data: Option<String>,
    /// How many comments there were.
    pub comments: usize,
}

impl Event {
    /// The part of the id that is the host's.
    #[track_caller]
    pub fn epoch(&self) -> &str {
        self.parts().0
    }

    /// The part of the id that is the event's place in its run.
    #[track_caller]
    pub fn place(&self) -> u64 {
        self.parts().1
    }

    #[track_caller]
    fn parts(&self) -> (&str, u64) {
        let parts = self.id.as_deref().and_then(|id| id.split_once(':'));
        let parts = parts.and_then(|(epoch, place)| Some((epoch, place.parse().ok()?)));
        parts.unwrap_or_else(|| panic!("{self:?} has no id of the form EPOCH:SEQ"))
    }
}

impl Stream {
    /// Asks in a session.
    #[track_caller]
    pub fn ask(caller: &Caller, session: &str, message: &str) -> Self {
        Self::ask_at(caller, "/agent/ask", session, message).expect_events()
    }

    /// The same at another address, such as one with a query; whatever the answer is.
    #[track_caller]
    pub fn ask_at(caller: &Caller, path: &str, session: &str, message: &str) -> Self {
        let body = json!({"session_id": session, "message": message}).to_string();
        let headers = [ACCEPT, ("content-type", "application/json")];
        Self::open(caller, "POST", path, &headers, Some(body))
    }

    /// Watches a run: all of it, or what came after the event `last`.
    #[track_caller]
    pub fn watch(caller: &Caller, run: &str, last: Option<&str>) -> Self {
        Self::watch_at(caller, &format!("/agent/runs/{run}/events"), last).expect_events()
    }

    /// The same at another address; whatever the answer is.
    #[track_caller]
    pub fn watch_at(caller: &Caller, path: &str, last: Option<&str>) -> Self {
        let headers: Vec<_> = [ACCEPT].into_iter().chain(last.map(|id| ("last-event-id", id))).collect();
        Self::open(caller, "GET", path, &headers, None)
    }

    #[track_caller]
    fn open(
        caller: &Caller,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Self {
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            // Of the whole body: a run that is watched may take longer than any one thing.
            .timeout_recv_body(Some(3 * PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build()
            .new_agent();
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", caller.address()));
        if let Some(cookie) = caller.cookie() {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            None => agent.run(request.body(()).expect("it is a request")),
            Some(body) => agent.run(request.body(body).expect("it is a request")),
        };
        let answer = sent.unwrap_or_else(|e| panic!("{method} {path} got no answer: {e}"));
        let (head, body) = answer.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            comments: Vec::new(),
            cut: false,
            body: body.into_reader(),
            parser: Parser::default(),
            waiting: VecDeque::new(),
        }
    }

    #[track_caller]
    fn expect_events(mut self) -> Self {
        if self.status != 200 {
            let status = self.status;
            panic!("no events but {status}: {}", self.text());
        }
        let kind = self.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "no events but {kind}");
        self
    }

    /// One header, where it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body of an answer that is no events.
    pub fn text(&mut self) -> String {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The next event, once it is there; none at the end.
    #[track_caller]
    pub fn next_event(&mut self) -> Option<Event> {
        while self.waiting.is_empty() {
            if !self.read_on() {
                return None;
            }
        }
        self.waiting.pop_front()
    }

    /// Reads until another comment has come; false where the stream has ended before.
    pub fn next_comment(&mut self) -> bool {
        let before = self.comments.len();
        while self.comments.len() == before {
            if !self.read_on() {
                return false;
            }
        }
        true
    }

    /// All events up to the first of this name, itself included.
    #[track_caller]
    pub fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        while events.last().is_none_or(|last| last.name != name) {
            match self.next_event() {
                Some(event) => events.push(event),
                None => panic!("the stream ends without {name}: {events:?}"),
            }
        }
        events
    }

    /// All events to the end.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.next_event()).collect()
    }

    /// Waits for more bytes; false at the end.
    #[track_caller]
    fn read_on(&mut self) -> bool {
        let mut bytes = [0; READ];
        let length = match self.body.read(&mut bytes) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                panic!("nothing more came: {error}")
            }
            Err(_) => {
                self.cut = true;
                0
            }
        };
        self.waiting.extend(self.parser.feed(&bytes[..length]));
        self.comments.resize_with(self.parser.comments, Instant::now);
        length > 0
    }
}

impl Parser {
    /// The events that end in these bytes (HTML, 9.2.6). One that the stream ends in is none.
    #[track_caller]
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    let line = line.strip_suffix(b"\r").unwrap_or(&line);
                    events.extend(self.line(std::str::from_utf8(line).expect("events are UTF-8")));
                }
                _ => self.line.push(byte),
            }
        }
        events
    }

    #[track_caller]
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let (name, id, data) =
                (std::mem::take(&mut self.name), self.id.take(), std::mem::take(&mut self.data)?);
            let name = if name.is_empty() { "message".to_owned() } else { name };
            let data = serde_json::from_str(&data).unwrap_or_else(|e| panic!("{name} {data}: {e}"));
            return Some(Event { name, id, data, at: Instant::now() });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => self.comments += 1,
            "event" => value.clone_into(&mut self.name),
            "id" => self.id = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => *data = format!("{data}\n{value}"),
                None => self.data = Some(value.to_owned()),
            },
            "retry" => {}
            _ => panic!("{line:?} is no line of an event"),
        }
        None
    }
}

/// The text that these events leave.
pub fn text_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    let mut text = String::new();
    for event in events {
        let new = event.data["text"].as_str().unwrap_or_default();
        match event.name.as_str() {
            "delta" => text.push_str(new),
            "replace" => new.clone_into(&mut text),
            _ => {}
        }
    }
    text
}

/// The names of events, in order.
pub fn names<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a str> {
    events.into_iter().map(|event| event.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_bytes_are_cut() {
        let wire = ": hello\n\nevent: delta\nid: ab:2\ndata: {\"text\":\ndata: \"Größe\"}\n\n\
                    event: replace\r\ndata: {\"text\":\"x\"}\r\n\r\nevent: delta\ndata: {}\n";
        for size in 1..wire.len() {
            let mut parser = Parser::default();
            let events: Vec<_> = wire.as_bytes().chunks(size).flat_map(|part| parser.feed(part)).collect();
            assert_eq!((names(&events), parser.comments), (vec!["delta", "replace"], 1), "{size}");
            assert_eq!((events[0].epoch(), events[0].place(), &events[1].id), ("ab", 2, &None));
            assert_eq!((text_of(&events[..1]).as_str(), text_of(&events).as_str()), ("Größe", "x"));
        }
    }
}
