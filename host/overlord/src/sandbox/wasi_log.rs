//! The output of a guest that was granted the empty WASI: lines in the host's log.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// The longest line that is written to the log in one piece.
const LINE_BYTES_MAX: usize = 4 << 10;

/// Writes what a guest prints to the log, a line at a time.
#[derive(Debug, Clone)]
pub(super) struct LogStream {
    component: Arc<str>,
}

impl LogStream {
    pub(super) fn new(component: &str) -> Self {
        Self { component: component.into() }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { component: Arc::clone(&self.component), pending: Vec::new() })
    }
}

struct Lines {
    component: Arc<str>,
    pending: Vec<u8>,
}

impl Lines {
    fn say(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        tracing::info!(component = %self.component, "component says: {}", text.escape_debug());
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.pending.extend_from_slice(bytes);
        while let Some(end) = self
            .pending
            .iter()
            .position(|byte| *byte == b'\n')
            .or((self.pending.len() >= LINE_BYTES_MAX).then_some(LINE_BYTES_MAX - 1))
        {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.say(line.strip_suffix(b"\n").unwrap_or(&line));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.pending.is_empty() {
            self.say(&self.pending);
        }
    }
}
