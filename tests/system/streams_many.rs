//! A run that many watch at once, over both versions of HTTP, and one who does not read.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use overlord_tests::caller::Caller;
use overlord_tests::events::{Event, Parser, Stream, names};
use overlord_tests::host::{PATIENCE, Setup, wait_until};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use ureq::http::Request;

use crate::stand_in;
use crate::streams::run_of;

/// As many as the project promises.
const WATCHERS: usize = 200;

/// Over HTTP/2 a connection has no more than 64 streams, so they are spread over this many.
const CONNECTIONS: usize = 4;

/// Says a little, so that all can come and watch, waits, and then has 400 tools give back 48 KiB each:
/// more than the host remembers and the kernel keeps for a reader that does not read.
const TALKATIVE: &str = r#"
cat >"$HOME/question"
printf '{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"first "}},"session_id":"%s","parent_tool_use_id":null}\n' "$session"
while [ ! -e "$HOME/go" ]; do sleep 0.05; done
piece=$(printf '%049152d' 7)
count=0
while [ "$count" -lt 400 ]; do
    printf '{"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_%d","type":"tool_result","content":"%s","is_error":false}]},"session_id":"%s","parent_tool_use_id":null}\n' "$count" "$piece" "$session"
    count=$((count + 1))
    sleep 0.005
done
answer "at last"
"#;

/// A run that has begun and waits to be let go.
fn waiting(caller: &Caller, message: &str) -> (String, Stream) {
    let mut stream = Stream::ask(caller, &caller.new_session(), message);
    let (run, _) = run_of(&mut stream);
    (run, stream)
}

/// What a watcher was told, without the `resume` that only watchers have.
fn told(events: &[Event]) -> Vec<(String, String)> {
    let told = events.iter().filter(|event| event.name != "resume");
    told.map(|event| (event.id.clone().unwrap_or_default(), event.data.to_string())).collect()
}

#[test]
fn two_hundred_watchers_see_the_same() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (run, mut first) = waiting(&alice, "demo:words 100 demo:slow 5");
    let seen: Vec<_> = thread::scope(|scope| {
        let watch = || {
            let mut stream = Stream::watch(&alice, &run, None);
            let events = stream.rest();
            assert!(!stream.cut, "a watcher that reads was cut off");
            told(&events)
        };
        let watchers: Vec<_> = (0..WATCHERS).map(|_| scope.spawn(watch)).collect();
        watchers.into_iter().map(|watcher| watcher.join().expect("a watcher")).collect()
    });
    let asked = told(&first.rest());
    // The asker's first event was read before.
    assert!(seen.iter().all(|seen| seen[1..] == asked[..]), "not all were told the same");
}

#[test]
fn two_hundred_watchers_of_http_2_see_the_same() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (run, mut first) = waiting(&alice, "demo:words 100 demo:slow 5");
    let cookie = alice.cookie().expect("signed in").to_owned();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seen = runtime.block_on(async {
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            connections.spawn(watch_many(host.address(), run.clone(), cookie.clone()));
        }
        tokio::time::timeout(PATIENCE, connections.join_all()).await.expect("an end of all streams")
    });
    let seen: Vec<_> = seen.into_iter().flatten().collect();
    assert_eq!(seen.len(), WATCHERS);
    let asked = told(&first.rest());
    assert!(seen.iter().all(|seen| told(seen)[1..] == asked[..]), "not all were told the same");
}

/// One connection's share of the watchers.
async fn watch_many(address: SocketAddr, run: String, cookie: String) -> Vec<Vec<Event>> {
    let socket = tokio::net::TcpStream::connect(address).await.expect("reaching the host");
    let (mut requests, connection) = h2::client::handshake(socket).await.expect("speaking HTTP/2");
    let connection = tokio::spawn(connection);
    let mut watchers = JoinSet::new();
    for _ in 0..WATCHERS / CONNECTIONS {
        let request = Request::get(format!("http://{address}/agent/runs/{run}/events"))
            .header("accept", "text/event-stream")
            .header("cookie", &cookie)
            .body(())
            .expect("it is a request");
        requests = requests.ready().await.expect("room for another stream");
        let (answer, _) = requests.send_request(request, true).expect("asking");
        watchers.spawn(async move {
            let answer = answer.await.expect("an answer");
            assert_eq!(answer.status(), 200);
            let mut body = answer.into_body();
            let (mut parser, mut events) = (Parser::default(), Vec::new());
            while let Some(bytes) = body.data().await {
                let bytes = bytes.expect("a stream that goes on to its end");
                body.flow_control().release_capacity(bytes.len()).expect("what came can be given back");
                events.extend(parser.feed(&bytes));
            }
            events
        });
    }
    let events = watchers.join_all().await;
    drop(requests);
    connection.abort();
    events
}

#[test]
fn one_who_does_not_read_is_left_behind_and_may_come_back() {
    let host = stand_in::instead(Setup::new(), TALKATIVE).start();
    let alice = host.sign_in("alice");
    let (run, mut first) = waiting(&alice, "speak");
    let mut slow = TcpStream::connect(host.address()).expect("reaching the host");
    set_socket_recv_buffer_size(&slow, 4096).expect("a smaller buffer");
    slow.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let cookie = alice.cookie().expect("signed in");
    let head = format!(
        "GET /agent/runs/{run}/events HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n",
        host.address()
    );
    slow.write_all(head.as_bytes()).expect("asking");
    let mut begun = [0; 12];
    slow.read_exact(&mut begun).expect("an answer");
    assert_eq!(&begun, b"HTTP/1.1 200");

    let mut other = Stream::watch(&alice, &run, None);
    assert_eq!(other.next_event().expect("a first event").name, "resume");
    stand_in::let_go(host.setup());
    let (asked, others) = thread::scope(|scope| {
        let other = scope.spawn(|| other.rest());
        (first.rest(), other.join().expect("a watcher"))
    });
    assert_eq!(asked.last().map(|event| event.name.as_str()), Some("done"), "the run ends in time");
    assert!(told(&others).ends_with(&told(&asked)), "the others lose nothing");
    assert_eq!(asked.iter().filter(|event| event.name == "tool").count(), 400);

    let mut rest = Vec::new();
    // It may be a reset: all that counts is that there is an end, and that it is not the run's.
    let _ = slow.read_to_end(&mut rest);
    let rest = String::from_utf8_lossy(&rest);
    assert!(!rest.contains("event: done"), "{} bytes were kept for one who does not read", rest.len());
    let (complete, _) = rest.rsplit_once("\n\n").unwrap_or_default();
    let id = complete.split("\n\n").filter_map(|event| event.split_once("id: ")?.1.lines().next()).last();
    let mut back = Stream::watch(&alice, &run, id);
    let back = back.rest();
    assert_eq!(back.last().map(|event| event.name.as_str()), Some("done"), "{:?}", names(&back));
}

#[test]
fn as_many_listen_to_a_users_questions_as_may_and_no_more() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (run, first) = waiting(&alice, "demo:hang");
    let path = format!("/agent/runs/{run}/events");
    // The one who asked listens too.
    let mut held: Vec<_> = (1..256).map(|_| Stream::watch(&alice, &run, None)).collect();
    for stream in &mut held {
        assert_eq!(stream.next_event().expect("a first event").name, "resume");
    }
    let refused = alice.get(&path);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")), "{}", refused.text());
    held.pop();
    wait_until("room for another", || {
        Some(Stream::watch_at(&alice, &path, None)).filter(|stream| stream.status == 200)
    });
    drop(first);
}
