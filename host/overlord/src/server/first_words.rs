//! A connection that says nothing: the server tells HTTP/1 from HTTP/2 by a connection's first bytes,
//! and waits for them without end, so that silent clients could take every place there is. Knows
//! nothing of HTTP but how long that part takes to say.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How many bytes tell the versions apart: HTTP/2's preface. Once they are here, each version has time
/// limits of its own.
const TELLING_BYTES: usize = 24;

/// A stream that fails where its first bytes take too long. An answer to a request that is shorter
/// than those bytes must be given, and the connection ends, within the same time.
#[derive(Debug)]
pub(super) struct FirstWords<S> {
    stream: S,
    missing: usize,
    time_is_up: Pin<Box<Sleep>>,
}

impl<S> FirstWords<S> {
    /// Expects the first bytes of `stream` within `time` from now.
    pub(super) fn within(time: Duration, stream: S) -> Self {
        Self { stream, missing: TELLING_BYTES, time_is_up: Box::pin(tokio::time::sleep(time)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstWords<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.missing == 0 {
            return read;
        }
        if read.is_pending() {
            ready!(self.time_is_up.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.missing = self.missing.saturating_sub(buffer.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstWords<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn too_few_bytes_end_the_connection() {
        for said in [0, 1, TELLING_BYTES - 1] {
            let (mut client, server) = tokio::io::duplex(64);
            client.write_all(&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..said]).await.expect("said");
            let mut server = FirstWords::within(SHORT, server);
            let mut heard = [0; TELLING_BYTES];
            let error = server.read_exact(&mut heard).await.expect_err("nothing more comes");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{said} bytes");
        }
    }

    #[tokio::test]
    async fn once_it_has_spoken_a_client_may_be_silent() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[b'x'; TELLING_BYTES]).await.expect("said");
        let mut server = FirstWords::within(SHORT, server);
        server.read_exact(&mut [0; TELLING_BYTES]).await.expect("heard");
        let mut more = [0; 1];
        let silence = tokio::time::timeout(5 * SHORT, server.read(&mut more)).await;
        assert!(silence.is_err(), "the connection ended: {silence:?}");
    }
}
