//! Connections: how many, how long a client may take over its headers, and how they end when the host
//! does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use super::first_words::FirstWords;

/// The most bytes of a request's head. A browser sends less than 8 KiB; more than this is answered
/// with 431.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long a client may take to send a request's head.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long a client may take nothing of what there is for it. A phone that changes its network takes
/// less, and a connection that never ends would keep its place from others.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// How many requests of one HTTP/2 connection are under way at once.
const STREAMS_MAX: u32 = 64;

/// How long open connections may take to end after the last question has been answered.
const END_TIME: Duration = Duration::from_secs(2);

/// What a server allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections at once; more wait to be accepted.
    pub connections_max: usize,
}

/// The client's address.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Connected<SocketAddr> for Peer {
    fn connect_info(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// Accepts connections until `stop` is true, then lets those that are open finish what they are at.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).expect("a small number"))
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(Some(HEAD_TIME));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: it passes when connections end.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let service =
            router.clone().map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(ConnectInfo(Peer(address)));
                request.map(axum::body::Body::new)
            });
        let mut stream = TimeoutStream::new(FirstWords::within(HEAD_TIME, stream));
        stream.set_write_timeout(Some(WRITE_TIME));
        let stream = TokioIo::new(Box::pin(stream));
        let connection = server.serve_connection_with_upgrades(stream, TowerToHyperService::new(service));
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            // What goes wrong here is the client's doing: it left, or does not speak HTTP.
            if let Err(error) = connection.await {
                tracing::debug!("a connection from {address} ended: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(END_TIME, graceful.shutdown()).await;
}
