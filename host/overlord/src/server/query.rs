//! The part of an address behind the question mark, and the answer to one that cannot be understood.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::reply;

/// The values of an address, as `T` names them; others are passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Values<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(values)) => Ok(Self(values)),
            Err(error) => {
                let detail = format!("The address cannot be understood: {}", error.body_text());
                Err(reply::error(StatusCode::BAD_REQUEST, &detail))
            }
        }
    }
}
