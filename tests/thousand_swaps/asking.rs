//! Everybody who asks: a session's id, which auth alone decides about, and a question, which all rules
//! do. It owns what came back for which question, and whether one generation can have said all of it.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use overlord_tests::host::wait_until;
use overlord_tests::load::{Conversation, Whole};
use overlord_tests::marked;
use serde_json::Value;
use uuid::Uuid;

use crate::sets::{House, Rules, Served, set_of};

/// What the host says where the caller's last question is still being answered.
const BLOCKED: &str = "A previous question is still being processed";

/// A question that was answered or refused, and when.
struct Asked {
    sent: Duration,
    read: Duration,
    /// Which limiter refused it; none where it was answered, or the cap refused it.
    limit: Option<u8>,
    /// The events that there must be a line of.
    events: &'static [&'static str],
}

/// Everybody who asks.
pub struct Asking {
    head: String,
    epoch: Instant,
    done: Arc<AtomicBool>,
    turns: u64,
    asked: HashMap<Uuid, Asked>,
    sessions: usize,
}

/// What an audit line tells.
struct Line {
    event: String,
    auth: Option<u8>,
    audit: u8,
}

/// How much came of what.
pub struct Counted {
    sessions: usize,
    refused: usize,
    answered: usize,
}

impl Asking {
    /// With all these cookies, until it is done.
    pub fn new(address: SocketAddr, cookies: &str, epoch: Instant, done: Arc<AtomicBool>) -> Self {
        let head = format!("Host: {address}\r\nCookie: {cookies}\r\n");
        Self { head, epoch, done, turns: 0, asked: HashMap::new(), sessions: 0 }
    }

    /// How many questions were asked.
    pub fn questions(&self) -> usize {
        self.asked.len()
    }

    /// Holds every answer and every audit line against the generations that can have made it.
    pub fn check(&self, house: &House) -> Counted {
        let mut lines = HashMap::new();
        let expected: usize = self.asked.values().map(|asked| asked.events.len()).sum();
        wait_until("all audit lines", || {
            lines = self.lines(house);
            (lines.values().map(Vec::<Line>::len).sum::<usize>() >= expected).then_some(())
        });
        let mut counted = Counted { sessions: self.sessions, refused: 0, answered: 0 };
        for (session, asked) in &self.asked {
            let lines = lines.get(session).map(Vec::as_slice).unwrap_or_default();
            let mut events: Vec<_> = lines.iter().map(|line| line.event.as_str()).collect();
            events.sort_unstable();
            assert_eq!(events, asked.events, "{session}");
            let rules = asked.possible(house.served());
            let auth = lines[0].auth.expect("auth let in one of these");
            let audit = lines[0].audit;
            // All lines of one question are written by the rules that it began with.
            assert!(
                lines.iter().all(|line| (line.auth, line.audit) == (Some(auth), audit)),
                "the lines of {session} are of several generations"
            );
            let one = rules.iter().any(|rules| {
                rules.auth == auth
                    && rules.audit == audit
                    && asked.limit.is_none_or(|limit| limit == rules.limit)
            });
            assert!(
                one,
                "auth {auth}, limit {:?} and audit {audit} are no generation of {:?} to {:?}: {rules:?}",
                asked.limit, asked.sent, asked.read
            );
            match asked.limit {
                Some(_) => counted.refused += 1,
                None if asked.events.len() == 2 => counted.answered += 1,
                None => {}
            }
        }
        counted
    }

    /// The audit lines of these questions, each with the build that wrote it.
    fn lines(&self, house: &House) -> HashMap<Uuid, Vec<Line>> {
        let mut lines: HashMap<Uuid, Vec<Line>> = HashMap::new();
        let file = File::open(house.audit_file()).expect("there is an audit file");
        for line in BufReader::new(file).split(b'\n') {
            // The last one may still be being written.
            let Ok(line) = serde_json::from_slice::<Value>(&line.expect("it can be read")) else { continue };
            let session = line["session_id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
            let Some(session) = session.filter(|session| self.asked.contains_key(session)) else { continue };
            lines.entry(session).or_default().push(Line {
                event: line["event"].as_str().unwrap_or_default().to_owned(),
                auth: line["user"].as_str().and_then(set_of),
                audit: marked::audit_of(&line).unwrap_or_else(|| panic!("nobody has signed {line}")),
            });
        }
        lines
    }
}

impl Asked {
    /// The rules of the generations that it can have pinned. The host says that a generation serves just
    /// before it does, and makes no other one in between: so the one before it is through for certain
    /// when the one after it was announced.
    fn possible(&self, served: &[Served]) -> Vec<Rules> {
        let over = |place: usize| served.get(place + 2).is_some_and(|later| later.seen < self.sent);
        let possible =
            served.iter().enumerate().filter(|(place, one)| one.from <= self.read && !over(*place));
        possible.map(|(_, one)| one.rules).collect()
    }
}

impl Conversation for Asking {
    type Turn = Option<Uuid>;

    fn next(&mut self, request: &mut Vec<u8>) -> Option<Option<Uuid>> {
        if self.done.load(Ordering::Relaxed) {
            return None;
        }
        self.turns += 1;
        let head = &self.head;
        if self.turns.is_multiple_of(2) {
            write!(request, "POST /agent/sessions/new HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n")
                .expect("memory can be written to");
            return Some(None);
        }
        let session = Uuid::new_v4();
        let body = format!("{{\"session_id\":\"{session}\",\"message\":\"demo:fast\"}}");
        write!(
            request,
            "POST /agent/ask HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("memory can be written to");
        Some(Some(session))
    }

    fn answered(&mut self, session: Option<Uuid>, answer: Whole<'_>) -> Result<(), String> {
        let Some(session) = session else {
            self.sessions += 1;
            return if answer.status == 200 { Ok(()) } else { Err("a session's id was expected".to_owned()) };
        };
        let body: Value = serde_json::from_slice(answer.body).map_err(|error| error.to_string())?;
        let detail = body["detail"].as_str().unwrap_or_default();
        let (limit, events): (_, &[_]) = match answer.status {
            200 if body["session_id"] == session.to_string() => (None, &["ask_ok", "ask_start"]),
            429 if detail == BLOCKED => (None, &["concurrency_blocked"]),
            429 => (Some(marked::limiter_of(detail).ok_or("no build has signed it")?), &["rate_limited"]),
            _ => return Err("an answer or a refusal was expected".to_owned()),
        };
        let since = |time: Instant| time.duration_since(self.epoch);
        let asked = Asked { sent: since(answer.sent), read: since(answer.read), limit, events };
        self.asked.insert(session, asked);
        Ok(())
    }
}

impl Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, refused, answered } = self;
        write!(f, "{sessions} sessions, {refused} refusals and {answered} answers, each by one generation")
    }
}
