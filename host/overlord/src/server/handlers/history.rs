//! What was said in a session.

use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use crate::domain::SessionId;
use crate::pipeline::history::{self as way, NotTold, Told};
use crate::server::query::Query;
use crate::server::reply;
use crate::server::routes::InService;
use crate::stages::{Caller, PART_MESSAGES, PART_MESSAGES_MAX, Part, Recalled, Side};

/// `GET /agent/sessions/{session_id}/history`
pub(in crate::server) async fn history(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(session_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(session) = SessionId::parse(&session_id) else {
        return reply::error(StatusCode::BAD_REQUEST, "invalid session_id");
    };
    let mut query = Query::read(query.as_deref());
    let part = part(&mut query);
    if let Some(answer) = query.objection() {
        return answer;
    }
    let has = |tag: &str| names(&headers, tag);
    match way::history(&service.house, &caller, session, part, has).await {
        Ok(Told::Same(tag)) => tagged(reply::guarded(StatusCode::NOT_MODIFIED.into_response()), &tag),
        Ok(Told::Messages(tag, Recalled::Whole(json))) => tagged(reply::bytes(StatusCode::OK, json), &tag),
        // A piece that is an error cuts the connection: what was sent must not look whole.
        Ok(Told::Messages(tag, Recalled::Pieces(pieces))) => {
            let pieces = stream::unfold(pieces, |mut pieces| async { Some((pieces.next().await?, pieces)) });
            tagged(reply::bytes(StatusCode::OK, Body::from_stream(pieces)), &tag)
        }
        Err(NotTold::Deleted) => reply::error(StatusCode::NOT_FOUND, reply::DELETED),
        Err(NotTold::Beyond(size)) => {
            let after = query.text("after").unwrap_or_default().to_owned();
            query.refuse("after", &after, &format!("at most {size}, where the session's file ends now"));
            query.objection().expect("something was just refused")
        }
        Err(NotTold::Unreadable) => reply::error(StatusCode::INTERNAL_SERVER_ERROR, "failed to read session"),
    }
}

/// Which part is asked for; none where all of it is, in the original's form.
fn part(query: &mut Query) -> Option<Part> {
    let messages = query.number("last", 1, PART_MESSAGES_MAX.into());
    let before = query.number("before", 0, u64::MAX);
    let after = query.number("after", 0, u64::MAX);
    let (detailed, html) = (query.flag("detailed"), query.flag("html"));
    if let (Some(_), Some(after)) = (before, after) {
        query.refuse("after", &after.to_string(), "left out where there is `before`");
    }
    if html && !detailed {
        query.refuse("html", "true", "false, or come with detailed=true");
    }
    let asked = messages.is_some() || before.is_some() || after.is_some() || detailed;
    let side = match (before, after) {
        (Some(before), _) => Side::Before(before),
        (None, Some(after)) => Side::After(after),
        (None, None) => Side::End,
    };
    let messages = messages.and_then(|messages| u32::try_from(messages).ok()).unwrap_or(PART_MESSAGES);
    asked.then_some(Part { side, messages, detailed, html })
}

/// Whether the request has what this tag names, compared weakly, as `If-None-Match` is.
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let mut lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists.any(|list| {
        list.split(',').map(str::trim).any(|one| {
            let one = one.strip_prefix("W/").unwrap_or(one);
            one == "*" || one.strip_prefix('"').and_then(|one| one.strip_suffix('"')) == Some(tag)
        })
    })
}

fn tagged(mut response: Response, tag: &str) -> Response {
    let tag = HeaderValue::try_from(format!("\"{tag}\"")).expect("a tag is made of digits and hyphens");
    response.headers_mut().insert(header::ETAG, tag);
    response
}
