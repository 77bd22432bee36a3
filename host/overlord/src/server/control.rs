//! The control socket: the addresses for administrators, for whoever runs the host's machine. Owns who
//! may speak there; knows no auth component, so that a broken one locks no operator out.

mod client;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use super::bearer::bearer;
use super::dispatch::admin_router;
use super::reply;
use super::routes::Shared;
use crate::capability::control::{ControlSocket, Token, speaker};
use crate::domain::Actor;

pub use client::{Said, ask};

/// How many connections at once: commands that somebody types.
const CONNECTIONS_MAX: u32 = 16;

/// How long a head may take that the machine itself sends.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The most bytes of a head; a token and an address have some 200.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long one request may take, all in all: the largest component takes a minute to compile.
const REQUEST_TIME: Duration = Duration::from_mins(5);

/// How long what is under way may take to end when the host does.
const END_TIME: Duration = Duration::from_secs(2);

/// Accepts connections until `stop` is true. The socket's files are gone when it returns.
pub async fn serve_control(socket: ControlSocket, service: Shared, mut stop: watch::Receiver<bool>) {
    let listener = match socket.listener().and_then(UnixListener::from_std) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!("nobody can speak over the control socket: {error}");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let routes = admin_router(service);
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (routes, token) = (routes.clone(), socket.token().clone());
                tokio::spawn(async move {
                    speak(stream, routes, token).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection to the control socket: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(socket);
    let _ = tokio::time::timeout(END_TIME, places.acquire_many(CONNECTIONS_MAX)).await;
}

/// Answers the one request of a connection.
async fn speak(stream: UnixStream, routes: Router, token: Token) {
    let speaker = stream.peer_cred().ok().and_then(|peer| speaker(peer.uid()));
    let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (routes, token, speaker) = (routes.clone(), token.clone(), speaker.clone());
        async move {
            let request = request.map(axum::body::Body::new);
            Ok::<_, std::convert::Infallible>(answer(routes, &token, speaker, request).await)
        }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false);
    let connection = server.serve_connection(TokioIo::new(stream), answer);
    match tokio::time::timeout(REQUEST_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a connection to the control socket ended: {error}"),
        Err(_) => tracing::warn!("a request over the control socket took too long"),
    }
}

async fn answer(routes: Router, token: &Token, speaker: Option<Actor>, mut request: Request) -> Response {
    let Some(speaker) = speaker else {
        return reply::error(
            StatusCode::FORBIDDEN,
            "Only the user that the host runs as, and root, may speak over the control socket",
        );
    };
    if !bearer(request.headers()).is_some_and(|shown| token.is(shown)) {
        return reply::error(
            StatusCode::UNAUTHORIZED,
            "The token is not this host's; it is in control.token, beside the socket",
        );
    }
    request.extensions_mut().insert(speaker);
    match routes.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
