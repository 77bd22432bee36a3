//! The figures of the house, for Prometheus and for admins.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use crate::server::routes::InService;
use crate::server::{metrics, reply};

/// `GET /metrics`
pub(in crate::server) async fn figures(State(service): InService) -> Response {
    let mut response = service.metrics.text(&service.house).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(metrics::TEXT));
    reply::guarded(response)
}
