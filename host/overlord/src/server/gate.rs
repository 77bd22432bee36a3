//! The one gate: everything that is not public passes here before anything else of the request is
//! looked at. What it lets through carries the proof of who asks.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use cookie::Cookie;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::guard::{Client, PEER};
use super::reply;
use super::routes::Service;
use crate::domain::{Actor, Principal, RequestId};
use crate::sandbox::hooks;
use crate::stages::{Caller, NotIdentified, identify};
use crate::traces::stage;

/// How many cookies of the names that are shown, and how many headers, go to the policy.
const SHOWN_MAX: usize = 32;

/// What of a request the auth policy may see.
#[derive(Debug, Clone, Default)]
pub struct Visible {
    /// The names of cookies.
    pub cookies: Vec<String>,
    /// The names of headers, lower case.
    pub headers: Vec<String>,
}

/// Lets a request pass that speaks for somebody, with the proof of it in its extensions.
pub(super) async fn gate(service: &Service, request: Request) -> Result<Request, Response> {
    let (mut parts, body) = request.into_parts();
    let caller = known(service, &parts).await?;
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, body))
}

/// Lets a request pass that speaks for an administrator, as whoever changes the rules.
pub(super) async fn admins_gate(service: &Service, request: Request) -> Result<Request, Response> {
    let mut request = gate(service, request).await?;
    let Some(admin) = admin(&request) else {
        let detail = "This is for administrators: it needs the role admin";
        return Err(reply::error(StatusCode::FORBIDDEN, detail));
    };
    let actor = Actor::User(admin.user.clone());
    request.extensions_mut().insert(actor);
    Ok(request)
}

/// Lets a request pass that shows the token for the figures, or speaks for somebody to whom nothing is
/// closed.
pub(super) async fn watchers_gate(service: &Service, request: Request) -> Result<Request, Response> {
    if service.metrics.shown_the_token(request.headers()) {
        return Ok(request);
    }
    let request = gate(service, request).await?;
    if admin(&request).is_some() { Ok(request) } else { Err(forbidden()) }
}

/// The administrator for whom a request that has passed the gate speaks.
fn admin(request: &Request) -> Option<&Principal> {
    let who = request.extensions().get::<Caller>()?.principal();
    who.is_admin().then_some(who)
}

/// For whom a request speaks, or what is said to it.
async fn known(service: &Service, parts: &Parts) -> Result<Caller, Response> {
    let shown = service.visible.of(parts);
    let id = parts.extensions.get::<RequestId>().cloned().unwrap_or_else(RequestId::fresh);
    let remember = &service.house.recorder.remember;
    // Which generation that is, is known once it has answered.
    let stage = stage!("identify", Empty);
    let known = identify(&service.house.current, id, &shown, remember).instrument(stage.clone()).await;
    if let Ok(caller) = &known {
        stage.record("generation", caller.generation().number);
    }
    known.map_err(|unknown| match unknown {
        NotIdentified::Unknown => reply::error(StatusCode::UNAUTHORIZED, "Not authenticated"),
        NotIdentified::Forbidden => forbidden(),
        NotIdentified::Broken => reply::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "Sign-in cannot be checked right now; the host's log says why",
        ),
    })
}

fn forbidden() -> Response {
    reply::error(StatusCode::FORBIDDEN, "Forbidden")
}

impl Visible {
    /// That much of a request.
    pub(super) fn of(&self, parts: &Parts) -> hooks::Request {
        let client = parts.extensions.get::<Client>();
        hooks::Request {
            method: parts.method.as_str().to_owned(),
            path: percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned(),
            headers: self.headers(&parts.headers, client),
            cookies: self.cookies(&parts.headers),
            peer: client.map_or_else(String::new, |client| client.ip.to_string()),
        }
    }

    fn headers(&self, headers: &HeaderMap, client: Option<&Client>) -> Vec<hooks::Header> {
        // The host's own word comes first: no flood of other headers crowds it out, and none of the
        // request's can stand for it.
        let (own, names): (Vec<_>, Vec<_>) = self.headers.iter().partition(|name| **name == PEER.as_str());
        let peer = client.filter(|_| !own.is_empty()).map(|client| hooks::Header {
            name: PEER.as_str().to_owned(),
            value: client.peer.to_string().into_bytes(),
        });
        let shown =
            names.iter().flat_map(|name| headers.get_all(*name).iter().map(move |value| (*name, value)));
        let shown = shown
            .take(SHOWN_MAX)
            .map(|(name, value)| hooks::Header { name: name.clone(), value: value.as_bytes().to_vec() });
        peer.into_iter().chain(shown).collect()
    }

    fn cookies(&self, headers: &HeaderMap) -> Vec<hooks::Cookie> {
        cookies(headers)
            .filter(|cookie| self.cookies.iter().any(|name| name == cookie.name()))
            .take(SHOWN_MAX)
            .map(|cookie| hooks::Cookie {
                name: cookie.name().to_owned(),
                value: cookie.value_trimmed().to_owned(),
            })
            .collect()
    }
}

/// All cookies of a request.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'static>> {
    let lines = headers.get_all(header::COOKIE).iter();
    // Another application's cookie on the same line may hold any bytes.
    let lines = lines.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    lines.flat_map(Cookie::split_parse).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_sees_what_it_was_promised_and_nothing_else() {
        let visible = Visible { cookies: vec!["session".into()], headers: vec!["x-user".into()] };
        let mut headers = HeaderMap::new();
        headers.append("cookie", "a=1; session=one; b=2;session=\"two\"; session".parse().expect("a value"));
        headers.append("cookie", "session=three; Session=no".parse().expect("a value"));
        headers.append("authorization", "Bearer x".parse().expect("a value"));
        headers.append("x-user", "u".parse().expect("a value"));
        let cookies: Vec<_> = visible.cookies(&headers).into_iter().map(|cookie| cookie.value).collect();
        assert_eq!(cookies, ["one", "two", "three"]);
        let shown = visible.headers(&headers, None);
        assert_eq!(shown.len(), 1);
        assert_eq!((shown[0].name.as_str(), shown[0].value.as_slice()), ("x-user", b"u".as_slice()));
    }

    #[test]
    fn who_is_at_the_other_end_only_the_host_says() {
        let names = |names: &[&str]| Visible {
            cookies: vec![],
            headers: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let client = Client { ip: [203, 0, 113, 9].into(), peer: [10, 0, 0, 1].into(), secure: false };
        let mut headers = HeaderMap::new();
        headers.append("overlord-peer", "127.0.0.1".parse().expect("a value"));
        for _ in 0..2 * SHOWN_MAX {
            headers.append("x-user", "u".parse().expect("a value"));
        }
        for order in [["x-user", "overlord-peer"], ["overlord-peer", "x-user"]] {
            let shown = names(&order).headers(&headers, Some(&client));
            assert_eq!(shown.len(), 1 + SHOWN_MAX);
            let first = (shown[0].name.as_str(), shown[0].value.as_slice());
            assert_eq!(first, ("overlord-peer", b"10.0.0.1".as_slice()));
            assert!(shown[1..].iter().all(|header| header.name == "x-user"));
        }
        assert!(names(&["overlord-peer"]).headers(&headers, None).is_empty(), "nobody is nobody");
        let unasked = names(&["x-user"]).headers(&headers, Some(&client));
        assert!(unasked.iter().all(|header| header.name == "x-user"));
    }

    #[test]
    fn another_applications_bytes_do_not_hide_a_cookie() {
        let visible = Visible { cookies: vec!["s".into()], headers: vec![] };
        let mut headers = HeaderMap::new();
        let line = axum::http::HeaderValue::from_bytes(b"theirs=caf\xe9 \xc3\xa9; s=mine").expect("a value");
        headers.append("cookie", line);
        let cookies: Vec<_> = visible.cookies(&headers).into_iter().map(|cookie| cookie.value).collect();
        assert_eq!(cookies, ["mine"]);
    }

    #[test]
    fn a_thousand_cookies_are_not_looked_at() {
        let visible = Visible { cookies: vec!["s".into()], headers: vec![] };
        let mut headers = HeaderMap::new();
        headers.append("cookie", "s=1; ".repeat(SHOWN_MAX + 1).parse().expect("a value"));
        assert_eq!(visible.cookies(&headers).len(), SHOWN_MAX);
    }
}
