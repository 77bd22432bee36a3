//! The comparison for requests, start and memory: `/agent/sessions/new` and `/agent/health` as one
//! would write them by hand, on the host's own connection loop, with the cookie checked by the same
//! code in this process. No sandbox, no policy to swap, nothing on disk.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use auth_cookie::settings::Settings;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cookie::Cookie;
use overlord::server::{self, Limits};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use crate::cookie_check;

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
    let cookies: Vec<_> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .flatten()
        .filter(|cookie| cookie.name() == settings.own_cookie || cookie.name() == settings.cookie)
        .collect();
    let cookies: Vec<_> = cookies.iter().map(|cookie| (cookie.name(), cookie.value_trimmed())).collect();
    if cookie_check::user(&settings, &cookies).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let session = NewSession { session_id: Uuid::new_v4().to_string() };
    answer(serde_json::to_vec(&session).expect("an id is text"))
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
