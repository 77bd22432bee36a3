//! From a configuration to a host that serves, and from a signal to one that has stopped. The only
//! place that knows all rooms of the house.
#![expect(clippy::disallowed_methods, reason = "the host's own folders are made here, before anything runs")]

mod agents;
mod build;
mod folders;
mod hello;
mod plan;
mod reload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

pub use agents::Program;
pub use build::StartError;
pub use folders::{DECISIONS_KEY, DataFolder, FolderError};
pub use plan::plan;

use crate::capability::control::ControlSocket;
use crate::capability::{background, clock};
use crate::config::{Config, Surroundings};
use crate::generation::{Publisher, figures};
use crate::pipeline::{self, House};
use crate::server::{self, Limits, Shared};

/// How long the recording of the last decisions may hold up the end: the disk may hang.
const LAST_DECISIONS: Duration = Duration::from_secs(5);

/// A host that is ready to serve.
#[derive(Debug)]
pub struct Host {
    config: Config,
    surroundings: Surroundings,
    listener: TcpListener,
    address: SocketAddr,
    publisher: Arc<Publisher>,
    service: Shared,
    control: Option<ControlSocket>,
    program: Program,
    signals: Signals,
}

impl Host {
    /// Makes everything ready: folders, state, components, the wall, the port.
    pub async fn start(config: Config, surroundings: Surroundings) -> Result<Self, StartError> {
        // First of all: a signal that comes while the host starts waits until there is somebody to
        // heed it, and kills nothing half-made.
        let signals = Signals::new()?;
        build::build(config, surroundings, signals).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to type to ask a first question, with a credential for `user`.
    pub async fn hello(&self, user: &str) -> Result<String, StartError> {
        hello::hello(self, user).await
    }

    /// Serves until it is told to stop (SIGTERM, SIGINT), then ends in order: no new questions, the
    /// running ones to their end or to their time, then the connections.
    pub async fn serve(self) -> Result<(), StartError> {
        let Signals { mut stop_signals, hangups } = self.signals;
        let (stop, stopping) = watch::channel(false);
        let limits = Limits { connections_max: self.config.server.connections_max };
        let router = server::router(Arc::clone(&self.service));
        let serving = tokio::spawn(server::serve(self.listener, router, limits, stopping.clone()));
        let controlled = self
            .control
            .map(|socket| tokio::spawn(server::serve_control(socket, Arc::clone(&self.service), stopping)));
        let counting = background::spawn(count(Arc::clone(&self.service)));
        let watching = background::spawn(crate::generation::watch(Arc::clone(&self.publisher)));
        let reloading = background::spawn(reload::on_hangup(
            hangups,
            Arc::clone(&self.publisher),
            self.config.clone(),
            self.surroundings,
        ));
        let guarding = background::spawn(crate::generation::keep_to(Arc::clone(&self.publisher)));
        let purging = background::spawn(purge(Arc::clone(&self.service.house)));
        stop_signals.recv().await;
        watching.abort();
        counting.abort();
        reloading.abort();
        guarding.abort();
        purging.abort();
        end_runs(&self.service.house, &self.config, &mut stop_signals).await;
        stop.send_replace(true);
        let _ = serving.await;
        if let Some(controlled) = controlled {
            let _ = controlled.await;
        }
        if tokio::time::timeout(LAST_DECISIONS, self.service.house.recorder.remember.flush()).await.is_err() {
            tracing::warn!("the last decisions could not be recorded within {LAST_DECISIONS:?}");
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Removes deleted sessions for good when their time has come: at the start, and every hour.
async fn purge(house: Arc<House>) {
    const EVERY: Duration = Duration::from_hours(1);
    loop {
        pipeline::sessions::purge(&house, clock::now()).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// Counts what the rules do, for those who watch.
async fn count(service: Shared) {
    figures::keep(&service.figures, &service.publisher).await;
}

/// What a host is told from outside.
#[derive(Debug)]
struct Signals {
    stop_signals: StopSignals,
    hangups: Signal,
}

/// The signals that end a host.
#[derive(Debug)]
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(|error| StartError::Signals(error.to_string()));
        let stop_signals = StopSignals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        };
        Ok(Self { stop_signals, hangups: listen(SignalKind::hangup())? })
    }
}

impl StopSignals {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Lets the running questions end; stops those that take too long, or all when told twice.
async fn end_runs(house: &House, config: &Config, signals: &mut StopSignals) {
    let places = &house.admission.places;
    places.close();
    let running = places.total();
    if running > 0 {
        tracing::info!(
            "stopping: {running} questions may run for {} s more; a second signal stops them at once",
            config.server.stop_after.as_secs()
        );
    }
    tokio::select! {
        () = places.empty() => return,
        () = tokio::time::sleep(config.server.stop_after) => {}
        () = signals.recv() => {}
    }
    tracing::warn!("stopping {} questions that are still running", places.total());
    house.runs.stop_all();
    places.empty().await;
}
