//! A question and its answer, whole or as it is made.

use std::sync::Arc;

use axum::extract::{Extension, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::domain::Answer;
use crate::pipeline;
use crate::server::events::{self, View};
use crate::server::outcome::Failure;
use crate::server::query::Query;
use crate::server::routes::InService;
use crate::server::{body, incoming, reply};
use crate::stages::Caller;

/// The answer's fields, in the original's order.
#[derive(Serialize)]
pub(in crate::server) struct Answered<'a> {
    result: &'a str,
    session_id: String,
    duration_ms: u64,
    num_turns: u32,
    is_error: bool,
}

impl<'a> Answered<'a> {
    pub(in crate::server) fn of(answer: &'a Answer) -> Self {
        Self {
            result: &answer.result,
            session_id: answer.session.to_string(),
            duration_ms: answer.duration_ms,
            num_turns: answer.turns,
            is_error: answer.is_error,
        }
    }
}

/// `POST /agent/ask`
pub(in crate::server) async fn ask(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let mut query = Query::read(query.as_deref());
    let view = View::of(&mut query);
    if let Some(answer) = query.objection() {
        return answer;
    }
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
    let watcher = match pipeline::ask(Arc::clone(&service.house), caller, question).await {
        Ok(watcher) => watcher,
        Err(why) => return Failure::of(&why).into_response(),
    };
    if wants_events(&parts.headers) {
        return events::answer(events::From::Beginning(watcher), view);
    }
    match watcher.end().await {
        Ok(answer) => reply::json(StatusCode::OK, &Answered::of(&answer)),
        Err(why) => Failure::of(&why).into_response(),
    }
}

/// Whether an `Accept` header names server-sent events, whatever else it names.
fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(events::TYPE))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_for_those_who_name_them() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.append(header::ACCEPT, accept.parse().expect("a value"));
            wants_events(&headers)
        };
        assert!(wants("text/event-stream") && wants("application/json, Text/Event-Stream;q=0.5"));
        assert!(!wants("*/*") && !wants("text/*") && !wants("application/json") && !wants(""));
        assert!(!wants_events(&HeaderMap::new()));
    }
}
