//! A load: the same request over and over, on some connections at once, for a while. One thread, and
//! as little work for an answer as counting it takes, so that what is measured is the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Larger than any answer that is counted here.
const ANSWER_MAX: usize = 16 << 10;

/// More headers than any answer that is counted here has.
const HEADERS_MAX: usize = 32;

/// What is sent, where, and on how many connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    /// Of the server.
    pub(crate) address: SocketAddr,
    /// The whole request.
    pub(crate) request: &'a [u8],
    /// How many at once; each sends its next request after its last answer.
    pub(crate) connections: usize,
}

impl Load<'_> {
    /// Answers a second, over `time`. Any answer but 200 is an error.
    pub(crate) fn run(self, time: Duration) -> anyhow::Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut streams = Vec::new();
            for _ in 0..self.connections {
                let stream = TcpStream::connect(self.address).await.context("connecting to the server")?;
                stream.set_nodelay(true)?;
                streams.push(stream);
            }
            let begun = Instant::now();
            let request: &'static [u8] = self.request.to_vec().leak();
            let tasks: Vec<_> = streams
                .into_iter()
                .map(|stream| tokio::spawn(repeat(stream, request, begun + time)))
                .collect();
            let mut answered = 0;
            for task in tasks {
                answered += task.await??;
            }
            Ok(f64::from(answered) / begun.elapsed().as_secs_f64())
        })
    }
}

/// Sends and counts until `end`.
async fn repeat(mut stream: TcpStream, request: &[u8], end: Instant) -> anyhow::Result<u32> {
    let mut buffer = vec![0; ANSWER_MAX];
    let mut answered = 0;
    while Instant::now() < end {
        stream.write_all(request).await.context("sending a request")?;
        let mut filled = 0;
        loop {
            let count = stream.read(&mut buffer[filled..]).await.context("reading an answer")?;
            ensure!(
                count > 0,
                "the server closed a connection, or its answer is larger than {ANSWER_MAX} bytes"
            );
            filled += count;
            if is_whole(&buffer[..filled])? {
                break;
            }
        }
        answered += 1;
    }
    Ok(answered)
}

/// Whether this is all of an answer.
fn is_whole(bytes: &[u8]) -> anyhow::Result<bool> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes)? else { return Ok(false) };
    if answer.code != Some(200) {
        bail!("the server answered {}", String::from_utf8_lossy(bytes));
    }
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let length = length.context("an answer has no length")?;
    Ok(bytes.len() >= head + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_counted_when_it_is_whole_and_good() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for cut in 0..whole.len() {
            assert!(!is_whole(&whole[..cut]).expect("so far so good"), "{cut}");
        }
        assert!(is_whole(whole).expect("good"));
        assert!(is_whole(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(is_whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
