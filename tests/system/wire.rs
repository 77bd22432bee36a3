//! Bytes on a socket, for what no HTTP library sends or would forgive: heads that are far too large,
//! bodies that never come, readers that stop reading, answers that break off.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, PATIENCE};

/// Connects and sends `bytes`. An error of writing is passed over: a host that has seen enough closes
/// before the last byte was sent, and its answer is what counts.
pub fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("reaching the host");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let _ = stream.write_all(bytes);
    stream
}

/// All that comes until the host closes, or cuts.
pub fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            panic!("neither an end nor another byte after {} bytes", bytes.len())
        }
        Ok(_) | Err(_) => bytes,
    }
}

/// The status code of an answer.
#[track_caller]
pub fn status(answer: &[u8]) -> u16 {
    let code = answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let code = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
    code.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(answer)))
}

/// A request of HTTP/1.1 without a body, as this caller would send it, that closes the connection.
pub fn head(host: &Host, caller: &Caller, method: &str, path: &str, more: &str) -> Vec<u8> {
    let cookie = caller.cookie().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    let address = host.address();
    format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{cookie}Connection: close\r\n{more}\r\n")
        .into_bytes()
}
