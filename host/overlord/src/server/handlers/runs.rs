//! Runs: listed, looked at, listened to, stopped.

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::domain::{RunId, SessionId};
use crate::pipeline;
use crate::runs::{Run, Snapshot};
use crate::server::events::{self, View};
use crate::server::query::Query;
use crate::server::reply;
use crate::server::routes::{InService, Service};
use crate::stages::Caller;

/// How long someone should wait where too many listen.
const LISTEN_AGAIN_S: u32 = 5;

/// A run, as it is listed.
#[derive(Serialize)]
struct Listed {
    run_id: String,
    session_id: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    asked_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_offset: Option<u64>,
    message: String,
}

impl From<Snapshot> for Listed {
    fn from(run: Snapshot) -> Self {
        Self {
            run_id: run.id.to_string(),
            session_id: run.session.to_string(),
            state: run.state.word(),
            position: run.state.position(),
            asked_at: run.asked_at.0,
            started_at: run.started_at.map(|at| at.0),
            ended_at: run.ended_at.map(|at| at.0),
            history_offset: run.history_offset,
            message: run.message,
        }
    }
}

#[derive(Serialize)]
struct List {
    runs: Vec<Listed>,
}

/// `GET /agent/runs`
pub(in crate::server) async fn list(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    let mut query = Query::read(query.as_deref());
    let session = query.value("session_id", "the 36-character form of a UUID", SessionId::parse);
    let ended = query.flag("ended");
    if let Some(answer) = query.objection() {
        return answer;
    }
    let runs = pipeline::runs(&service.house, &caller, session, ended);
    let runs = runs.iter().map(|run| run.snapshot().into()).collect();
    reply::json(StatusCode::OK, &List { runs })
}

/// `GET /agent/runs/{run_id}`
pub(in crate::server) async fn one(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    match find(&service, &caller, &id) {
        Some(run) => reply::json(StatusCode::OK, &Listed::from(run.snapshot())),
        None => not_found(),
    }
}

/// `GET /agent/runs/{run_id}/events`
pub(in crate::server) async fn events(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut query = Query::read(query.as_deref());
    let view = View::of(&mut query);
    if let Some(answer) = query.objection() {
        return answer;
    }
    let Some(run) = find(&service, &caller, &id) else { return not_found() };
    if !pipeline::has_room(&service.house, &run) {
        let detail = "Too many listen to your questions at once; close some of them";
        return reply::later(StatusCode::TOO_MANY_REQUESTS, detail, LISTEN_AGAIN_S);
    }
    let last = headers.get("last-event-id").map(|value| {
        // What no host has sent is of another epoch than any.
        value.to_str().ok().and_then(events::event_id).unwrap_or((0, u64::MAX))
    });
    events::answer(events::From::Again(run, last), view)
}

#[derive(Serialize)]
struct Stopped {
    run_id: String,
    state: &'static str,
}

/// `POST /agent/runs/{run_id}/cancel`
pub(in crate::server) async fn cancel(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    match find(&service, &caller, &id) {
        Some(run) => {
            let state = pipeline::cancel(&run).word();
            reply::json(StatusCode::OK, &Stopped { run_id: run.id().to_string(), state })
        }
        None => not_found(),
    }
}

fn find(service: &Service, caller: &Caller, id: &str) -> Option<Arc<Run>> {
    pipeline::run(&service.house, caller, RunId::parse(id)?)
}

fn not_found() -> Response {
    reply::error(StatusCode::NOT_FOUND, "run not found")
}
