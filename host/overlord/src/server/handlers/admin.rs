//! What administrators see and change: the rules. The same for those who are signed in and for the control
//! socket; who asks, an [`Actor`] says that the door before them has put there.

mod candidate;
mod seen;

use std::future::Future;

use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use crate::capability::background;
use crate::domain::Actor;
use crate::generation::{ChangeError, Standing};
use crate::sandbox::package::Digest;
use crate::server::routes::InService;
use crate::server::{incoming, page, reply};

pub(in crate::server) use candidate::{abort, canary, promote, propose, shadow};
pub(in crate::server) use seen::{audit, divergences, figures, refusals};

/// The most bytes of a body that says what is to be changed: a digest and a sentence.
const CHANGE_BYTES_MAX: usize = 16 << 10;

/// The longest reason that is written down, in characters.
const REASON_CHARACTERS_MAX: usize = 500;

/// Why a digest is quarantined where nobody says why.
const NO_REASON: &str = "by hand";

/// `GET /admin`
pub(in crate::server) async fn page(headers: HeaderMap) -> Response {
    page::admin(&headers)
}

/// `GET /admin/api/rules`
pub(in crate::server) async fn rules(State(service): InService) -> Response {
    told(Ok(service.publisher.standing().await))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    to: Option<u64>,
}

/// `POST /admin/api/rollback`
pub(in crate::server) async fn roll_back(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Response {
    let RollBack { to } = match wanted(request, r#"{"to": the number of a generation}"#).await {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    changed(async move { service.publisher.roll_back(to, &actor).await }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quarantine {
    digest: String,
    reason: Option<String>,
}

/// `POST /admin/api/quarantine`
pub(in crate::server) async fn quarantine(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Response {
    let Quarantine { digest, reason } = match wanted(request, r#"{"digest": "…", "reason": "…"}"#).await {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    let reason = reason.filter(|reason| !reason.trim().is_empty()).unwrap_or_else(|| NO_REASON.to_owned());
    if reason.chars().count() > REASON_CHARACTERS_MAX || reason.contains(char::is_control) {
        return not_good(&format!(
            "A reason is one line of at most {REASON_CHARACTERS_MAX} characters without control characters"
        ));
    }
    let Some(digest) = Digest::parse(&digest) else { return no_digest() };
    changed(async move { service.publisher.quarantine(digest, &reason, &actor).await }).await
}

/// `DELETE /admin/api/quarantine/{digest}`
pub(in crate::server) async fn release(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    Path(digest): Path<String>,
) -> Response {
    let Some(digest) = Digest::parse(&digest) else { return no_digest() };
    changed(async move { service.publisher.release(digest, &actor).await }).await
}

fn no_digest() -> Response {
    not_good("A digest is the SHA-256 of a component's file: 64 hexadecimal digits, lower case")
}

fn not_good(detail: &str) -> Response {
    reply::error(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// What a body asks for: `expected`, or nothing where everything in it may be left out.
async fn wanted<T: DeserializeOwned>(request: Request, expected: &str) -> Result<T, Response> {
    let bytes = incoming::at_most(CHANGE_BYTES_MAX, request.into_body()).await?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text).map_err(|error| not_good(&format!("Expected {expected}: {error}")))
}

/// Makes a change to its end, whether whoever wants it stays or leaves: the server drops what waits for
/// it when a client hangs up.
async fn changed(change: impl Future<Output = Result<Standing, ChangeError>> + Send + 'static) -> Response {
    match background::spawn(change.in_current_span()).await {
        Ok(outcome) => told(outcome),
        Err(error) => {
            tracing::error!("a change of the rules ended unexpectedly: {error}");
            told(Err(ChangeError::Broken("The host failed; its log says why".to_owned())))
        }
    }
}

fn told(outcome: Result<Standing, ChangeError>) -> Response {
    match outcome {
        Ok(standing) => reply::json(StatusCode::OK, &standing),
        Err(error) => {
            let status = match &error {
                ChangeError::NotNow(_) => StatusCode::CONFLICT,
                ChangeError::NotGood(_) => StatusCode::UNPROCESSABLE_ENTITY,
                ChangeError::Unknown(_) => StatusCode::NOT_FOUND,
                ChangeError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            reply::error(status, &error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_refusal_has_its_status() {
        let said = "why".to_owned();
        for (error, status) in [
            (ChangeError::NotNow(said.clone()), 409),
            (ChangeError::NotGood(said.clone()), 422),
            (ChangeError::Unknown(said.clone()), 404),
            (ChangeError::Broken(said), 500),
        ] {
            assert_eq!(told(Err(error)).status().as_u16(), status);
        }
    }
}
