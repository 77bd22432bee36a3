//! Sessions: made, listed, renamed, deleted, restored.

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::domain::{SessionId, Title};
use crate::pipeline::House;
use crate::pipeline::sessions::{self, Activity, NotDone};
use crate::server::query::Query;
use crate::server::routes::InService;
use crate::server::{body, incoming, reply};
use crate::stages::{Caller, Cursor, Line, Listing, PAGE_LINES, PAGE_LINES_MAX, Wanted};

#[derive(Serialize)]
struct OfSession {
    session_id: String,
}

#[derive(Serialize)]
struct Renamed<'a> {
    session_id: String,
    title: Option<&'a str>,
}

#[derive(Serialize)]
struct Shelved {
    session_id: String,
    restorable_until: u64,
}

#[derive(Serialize)]
struct Listed<'a> {
    sessions: Vec<Shown<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    session_id: String,
    title: Option<&'a str>,
    modified: u64,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable_until: Option<u64>,
}

/// `POST /agent/sessions/new`: an id, recorded nowhere.
pub(in crate::server) async fn new_session(_caller: Extension<Caller>) -> Response {
    reply::json(StatusCode::OK, &OfSession { session_id: SessionId::fresh().to_string() })
}

/// `GET /agent/sessions`
pub(in crate::server) async fn list(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    let mut query = Query::read(query.as_deref());
    let lines = query.number("limit", 1, PAGE_LINES_MAX as u64);
    let after = query.value("cursor", "the `next` of the page before", Cursor::parse);
    let deleted = query.flag("deleted");
    let text = query.text("q").filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(answer) = query.objection() {
        return answer;
    }
    let lines = lines.and_then(|lines| usize::try_from(lines).ok()).unwrap_or(PAGE_LINES);
    let wanted = Wanted { text, lines, after };
    let house = &service.house;
    let listed = if deleted {
        sessions::list_deleted(house, &caller, wanted).await
    } else {
        sessions::list(house, &caller, &wanted).await.map(|listing| (listing, 0))
    };
    match listed {
        Ok((listing, days)) => listing_json(house, &listing, days),
        Err(_) => reply::error(StatusCode::INTERNAL_SERVER_ERROR, "failed to list sessions"),
    }
}

fn listing_json(house: &House, listing: &Listing, days: u32) -> Response {
    let sessions = listing.lines.iter().map(|line| shown(house, line, days)).collect();
    reply::json(StatusCode::OK, &Listed { sessions, next: listing.next.map(|next| next.to_string()) })
}

fn shown<'a>(house: &House, line: &'a Line, days: u32) -> Shown<'a> {
    Shown {
        session_id: line.session.to_string(),
        title: line.title.as_ref().map(Title::as_str),
        modified: line.modified.0,
        size: line.size,
        state: house.activity(line.session).map(|activity| match activity {
            Activity::Running => "running",
            Activity::Queued => "queued",
        }),
        deleted_at: line.deleted.as_ref().map(|deleted| deleted.at),
        restorable_until: line.deleted.as_ref().map(|deleted| deleted.until(days).0),
    }
}

/// `POST /agent/sessions/{session_id}/rename`
pub(in crate::server) async fn rename(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(session_id): Path<String>,
    request: Request,
) -> Response {
    let (parts, incoming) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let bytes = match incoming::whole(incoming).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    let Some(session) = SessionId::parse(&session_id) else { return invalid() };
    let title = match body::parse_title(content_type, &bytes) {
        Ok(title) => title,
        Err(invalid) => return reply::bytes(StatusCode::UNPROCESSABLE_ENTITY, body::answer(&invalid)),
    };
    match sessions::rename(&service.house, &caller, session, title).await {
        Ok(title) => {
            let title = title.as_ref().map(Title::as_str);
            reply::json(StatusCode::OK, &Renamed { session_id: session.to_string(), title })
        }
        Err(why) => not_done(why),
    }
}

/// `POST /agent/sessions/{session_id}/delete`
pub(in crate::server) async fn delete(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(session_id): Path<String>,
) -> Response {
    let Some(session) = SessionId::parse(&session_id) else { return invalid() };
    match sessions::delete(Arc::clone(&service.house), caller, session).await {
        Ok(until) => {
            let shelved = Shelved { session_id: session.to_string(), restorable_until: until.0 };
            reply::json(StatusCode::OK, &shelved)
        }
        Err(why) => not_done(why),
    }
}

/// `POST /agent/sessions/{session_id}/restore`
pub(in crate::server) async fn restore(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(session_id): Path<String>,
) -> Response {
    let Some(session) = SessionId::parse(&session_id) else { return invalid() };
    match sessions::restore(Arc::clone(&service.house), caller, session).await {
        Ok(()) => reply::json(StatusCode::OK, &OfSession { session_id: session.to_string() }),
        Err(why) => not_done(why),
    }
}

pub(super) fn invalid() -> Response {
    reply::error(StatusCode::BAD_REQUEST, "invalid session_id")
}

pub(super) fn not_done(why: NotDone) -> Response {
    match why {
        NotDone::NoSession => reply::error(StatusCode::NOT_FOUND, "session not found"),
        NotDone::Deleted => reply::error(StatusCode::NOT_FOUND, reply::DELETED),
        NotDone::Busy => reply::error(
            StatusCode::CONFLICT,
            "A question of this session is being answered; wait for it, or stop it first",
        ),
        NotDone::Taken => {
            reply::error(StatusCode::CONFLICT, "There is a file of this session again; delete that one first")
        }
        NotDone::Failed => reply::error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "That could not be done to the session; the host's log says why",
        ),
    }
}
