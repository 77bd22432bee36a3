//! A load: requests over and over, on some connections at once, each sending its next one after its last
//! answer. One thread, and as little work for an answer as looking at it takes, so that what is seen is
//! the server. Refuses to know what is asked and what an answer should be.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Larger than any answer that is looked at here.
const ANSWER_MAX: usize = 16 << 10;

/// More headers than any answer that is looked at here has.
const HEADERS_MAX: usize = 32;

/// Why a load came to its end early.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection failed.
    #[error("while {doing}: {error}")]
    Connection {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        error: std::io::Error,
    },
    /// What came is no answer.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(String),
    /// It is not the answer that it should be.
    #[error("the server answered {status}, {body}: {why}")]
    Wrong {
        /// Its status code.
        status: u16,
        /// What it said.
        body: String,
        /// What is wrong with it.
        why: String,
    },
}

/// One answer, whole.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// When its request was sent.
    pub sent: Instant,
    /// When its last byte was read.
    pub read: Instant,
}

/// What is asked, and what is made of the answers.
pub trait Conversation {
    /// What of a request has to be known when its answer comes.
    type Turn;

    /// Writes the next request into `request`, which is empty; none ends the connection.
    fn next(&mut self, request: &mut Vec<u8>) -> Option<Self::Turn>;

    /// Takes an answer; an error, which says what is wrong with it, ends the load.
    fn answered(&mut self, turn: Self::Turn, answer: Whole<'_>) -> Result<(), String>;
}

/// Holds a conversation on so many connections until it ends on each.
pub fn converse(
    address: SocketAddr,
    connections: usize,
    conversation: &mut impl Conversation,
) -> Result<(), LoadError> {
    let failed = |doing| move |error| LoadError::Connection { doing, error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed("setting up a runtime"))?;
    let conversation = RefCell::new(conversation);
    runtime.block_on(async {
        let lines = FuturesUnordered::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await.map_err(failed("connecting to the server"))?;
            stream.set_nodelay(true).map_err(failed("connecting to the server"))?;
            lines.push(on_one_connection(stream, &conversation));
        }
        lines.try_collect::<()>().await
    })
}

async fn on_one_connection<C: Conversation>(
    mut stream: TcpStream,
    conversation: &RefCell<&mut C>,
) -> Result<(), LoadError> {
    let failed = |doing| move |error| LoadError::Connection { doing, error };
    let (mut request, mut buffer) = (Vec::new(), vec![0; ANSWER_MAX]);
    loop {
        request.clear();
        // The borrow ends before anything is waited for.
        let turn = conversation.borrow_mut().next(&mut request);
        let Some(turn) = turn else { return Ok(()) };
        let sent = Instant::now();
        stream.write_all(&request).await.map_err(failed("sending a request"))?;
        let mut filled = 0;
        let (status, body) = loop {
            let count = stream.read(&mut buffer[filled..]).await.map_err(failed("reading an answer"))?;
            if count == 0 {
                let why = format!("the connection was closed, or there are more than {ANSWER_MAX} bytes");
                return Err(LoadError::Unreadable(why));
            }
            filled += count;
            if let Some(whole) = whole(&buffer[..filled])? {
                break whole;
            }
        };
        let answer = Whole { status, body, sent, read: Instant::now() };
        conversation.borrow_mut().answered(turn, answer).map_err(|why| LoadError::Wrong {
            status,
            body: String::from_utf8_lossy(body).into_owned(),
            why,
        })?;
    }
}

/// The status and the body, if this is all of an answer.
fn whole(bytes: &[u8]) -> Result<Option<(u16, &[u8])>, LoadError> {
    let unreadable = || LoadError::Unreadable(String::from_utf8_lossy(bytes).into_owned());
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes).map_err(|_| unreadable())? else {
        return Ok(None);
    };
    let length = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let (Some(length), Some(status)) = (length, answer.code) else { return Err(unreadable()) };
    Ok(bytes.get(head..head + length).map(|body| (status, body)))
}

/// The same request over and over, whose every answer is 200.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// Of the server.
    pub address: SocketAddr,
    /// The whole request.
    pub request: &'a [u8],
    /// How many at once.
    pub connections: usize,
}

struct Same<'a> {
    request: &'a [u8],
    end: Instant,
    answered: u32,
}

impl Load<'_> {
    /// Answers a second, over `time`. Any answer but 200 is an error.
    pub fn run(self, time: Duration) -> Result<f64, LoadError> {
        let begun = Instant::now();
        let mut same = Same { request: self.request, end: begun + time, answered: 0 };
        converse(self.address, self.connections, &mut same)?;
        Ok(f64::from(same.answered) / begun.elapsed().as_secs_f64())
    }
}

impl Conversation for Same<'_> {
    type Turn = ();

    fn next(&mut self, request: &mut Vec<u8>) -> Option<()> {
        request.extend_from_slice(self.request);
        (Instant::now() < self.end).then_some(())
    }

    fn answered(&mut self, (): (), answer: Whole<'_>) -> Result<(), String> {
        self.answered += 1;
        if answer.status == 200 { Ok(()) } else { Err("200 was expected".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_when_it_is_whole() {
        let bytes = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno";
        for cut in 0..bytes.len() {
            assert_eq!(whole(&bytes[..cut]).expect("so far so good"), None, "{cut}");
        }
        assert_eq!(whole(bytes).expect("good"), Some((429, b"no".as_slice())));
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(whole(b"no HTTP at all\r\n\r\n").is_err());
    }
}
