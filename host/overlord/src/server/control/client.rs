//! The other end of the control socket: one request, and the host's answer. Knows no command and nothing
//! of what an answer says.

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::capability::control::{Unreachable, reach};

/// How long an answer may take: as long as the host lets a request take.
const ANSWER_TIME: Duration = super::REQUEST_TIME;

/// The most bytes of an answer: a hundred audit lines have 400 KiB.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A host's answer.
#[derive(Debug)]
pub struct Said {
    /// Whether it did what it was asked.
    pub done: bool,
    /// The status code.
    pub status: u16,
    /// The body: JSON.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody is there.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It broke off.
    #[error("the host broke off before it had answered ({0}); its log says why")]
    Broken(String),
    /// It took too long.
    #[error("the host has not answered for {} s; its log says what it is at", ANSWER_TIME.as_secs())]
    Late,
}

/// Asks the host of a data folder.
pub async fn ask(
    data: &Path,
    method: &str,
    path: &str,
    content_type: &str,
    body: Vec<u8>,
) -> Result<Said, NoAnswer> {
    let (stream, token) = reach(data)?;
    let broken = |error: &dyn std::fmt::Display| NoAnswer::Broken(error.to_string());
    let stream = UnixStream::from_std(stream).map_err(|error| broken(&error))?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        .header(header::CONTENT_TYPE, content_type)
        .body(Body::from(body))
        .map_err(|error| broken(&error))?;
    let exchange = async {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| NoAnswer::Broken(error.to_string()))?.to_bytes().to_vec();
        Ok(Said { done: status == StatusCode::OK, status: status.as_u16(), body })
    };
    tokio::time::timeout(ANSWER_TIME, exchange).await.unwrap_or(Err(NoAnswer::Late))
}
