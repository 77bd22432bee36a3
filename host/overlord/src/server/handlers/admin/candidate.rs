//! The candidate: brought in, compared, given a share of the callers, promoted, let go of.

use std::time::Duration;

use axum::extract::{Extension, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{changed, not_good, wanted};
use crate::domain::Actor;
use crate::sandbox::SlotName;
use crate::sandbox::package::COMPONENT_BYTES_MAX;
use crate::server::query::Query;
use crate::server::routes::InService;
use crate::server::{incoming, reply};

/// How long a component may take to arrive: the largest one over a line of 5 Mbit/s.
const UPLOAD_TIME: Duration = Duration::from_mins(2);

/// How many components may be on their way or tried at once: each takes its size in memory, and one
/// administrator sends one.
const UPLOADS_MAX: usize = 2;

/// How long someone should wait where there are so many.
const UPLOAD_AGAIN_S: u32 = 5;

/// The longest name of an entry, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// The places of components that are on their way.
static UPLOADS: Semaphore = Semaphore::const_new(UPLOADS_MAX);

/// `POST /admin/api/candidate?slot=&entry=`
pub(in crate::server) async fn propose(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let query = Query::read(query.as_deref());
    let Some(slot) = query.text("slot").and_then(SlotName::of) else {
        let slots = SlotName::ALL.map(SlotName::as_str).join(", ");
        return not_good(&format!("The slot is missing or none: ?slot= is one of {slots}"));
    };
    let entry = query.text("entry").map(str::to_owned);
    if entry.as_deref().is_some_and(|name| !is_name(name)) {
        return not_good("The name of an entry has lower-case letters, digits and -");
    }
    let Ok(place) = UPLOADS.try_acquire() else {
        let detail = "Other components are being loaded; try again soon";
        return reply::later(StatusCode::SERVICE_UNAVAILABLE, detail, UPLOAD_AGAIN_S);
    };
    let max = usize::try_from(COMPONENT_BYTES_MAX).expect("a host has more memory");
    let bytes = match incoming::within(UPLOAD_TIME, max, request.into_body()).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    changed(async move {
        let _place = place;
        service.publisher.propose(slot, entry.as_deref(), &bytes, &actor).await
    })
    .await
}

/// As the configuration has them.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(plain)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `POST /admin/api/candidate/shadow`
pub(in crate::server) async fn shadow(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Response {
    if let Err(answer) = wanted::<Nothing>(request, "{}").await {
        return answer;
    }
    changed(async move { service.publisher.shadow(&actor).await }).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Canary {
    percent: f64,
}

/// `POST /admin/api/candidate/canary`
pub(in crate::server) async fn canary(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Response {
    let Canary { percent } = match wanted(request, r#"{"percent": a number}"#).await {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    if !(percent > 0.0 && percent <= 100.0) {
        return not_good("A share of the callers is more than 0 percent and at most 100");
    }
    changed(async move { service.publisher.canary(percent, &actor).await }).await
}

/// `POST /admin/api/candidate/promote`
pub(in crate::server) async fn promote(
    State(service): InService,
    Extension(actor): Extension<Actor>,
    request: Request,
) -> Response {
    if let Err(answer) = wanted::<Nothing>(request, "{}").await {
        return answer;
    }
    changed(async move { service.publisher.promote(&actor).await }).await
}

/// `DELETE /admin/api/candidate`
pub(in crate::server) async fn abort(
    State(service): InService,
    Extension(actor): Extension<Actor>,
) -> Response {
    changed(async move { service.publisher.abort(&actor).await }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["limit-window", "a", "7", &"x".repeat(NAME_BYTES_MAX)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "A", "a/b", "..", "a b", "\u{e9}", "a\n", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
