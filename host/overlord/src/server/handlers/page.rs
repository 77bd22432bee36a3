//! The page and its parts, for everybody and the same for everybody.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::server::{page, reply};

/// `GET /`
pub(in crate::server) async fn index(headers: HeaderMap) -> Response {
    page::index(&headers)
}

/// `GET /assets/{name}`
pub(in crate::server) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    page::asset(&name, &headers).unwrap_or_else(reply::not_found)
}
