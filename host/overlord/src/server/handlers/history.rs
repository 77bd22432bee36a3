//! What was said in a session.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;

use crate::domain::SessionId;
use crate::pipeline;
use crate::server::reply;
use crate::server::routes::InService;
use crate::stages::{Caller, Recalled, Unreadable};

/// `GET /agent/sessions/{session_id}/history`
pub(in crate::server) async fn history(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(session_id): Path<String>,
) -> Response {
    let Some(session) = SessionId::parse(&session_id) else {
        return reply::error(StatusCode::BAD_REQUEST, "invalid session_id");
    };
    match pipeline::history(&service.house, &caller, session).await {
        Ok(Recalled::Whole(json)) => reply::bytes(StatusCode::OK, json),
        // A piece that is an error cuts the connection: what was sent must not look whole.
        Ok(Recalled::Pieces(pieces)) => {
            let pieces = stream::unfold(pieces, |mut pieces| async { Some((pieces.next().await?, pieces)) });
            reply::bytes(StatusCode::OK, Body::from_stream(pieces))
        }
        Err(Unreadable) => reply::error(StatusCode::INTERNAL_SERVER_ERROR, "failed to read session"),
    }
}
