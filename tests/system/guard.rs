//! What stands before every address: requests that name another host, requests that another site's page
//! sent, and what proxies may say of others. Goes through the service's own table of addresses, so that
//! none can be added that is not tried here.

use overlord::server::{Access, ROUTES, Route};
use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};

use crate::wire;

const UUID: &str = "3f2a9c1e-5b7d-4e8f-9a0b-1c2d3e4f5a6b";

/// What goes with every answer.
const DRESS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Methods that somebody might try.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"];

/// An address that a route answers at.
pub fn path(route: &Route) -> String {
    let part = |part: &str| if part.starts_with('{') { UUID.to_owned() } else { part.to_owned() };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Every address, each also as it may be written otherwise, and some where there is nothing.
fn addresses() -> Vec<String> {
    let known = ROUTES.iter().map(path);
    let all = known.flat_map(|path| {
        let encoded =
            format!("/%{:02x}{}", path.as_bytes().get(1).unwrap_or(&b'.'), path.get(2..).unwrap_or(""));
        [format!("{path}/"), encoded, format!("{path}?a=b"), path]
    });
    all.chain(["/nothing", "/agent", "/agent/", "//", "/assets/../login", "/%"].map(str::to_owned)).collect()
}

/// The answer to a request of HTTP/1.1 with these lines of a head.
fn raw(host: &Host, first: &str, lines: &[String]) -> (u16, String) {
    let lines = lines.join("\r\n");
    let head = format!("{first} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n{lines}\r\n\r\n");
    let answer = wire::rest(wire::send(host.address(), head.as_bytes()));
    (wire::status(&answer), String::from_utf8_lossy(&answer).into_owned())
}

fn from(caller: &Caller, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    caller.send(method, path, headers, None)
}

#[track_caller]
fn dressed(answer: &Answer, what: &str) {
    for (name, value) in DRESS {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
    }
    let policy = answer.header("content-security-policy").expect(what);
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
    assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
}

#[test]
fn nothing_is_answered_under_another_hosts_name() {
    let host = Setup::new().start();
    let cookie = host.sign_in("alice").cookie().expect("she has one").to_owned();
    for address in addresses() {
        for method in METHODS {
            for name in ["evil.example", "127.0.0.1.evil.example", ""] {
                let lines = [format!("Host: {name}"), format!("Cookie: {cookie}")];
                let (status, answer) = raw(&host, &format!("{method} {address}"), &lines);
                assert_eq!(status, 421, "{method} {address} at {name:?}: {answer}");
                assert!(!answer.contains("evil"), "{answer}");
                assert!(method == "HEAD" || answer.contains("server.allowed_hosts"), "{answer}");
            }
        }
    }
}

#[test]
fn nothing_is_changed_for_another_sites_page() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    for address in addresses() {
        for method in METHODS.into_iter().filter(|method| !matches!(*method, "GET" | "HEAD")) {
            for header in
                [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
            {
                let answer = from(&alice, method, &address, &[header]);
                assert_eq!(answer.status, 403, "{method} {address} {header:?}: {}", answer.text());
                dressed(&answer, &address);
            }
        }
    }
    // That the first rules serve is told when a host starts.
    let told = host.audit();
    assert!(told.iter().all(|line| line["user"] == "host"), "nothing has come of it: {told:?}");
}

#[test]
fn the_host_is_said_once_and_is_one_of_the_services() {
    let host = Setup::new().with("OVERLORD_SERVER_ALLOWED_HOSTS", "agent.example, 192.0.2.1").start();
    let port = host.address().port();
    let ask = |target: &str, hosts: &[&str]| {
        let lines: Vec<_> = [format!("X-None: {}", hosts.len())]
            .into_iter()
            .chain(hosts.iter().map(|name| format!("Host: {name}")))
            .collect();
        raw(&host, &format!("GET {target}"), &lines).0
    };
    let here = format!("127.0.0.1:{port}");
    for name in [
        &*here,
        "localhost",
        "LOCALHOST.",
        "localhost:1",
        "[::1]:9",
        "127.3.2.1",
        "Agent.Example.:77",
        "192.0.2.1",
    ] {
        assert_eq!(ask("/agent/health", &[name]), 200, "{name}");
    }
    for name in
        ["agent.example.evil", "192.0.2.2", "0.0.0.0", "[::]", "x@localhost", "localhost:65536", "a b"]
    {
        assert_eq!(ask("/agent/health", &[name]), 421, "{name}");
    }
    assert_eq!(ask("/agent/health", &[]), 421, "none");
    assert_eq!(ask("/agent/health", &[&here, &here]), 421, "two");
    assert_eq!(ask("/agent/health", &[&here, "evil.example"]), 421, "two that differ");
    // As to a proxy: what the line says and what the header says must be the same.
    assert_eq!(ask(&format!("http://{here}/agent/health"), &[&here]), 200);
    for (target, name) in
        [(&*here, "evil.example"), ("evil.example", &*here), ("evil.example", "evil.example")]
    {
        assert_eq!(ask(&format!("http://{target}/agent/health"), &[name]), 421, "{target} {name}");
    }
    for first in ["OPTIONS *", "CONNECT evil.example:443"] {
        let (status, answer) = raw(&host, first, &["Host: evil.example".to_owned()]);
        assert_eq!(status, 421, "{first}: {answer}");
    }
    let old = wire::rest(wire::send(host.address(), b"GET /agent/health HTTP/1.0\r\n\r\n"));
    assert!(old.starts_with(b"HTTP/1.0 421"), "{}", String::from_utf8_lossy(&old));
}

#[test]
fn the_services_own_page_may_ask() {
    let host = Setup::new().with("OVERLORD_SERVER_PUBLIC_URL", "https://agent.example").start();
    let alice = host.sign_in("alice");
    let address = host.address();
    let own = format!("http://{address}");
    let post = |headers: &[(&str, &str)]| from(&alice, "POST", "/agent/sessions/new", headers).status;
    assert_eq!(post(&[]), 200, "a script sends neither");
    assert_eq!(post(&[("origin", &own)]), 200);
    assert_eq!(post(&[("origin", "https://agent.example")]), 200);
    assert_eq!(post(&[("origin", &own), ("sec-fetch-site", "same-origin")]), 200);
    assert_eq!(post(&[("sec-fetch-site", "none")]), 200);
    for origin in [
        "null",
        "http://agent.example",
        "https://agent.example:444",
        "https://other.agent.example",
        "http://127.0.0.1",
        "http://localhost",
        &format!("http://localhost:{}", address.port()),
        &format!("http://127.0.0.1:{}", address.port() ^ 1),
        &format!("{own}.evil.example"),
        &format!("{own}/x"),
        &format!("{own}, http://evil.example"),
    ] {
        assert_eq!(post(&[("origin", origin)]), 403, "{origin}");
        assert_eq!(post(&[("origin", origin), ("sec-fetch-site", "same-origin")]), 403, "{origin}");
    }
    for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
        assert_eq!(post(&[("sec-fetch-site", site)]), 403, "{site}");
        assert_eq!(post(&[("origin", &own), ("sec-fetch-site", site)]), 403, "{site}");
    }
}

#[test]
fn a_form_of_another_site_asks_nothing() {
    let host = Setup::new().start();
    let alice = host.sign_in_as("alice", &["admin"]);
    let body = format!(r#"{{"session_id":"{UUID}","message":"demo:fast hi"}}"#);
    // A connection each: one whose body was not read is closed behind the answer.
    let send = |path: &str, headers: &[(&str, &str)]| {
        let alice = host.anyone().with_cookie(alice.cookie());
        alice.send("POST", path, headers, Some(body.as_bytes())).status
    };
    let plain = ("content-type", "text/plain");
    assert_eq!(send("/agent/ask", &[plain, ("origin", "http://evil.example")]), 403);
    // Without a word about where it comes from, the type tells. Here in the original's words.
    assert_eq!(send("/agent/ask", &[plain]), 422);
    assert_eq!(send("/agent/ask", &[]), 422);
    assert_eq!(send("/agent/ask", &[("content-type", "application/json")]), 200);
    for route in ROUTES.iter().filter(|route| route.method == "POST" && route.path != "/agent/ask") {
        let json = ("content-type", "application/json");
        for kind in
            [&[plain][..], &[], &[("content-type", "application/x-www-form-urlencoded")], &[json, plain]]
        {
            assert_eq!(send(&path(route), kind), 415, "{} {kind:?}", route.path);
        }
        // A component says what it is, and that no form can send either.
        if route.path == "/admin/api/candidate" {
            assert_eq!(send(route.path, &[("content-type", "application/json")]), 415);
            continue;
        }
        assert_ne!(
            send(&path(route), &[("content-type", "Application/JSON; charset=utf-8")]),
            415,
            "{}",
            route.path
        );
    }
}

#[test]
fn another_sites_page_reads_nothing_and_may_lead_here() {
    let host = Setup::new().start();
    let alice = host.sign_in_as("alice", &["admin"]);
    let mut seen = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let gated = route.access != Access::Public;
        let plain = alice.get(&path(route)).status;
        for site in ["cross-site", "same-site"] {
            let fetched =
                from(&alice, "GET", &path(route), &[("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")]);
            assert_eq!(fetched.status, if gated { 403 } else { plain }, "{}", route.path);
            for (dest, expected) in [("document", plain), ("iframe", if gated { 403 } else { plain })] {
                let headers =
                    [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", dest)];
                let followed = from(&alice, "GET", &path(route), &headers);
                assert_eq!(followed.status, expected, "{} {dest}", route.path);
            }
        }
        for site in ["same-origin", "none"] {
            assert_eq!(
                from(&alice, "GET", &path(route), &[("sec-fetch-site", site)]).status,
                plain,
                "{}",
                route.path
            );
        }
        seen += usize::from(gated);
    }
    assert!(seen >= 2, "few addresses to read from: {seen}");
}

#[test]
fn every_address_that_is_not_for_everybody_asks_who_it_is() {
    let host = Setup::new().start();
    for route in ROUTES {
        let answer = from(&host.anyone(), route.method, &path(route), &[]);
        assert_eq!(answer.status == 401, route.access != Access::Public, "{} {}", route.method, route.path);
        dressed(&answer, route.path);
        let here = ROUTES.iter().filter(|other| other.path == route.path).map(|other| other.method);
        let here: Vec<_> = here.collect();
        for method in METHODS.into_iter().filter(|method| !here.contains(method)) {
            let answer = from(&host.anyone(), method, &path(route), &[]);
            assert_eq!(answer.status, 405, "{method} {}", route.path);
            assert_eq!(answer.header("allow"), Some(&*here.join(", ")), "{method} {}", route.path);
            dressed(&answer, route.path);
        }
    }
    let public: Vec<_> =
        ROUTES.iter().filter(|route| route.access == Access::Public).map(|r| r.path).collect();
    assert_eq!(public, ["/", "/assets/{name}", "/login", "/logout", "/agent/health", "/admin"]);
}

#[test]
fn every_answer_is_dressed() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    for (status, method, path) in [
        (200, "GET", "/"),
        (200, "GET", "/agent/health"),
        (200, "POST", "/agent/sessions/new"),
        (204, "POST", "/logout"),
        (307, "GET", "/agent/health/"),
        (400, "GET", "/agent/sessions/x/history"),
        (404, "GET", "/nothing"),
        (404, "GET", "/assets/nothing"),
        (405, "HEAD", "/"),
        (422, "POST", "/agent/ask"),
    ] {
        let answer = from(&alice, method, path, &[]);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        dressed(&answer, path);
    }
    let policy = from(&alice, "GET", "/agent/health", &[]);
    let policy = policy.header("content-security-policy");
    assert_eq!(policy, Some("default-src 'none'; frame-ancestors 'none'"));
}

/// Whom the host takes for the client: the log says where a forged cookie comes from.
fn client(host: &Host, forwarded: &str) -> String {
    let forger = host.anyone().with_cookie(Some("overlord_session=forged.x.y"));
    let before = host.output().len();
    assert_eq!(from(&forger, "GET", "/agent/me", &[("x-forwarded-for", forwarded)]).status, 401);
    wait_until("a line about the forger", || {
        let said = host.output();
        let (_, rest) = said[before..].split_once("a credential from ")?;
        Some(rest.split_once(" is not genuine")?.0.to_owned())
    })
}

#[test]
fn a_proxy_that_is_trusted_speaks_for_its_clients() {
    let trusting = Setup::new().with("OVERLORD_SERVER_TRUSTED_PEERS", "127.0.0.1, 10.0.0.0/8").start();
    assert_eq!(client(&trusting, "203.0.113.9"), "203.0.113.9");
    assert_eq!(client(&trusting, "198.51.100.1, 203.0.113.9, 10.1.2.3"), "203.0.113.9");
    assert_eq!(client(&trusting, "nobody"), "127.0.0.1");
    let other = Setup::new().with("OVERLORD_SERVER_TRUSTED_PEERS", "127.0.0.2, 10.0.0.0/8").start();
    assert_eq!(client(&other, "203.0.113.9"), "127.0.0.1");
}

/// The status of a request of HTTP/2 with this `:authority`, and perhaps a `Host`.
fn over_http2(host: &Host, authority: &str, header: Option<&str>) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(host.address()).await.expect("reaching the host");
        let (mut client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        let connection = tokio::spawn(connection);
        let uri = format!("http://{authority}/agent/health");
        let mut request = ureq::http::Request::builder().version(ureq::http::Version::HTTP_2).uri(uri);
        if let Some(header) = header {
            request = request.header("host", header);
        }
        let (answer, _) = client.send_request(request.body(()).expect("a request"), true).expect("sent");
        let status = answer.await.expect("an answer").status().as_u16();
        connection.abort();
        status
    })
}

#[test]
fn the_authority_of_http2_is_a_host_like_any_other() {
    let host = Setup::new().start();
    let here = host.address().to_string();
    assert_eq!(over_http2(&host, &here, None), 200);
    assert_eq!(over_http2(&host, "LOCALHOST.:1", None), 200);
    assert_eq!(over_http2(&host, &here, Some(&here)), 200);
    assert_eq!(over_http2(&host, "evil.example", None), 421);
    for header in ["evil.example", "localhost:1"] {
        assert_eq!(over_http2(&host, &here, Some(header)), 421, "{header}");
    }
    assert_eq!(over_http2(&host, "evil.example", Some(&here)), 421);
}
