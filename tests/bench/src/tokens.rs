//! From the program's token to the reader's: how old a token is when the last byte of its event has
//! been read, through the host as text and as HTML, and through a bare pipe with axum's server-sent
//! events. The tokens say themselves when they were written.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};
use overlord_tests::host::Setup;
use uuid::Uuid;

use crate::cookie_check::{SECRET, USER};
use crate::samples::Samples;
use crate::speaker::{self, TOKENS};
use crate::start::Native;
use crate::table::{Aim, Beside, Row};

/// How old a token may be, in milliseconds.
const AIM_MS: f64 = 5.0;

/// More than the bench asks.
const RATE_MAX: &str = "8000";

/// How much of an answer is taken at a time: an event and more.
const BUFFER: usize = 16 << 10;

/// How old tokens were, those that begin a run and all of them.
#[derive(Default)]
struct Ages {
    first: Samples,
    all: Samples,
}

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let runs = if quick { 3 } else { 100 };
    let setup = Setup::new();
    let program = setup.folder().join("speaker");
    speaker::script(&program)?;
    let host = setup
        .with("OVERLORD_AGENT_COMMAND", &program)
        .with("OVERLORD_SECRET_KEY", SECRET)
        .with("AGENT_RATE_MAX", RATE_MAX)
        .start();
    let caller = host.sign_in(USER);
    let cookie = caller.cookie().context("whoever signs in has a cookie")?;
    let (name, _) = cookie.split_once('=').context("a cookie has a name")?;
    let native = Native::start(name)?;

    let (mut text, mut html, mut bare) = (Ages::default(), Ages::default(), Ages::default());
    for run in 0..=runs {
        let plain = listen(host.address(), "/agent/ask", cookie)?;
        let rendered = listen(host.address(), "/agent/ask?html=true", cookie)?;
        let beside = listen(native.address(), "/agent/ask", cookie)?;
        // The first of each makes folders and fills caches.
        if run > 0 {
            text.take(&plain);
            html.take(&rendered);
            bare.take(&beside);
        }
    }
    let row = |what: &str, ours: &Samples, theirs: &Samples, aim| Row {
        what: what.to_owned(),
        unit: "ms",
        figure: ours.summary(),
        beside: Beside { what: "a bare pipe, axum's events", figure: theirs.summary() },
        aim,
    };
    let aim = Some(Aim::AtMost(AIM_MS));
    Ok(vec![
        row("first token to the reader, text", &text.first, &bare.first, aim),
        row("first token to the reader, HTML", &html.first, &bare.first, aim),
        row("any token to the reader, text", &text.all, &bare.all, aim),
        // What comes within 50 ms is rendered and sent once, so half of that is as it should be.
        row("any token to the reader, HTML", &html.all, &bare.all, None),
    ])
}

impl Ages {
    fn take(&mut self, ages: &[f64]) {
        for (place, age) in ages.iter().enumerate() {
            if place == 0 {
                self.first.push(*age);
            }
            self.all.push(*age);
        }
    }
}

/// Asks in a new session and reads to the end; how old each token was when it came, in milliseconds.
fn listen(address: SocketAddr, path: &str, cookie: &str) -> anyhow::Result<Vec<f64>> {
    let body = format!("{{\"session_id\":\"{}\",\"message\":\"hello\"}}", Uuid::new_v4());
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut buffer = vec![0; BUFFER];
    let (mut line, mut whole) = (Vec::new(), Vec::new());
    let (mut newest, mut ages) = (0, Vec::new());
    loop {
        let count = stream.read(&mut buffer).context("reading events")?;
        let now = speaker::now();
        if count == 0 {
            break;
        }
        whole.extend_from_slice(&buffer[..count]);
        for &byte in &buffer[..count] {
            line.push(byte);
            if byte != b'\n' {
                continue;
            }
            for time in speaker::times_in(&line) {
                // HTML tells a paragraph again as it grows, and the end tells all of it.
                if time > newest {
                    newest = time;
                    ages.push(speaker::age(time, now));
                }
            }
            line.clear();
        }
    }
    ensure!(
        ages.len() == TOKENS,
        "{} tokens of {TOKENS} came from {address}{path}: {}",
        ages.len(),
        String::from_utf8_lossy(&whole)
    );
    Ok(ages)
}
