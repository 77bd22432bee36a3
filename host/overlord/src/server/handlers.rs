//! One function an address: from the request to the pipeline and back.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;

use super::routes::InService;
use super::{body, reply};
use crate::domain::SessionId;
use crate::pipeline::{self, NotAnswered};
use crate::stages::{Caller, Recalled, Unreadable};

/// The most bytes of a body: a message of 10,000 characters takes at most 120 KB, however it is
/// escaped.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How long someone should wait where the host is full: a short run's length.
const FULL_RETRY_S: u32 = 5;

/// How long while the host restarts.
const STOPPING_RETRY_S: u32 = 10;

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    claude_cwd: &'a str,
    sessions_dir_exists: bool,
    agent: &'a str,
}

/// `GET /agent/health`
pub(super) async fn health(State(service): InService) -> Response {
    let health = Health {
        status: "ok",
        claude_cwd: &service.workspace,
        sessions_dir_exists: service.house.has_sessions().await,
        agent: &service.agent,
    };
    reply::json(StatusCode::OK, &health)
}

#[derive(Serialize)]
struct NewSession {
    session_id: String,
}

/// `POST /agent/sessions/new`: an id, recorded nowhere.
pub(super) async fn new_session(_caller: Extension<Caller>) -> Response {
    reply::json(StatusCode::OK, &NewSession { session_id: SessionId::fresh().to_string() })
}

#[derive(Serialize)]
struct Answered<'a> {
    result: &'a str,
    session_id: String,
    duration_ms: u64,
    num_turns: u32,
    is_error: bool,
}

/// `POST /agent/ask`
pub(super) async fn ask(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let (parts, incoming) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(incoming, BODY_BYTES_MAX).collect()).await;
    let Ok(collected) = collected else {
        return reply::error(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive");
    };
    let bytes = match collected {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("The body has more than {BODY_BYTES_MAX} bytes");
            return reply::error(StatusCode::PAYLOAD_TOO_LARGE, &detail);
        }
        Err(_) => return reply::error(StatusCode::BAD_REQUEST, "The body did not arrive whole"),
    };
    let question = match body::parse(content_type, &bytes) {
        Ok(question) => question,
        Err(invalid) => return reply::bytes(StatusCode::UNPROCESSABLE_ENTITY, body::answer(&invalid)),
    };
    match pipeline::ask(service.house, caller, question).await {
        Ok(answer) => reply::json(
            StatusCode::OK,
            &Answered {
                result: &answer.result,
                session_id: answer.session.to_string(),
                duration_ms: answer.duration_ms,
                num_turns: answer.turns,
                is_error: answer.is_error,
            },
        ),
        Err(why) => not_answered(&why),
    }
}

fn not_answered(why: &NotAnswered) -> Response {
    match why {
        NotAnswered::NoSession => reply::error(StatusCode::NOT_FOUND, "session not found"),
        NotAnswered::Refused(refusal) => match refusal.retry_after_s {
            Some(seconds) => reply::later(StatusCode::TOO_MANY_REQUESTS, &refusal.message, seconds),
            None => reply::error(StatusCode::TOO_MANY_REQUESTS, &refusal.message),
        },
        NotAnswered::Full => reply::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "As many questions are being answered as this host can; try again soon",
            FULL_RETRY_S,
        ),
        NotAnswered::Stopping => reply::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "The service is stopping; try again soon",
            STOPPING_RETRY_S,
        ),
        NotAnswered::Broken => reply::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "Questions cannot be taken right now; the host's log says why",
        ),
        NotAnswered::Failed(why) => reply::error(StatusCode::BAD_GATEWAY, why),
    }
}

/// `GET /agent/sessions/{session_id}/history`
pub(super) async fn history(
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
