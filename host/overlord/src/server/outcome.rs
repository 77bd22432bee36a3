//! What comes of a question in the words of HTTP: the one list of statuses, sentences and reasons, for a
//! plain answer and for the last event of a streamed one.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::Response;

use super::reply;
use crate::domain::NotAnswered;
use crate::pipeline;

/// How long someone should wait where the host is full: a short run's length.
const FULL_RETRY_S: u32 = 5;

/// How long while the host restarts.
const STOPPING_RETRY_S: u32 = 10;

/// Why there is no answer, for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The status of a plain answer.
    pub(super) status: StatusCode,
    /// The sentence.
    pub(super) detail: String,
    /// One word for programs.
    pub(super) reason: &'static str,
    /// After how many seconds asking again may help.
    pub(super) retry_after_s: Option<u32>,
}

impl Failure {
    pub(super) fn of(why: &NotAnswered) -> Self {
        let (status, detail, reason, retry_after_s): (_, Cow<'_, str>, _, _) = match why {
            NotAnswered::NoSession => (StatusCode::NOT_FOUND, "session not found".into(), "not_found", None),
            NotAnswered::Deleted => (StatusCode::NOT_FOUND, reply::DELETED.into(), "not_found", None),
            NotAnswered::Refused(refusal) => {
                let message = refusal.message.as_str().into();
                (StatusCode::TOO_MANY_REQUESTS, message, "refused", refusal.retry_after_s)
            }
            NotAnswered::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "As many questions are being answered as this host can; try again soon".into(),
                "full",
                Some(FULL_RETRY_S),
            ),
            NotAnswered::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The service is stopping; try again soon".into(),
                "stopping",
                Some(STOPPING_RETRY_S),
            ),
            NotAnswered::Broken => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Questions cannot be taken right now; the host's log says why".into(),
                "broken",
                None,
            ),
            NotAnswered::Failed(why) => (StatusCode::BAD_GATEWAY, why.as_str().into(), "failed", None),
            NotAnswered::Cancelled(why) => {
                (StatusCode::BAD_GATEWAY, pipeline::words(*why).into(), "cancelled", None)
            }
            NotAnswered::Interrupted => (
                StatusCode::BAD_GATEWAY,
                "the service was restarted while the question was being answered; ask again".into(),
                "interrupted",
                None,
            ),
        };
        Self { status, detail: detail.into_owned(), reason, retry_after_s }
    }

    pub(super) fn into_response(self) -> Response {
        match self.retry_after_s {
            Some(seconds) => reply::later(self.status, &self.detail, seconds),
            None => reply::error(self.status, &self.detail),
        }
    }
}
