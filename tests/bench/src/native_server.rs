//! The comparison for requests, start, memory and tokens: `/agent/sessions/new`, `/agent/health` and
//! an `/agent/ask` that only passes tokens on, as one would write them by hand, on the host's own
//! connection loop, with the cookie checked by the same code in this process. No sandbox, no policy to
//! swap, no wall around the program, nothing on disk.

use std::convert::Infallible;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use auth_cookie::settings::Settings;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cookie::Cookie;
use futures_util::stream;
use overlord::server::{self, Limits};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::watch;
use uuid::Uuid;

use crate::cookie_check;
use crate::speaker;

/// As the host's default.
const LIMITS: Limits = Limits { connections_max: 1024 };

#[derive(Serialize)]
struct NewSession {
    session_id: String,
}

/// Serves until it is ended; its first line of output is its address.
pub(crate) fn run(secret: &str, cookie: &str) -> anyhow::Result<()> {
    let settings =
        Settings::read(&cookie_check::pairs(secret, cookie)).context("reading the cookie's settings")?;
    let router = Router::new()
        .route("/agent/health", get(|| async { answer("{\"status\":\"ok\"}") }))
        .route("/agent/sessions/new", post(new_session))
        .route("/agent/ask", post(ask))
        .with_state(Arc::new(settings));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "http://{}", listener.local_addr()?)?;
        out.flush()?;
        // Nobody says stop: the sender lives as long as the server.
        let (_running, stop) = watch::channel(false);
        server::serve(listener, router, LIMITS, stop).await;
        Ok(())
    })
}

async fn new_session(State(settings): State<Arc<Settings>>, headers: HeaderMap) -> Response {
    if !is_signed_in(&settings, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let session = NewSession { session_id: Uuid::new_v4().to_string() };
    answer(serde_json::to_vec(&session).expect("an id is text"))
}

/// Each token of a program as an event, as soon as its line is there.
async fn ask(State(settings): State<Arc<Settings>>, headers: HeaderMap) -> Response {
    if !is_signed_in(&settings, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let program = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.arg("speak").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
    });
    let Ok(mut program) = program else { return StatusCode::BAD_GATEWAY.into_response() };
    let lines = BufReader::new(program.stdout.take().expect("it is piped")).lines();
    // The program is held as long as it is listened to, and waited for by the runtime then.
    let events = stream::unfold((lines, program), |(mut lines, program)| async {
        loop {
            let line = lines.next_line().await.ok()??;
            if let Some(token) = speaker::token_in(&line) {
                return Some((Ok::<_, Infallible>(Event::default().data(token)), (lines, program)));
            }
        }
    });
    Sse::new(events).into_response()
}

fn is_signed_in(settings: &Settings, headers: &HeaderMap) -> bool {
    let cookies: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten()
        .filter(|cookie| cookie.name() == settings.own_cookie || cookie.name() == settings.cookie)
        .collect();
    let cookies: Vec<_> = cookies.iter().map(|cookie| (cookie.name(), cookie.value_trimmed())).collect();
    cookie_check::user(settings, &cookies).is_some()
}

/// With the headers that the host's answers have.
fn answer(body: impl Into<axum::body::Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body.into()).into_response()
}
