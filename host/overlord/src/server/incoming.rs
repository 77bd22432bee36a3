//! A request's body as it comes in: all of it, within its limits, or the answer that says why not.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::reply;

/// The most bytes of a body: a message of 10,000 characters takes at most 120 KB, however it is
/// escaped.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The whole body of a question.
pub(super) async fn whole(incoming: Body) -> Result<Bytes, Response> {
    at_most(BODY_BYTES_MAX, incoming).await
}

/// The whole body, if it has at most `max` bytes.
pub(super) async fn at_most(max: usize, incoming: Body) -> Result<Bytes, Response> {
    within(BODY_TIME, max, incoming).await
}

/// The whole body, if it has at most `max` bytes and is there in time.
pub(super) async fn within(time: Duration, max: usize, incoming: Body) -> Result<Bytes, Response> {
    let too_large =
        || reply::error(StatusCode::PAYLOAD_TOO_LARGE, &format!("The body has more than {max} bytes"));
    // One that says so beforehand is not read first.
    if incoming.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(time, Limited::new(incoming, max).collect()).await;
    let Ok(collected) = collected else {
        return Err(reply::error(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive"));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(reply::error(StatusCode::BAD_REQUEST, "The body did not arrive whole")),
    }
}
