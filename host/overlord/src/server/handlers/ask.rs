//! A question and its answer.

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::pipeline::{self, NotAnswered};
use crate::server::routes::InService;
use crate::server::{body, incoming, reply};
use crate::stages::Caller;

/// How long someone should wait where the host is full: a short run's length.
const FULL_RETRY_S: u32 = 5;

/// How long while the host restarts.
const STOPPING_RETRY_S: u32 = 10;

#[derive(Serialize)]
struct Answered<'a> {
    result: &'a str,
    session_id: String,
    duration_ms: u64,
    num_turns: u32,
    is_error: bool,
}

/// `POST /agent/ask`
pub(in crate::server) async fn ask(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let (parts, incoming) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let bytes = match incoming::whole(incoming).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
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
        NotAnswered::Deleted => reply::error(StatusCode::NOT_FOUND, reply::DELETED),
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
