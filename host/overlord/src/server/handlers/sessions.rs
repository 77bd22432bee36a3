//! Sessions: made.

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::domain::SessionId;
use crate::server::reply;
use crate::stages::Caller;

#[derive(Serialize)]
struct NewSession {
    session_id: String,
}

/// `POST /agent/sessions/new`: an id, recorded nowhere.
pub(in crate::server) async fn new_session(_caller: Extension<Caller>) -> Response {
    reply::json(StatusCode::OK, &NewSession { session_id: SessionId::fresh().to_string() })
}
