//! Answers as the original's framework words them: compact JSON, errors as `{"detail": …}`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What is said of a session that was deleted and can be restored.
pub(super) const DELETED: &str = "session was deleted; restore it first";

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("answers are made of text and numbers");
    bytes(status, body)
}

/// An answer whose JSON is written already.
pub(super) fn bytes(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = (status, body.into()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    guarded(response)
}

/// An answer as no cache may keep it and no browser may guess at it.
pub(super) fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // Answers are somebody's own; no cache between here and there should keep them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An error, as `{"detail": …}`.
pub(super) fn error(status: StatusCode, detail: &str) -> Response {
    json(status, &Detail { detail })
}

/// An error that says when to come back.
pub(super) fn later(status: StatusCode, detail: &str, seconds: u32) -> Response {
    let mut response = error(status, detail);
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

/// 404, in the original's words.
pub(super) fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "Not Found")
}

/// 405, in the original's words.
pub(super) fn method_not_allowed(allow: &str) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_str(allow).expect("the names of methods"));
    response
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: &'a str,
}
