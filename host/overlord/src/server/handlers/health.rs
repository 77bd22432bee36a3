//! Whether the service lives, for everybody.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::server::reply;
use crate::server::routes::InService;

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    claude_cwd: &'a str,
    sessions_dir_exists: bool,
    agent: &'a str,
}

/// `GET /agent/health`
pub(in crate::server) async fn health(State(service): InService) -> Response {
    let health = Health {
        status: "ok",
        claude_cwd: &service.workspace,
        sessions_dir_exists: service.house.has_sessions().await,
        agent: &service.agent,
    };
    reply::json(StatusCode::OK, &health)
}
