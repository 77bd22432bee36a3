//! Sends one export to a collector, by the HTTP client that belongs to the server's own library. The
//! exporter asks from a thread of its own, so the work is done on the runtime and waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::EXPORT_TIME;

/// The most bytes of a collector's answer: it says how many spans it took.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The port of a collector whose address names none.
const PORT: u16 = 80;

/// Sends on a runtime.
#[derive(Debug)]
pub(super) struct Sender {
    runtime: Handle,
    /// Whether the last export was lost: that is said once, and not every five seconds.
    losing: Arc<AtomicBool>,
}

impl Sender {
    /// On the runtime that this is called in.
    pub(super) fn here() -> Self {
        Self { runtime: Handle::current(), losing: Arc::default() }
    }
}

impl HttpClient for Sender {
    // As the trait's macro writes it.
    fn send_bytes<'own, 'done>(
        &'own self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'done>>
    where
        'own: 'done,
        Self: 'done,
    {
        // Awaiting a task's end needs no runtime, unlike all that the task does.
        let losing = Arc::clone(&self.losing);
        let sending = self.runtime.spawn(async move {
            let to = request.uri().to_string();
            let outcome = match tokio::time::timeout(EXPORT_TIME, sent(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(format!("it took longer than {} s", EXPORT_TIME.as_secs()).into()),
            };
            say(&losing, &to, &outcome);
            outcome
        });
        Box::pin(async { sending.await? })
    }
}

/// Tells the log where spans begin to be lost, and where they arrive again.
fn say(losing: &AtomicBool, to: &str, outcome: &Result<Response<Bytes>, HttpError>) {
    let why = match outcome {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!("it answers {}", answer.status())),
        Err(error) => Some(error.to_string()),
    };
    match (why, losing.load(Ordering::Relaxed)) {
        (Some(why), false) => tracing::warn!(
            "spans are lost until {to} takes them (`otlp.endpoint`): {why}; requests are answered all the same"
        ),
        (None, true) => tracing::info!("spans are taken by {to} again"),
        (Some(_), true) | (None, false) => return,
    }
    losing.fetch_not(Ordering::Relaxed);
}

async fn sent(mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let authority = request.uri().authority().ok_or("the collector's address names no host")?.clone();
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(PORT))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    request.headers_mut().insert(hyper::header::HOST, authority.as_str().parse()?);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
    *request.uri_mut() = path;
    let (parts, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(parts, body))
}
