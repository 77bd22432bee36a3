//! Someone on the network who is out to keep others from being served. Owns the attempts; what an answer
//! looks like is others' matter.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use overlord_tests::host::{PATIENCE, Setup};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use crate::wire;

/// Connections that never say enough to be answered: a silent one, one that might become either version
/// of HTTP, and one that stops before the end of its head.
const UNFINISHED: [&[u8]; 3] = [b"", b"P", b"GET /agent/health HTTP/1.1\r\n"];

#[test]
fn connections_that_never_ask_give_their_places_back() {
    let host = Setup::new().with("OVERLORD_SERVER_CONNECTIONS_MAX", UNFINISHED.len().to_string()).start();
    let held = UNFINISHED.map(|said| {
        let mut stream = TcpStream::connect(host.address()).expect("reaching the host");
        stream.write_all(said).expect("saying a little");
        stream
    });
    // All places are taken: who comes now waits until they are given back.
    assert_eq!(host.anyone().get("/agent/health").status, 200);
    for (mut stream, said) in held.into_iter().zip(UNFINISHED) {
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let ended = stream.read_to_end(&mut Vec::new());
        assert!(ended.is_ok(), "{} was not ended: {ended:?}", said.escape_ascii());
    }
}

#[test]
fn who_asks_and_never_reads_gives_the_place_back() {
    let host = Setup::new().with("OVERLORD_SERVER_CONNECTIONS_MAX", "1").start();
    let mut stream = TcpStream::connect(host.address()).expect("reaching the host");
    set_socket_recv_buffer_size(&stream, 4096).expect("a smaller buffer");
    stream.set_write_timeout(Some(Duration::from_millis(100))).expect("a limit");
    // The page again and again, until neither side takes more.
    let asking = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    while stream.write_all(&asking).is_ok() {}
    // The only place is taken: who comes now waits until it is given back.
    assert_eq!(host.anyone().get("/agent/health").status, 200);
}

#[test]
fn bytes_in_another_applications_cookie_do_not_sign_anybody_out() {
    let host = Setup::new().start();
    let cookie = host.sign_in("alice").cookie().expect("she has one").to_owned();
    let mut stream = TcpStream::connect(host.address()).expect("reaching the host");
    stream
        .write_all(b"POST /agent/sessions/new HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        .expect("sent");
    stream.write_all(b"Content-Length: 0\r\nCookie: theirs=caf\xe9 \xc3\xa9; ").expect("sent");
    stream.write_all(format!("{cookie}\r\n\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn a_name_that_was_made_to_lead_here_opens_nothing() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast a secret").status, 200);
    let cookie = alice.cookie().expect("she has one");
    // The page's own origin, as its browser sees it: all that it says agrees with itself.
    let name = format!("rebound.example:{}", host.address().port());
    for first in [
        format!("GET /agent/sessions/{session}/history"),
        "GET /".to_owned(),
        "POST /agent/sessions/new".to_owned(),
        "POST /logout".to_owned(),
    ] {
        let request = format!(
            "{first} HTTP/1.1\r\nHost: {name}\r\nOrigin: http://{name}\r\nSec-Fetch-Site: same-origin\r\n\
             Cookie: {cookie}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        let answer =
            String::from_utf8(wire::rest(wire::send(host.address(), request.as_bytes()))).expect("text");
        assert!(answer.starts_with("HTTP/1.1 421 "), "{first}: {answer}");
        assert!(!answer.contains("rebound") && !answer.contains("a secret"), "{first}: {answer}");
    }
}
