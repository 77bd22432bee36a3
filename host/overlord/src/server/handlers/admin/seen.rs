//! What administrators look at: figures, and the last of what was refused, written down, decided
//! otherwise. All of it is kept in memory and bounded where it happens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::capability::audit_file::AuditFile;
use crate::server::reply;
use crate::server::routes::InService;

/// An audit line.
#[derive(Serialize)]
struct Line {
    at: u64,
    line: String,
}

/// `GET /admin/api/figures`
pub(in crate::server) async fn figures(State(service): InService) -> Response {
    reply::json(StatusCode::OK, &service.figures.drawn())
}

/// `GET /admin/api/refusals`
pub(in crate::server) async fn refusals(State(service): InService) -> Response {
    reply::json(StatusCode::OK, &json!({ "refusals": service.house.refusals.newest_first() }))
}

/// `GET /admin/api/audit`
pub(in crate::server) async fn audit(State(service): InService) -> Response {
    let lines = service.house.recorder.recent().into_iter();
    let lines: Vec<_> = lines.map(|written| Line { at: written.at.0, line: written.line }).collect();
    let recorder = &service.house.recorder;
    let on = recorder.file.enabled() || recorder.own.values().any(AuditFile::enabled);
    reply::json(StatusCode::OK, &json!({ "on": on, "lines": lines }))
}

/// `GET /admin/api/divergences`
pub(in crate::server) async fn divergences(State(service): InService) -> Response {
    reply::json(StatusCode::OK, &json!({ "divergences": service.publisher.divergences().await }))
}
