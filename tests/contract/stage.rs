//! What every contract test stands on: one sandbox for all of them, the built components, and an ear
//! for the log. Knows no world in particular and no expectation.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use overlord::sandbox::{CodeCache, Loader, Policy, Sandbox, Terms, World};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Those that the project brings, by the name of their file.
pub const COMPONENTS: [&str; 11] = [
    "agent-claude",
    "audit-cef",
    "audit-ecs",
    "audit-jsonl",
    "auth-cookie",
    "auth-jwt",
    "auth-proxy",
    "history-claude",
    "limit-bucket",
    "limit-quota",
    "limit-window",
];

/// The engine of this process, as a host has one.
pub fn sandbox() -> Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    let sandbox = SANDBOX.get_or_init(|| Arc::new(Sandbox::new().expect("an engine can be set up here")));
    Arc::clone(sandbox)
}

/// Compiles the project's own components once for all runs of these tests.
pub fn loader() -> Loader {
    let code = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract-code");
    Loader::new(sandbox(), CodeCache::at(&code))
}

/// Compiles every time: for components that a test makes up.
pub fn forgetful_loader() -> Loader {
    Loader::new(sandbox(), CodeCache::none())
}

/// The bytes of a component that the build left behind.
#[track_caller]
pub fn built(name: &str) -> Vec<u8> {
    let path = overlord_tests::host::built(&format!("target/components/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; run `make build` first", path.display()))
}

/// A slot that says nothing but these settings.
pub fn terms(settings: &[(&str, &str)]) -> Terms {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Terms { settings, ..Terms::default() }
}

/// One of the project's components, ready to be called.
pub async fn policy<W: World>(name: &str, settings: &[(&str, &str)]) -> Policy<W> {
    let loaded = loader().prepare(name, &built(name), terms(settings)).await;
    loaded.unwrap_or_else(|error| panic!("{name} does not load: {error}"))
}

/// A component that a test made up, ready to be called.
pub async fn made_up<W: World>(component: &[u8], terms: Terms) -> Policy<W> {
    let loaded = forgetful_loader().prepare("made-up", component, terms).await;
    loaded.unwrap_or_else(|error| panic!("the component that this test is about does not load: {error}"))
}

/// What this thread has written to the log since it began to listen.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens until the guard is dropped.
    pub fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
