//! Stands before every address, those for everybody and those that there are not included: whether a
//! request means this service, whether a page of another site sent it, and whose word counts for who
//! the client is. Dresses every answer in the headers that keep a browser from doing more with it than
//! it should. Knows no address and nobody who is signed in.

use std::net::IpAddr;

use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::AsHeaderName;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use ipnet::IpNet;

use super::connections::Peer;
use super::{body, reply};
use crate::config::{HostName, ServerConfig, Site, WebOrigin};
use crate::domain::RequestId;
use crate::traces::TRACEPARENT;

/// How many proxies in a row are believed: nobody has more, and a head has room for thousands.
const HOPS_MAX: usize = 32;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Under this name the host itself tells the auth policy who is at the other end of the connection; what
/// a request has under it is thrown away.
pub(super) const PEER: HeaderName = HeaderName::from_static("overlord-peer");

/// What a browser may do with an answer that is no page: show it, alone. The page says more itself.
const ANSWERS_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What goes with every answer.
const DRESS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Answers are not for other sites' pages, as pictures and scripts neither.
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What the guard goes by.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The address that the host listens on, where it is one.
    here: Option<HostName>,
    public: Option<WebOrigin>,
    allowed: Vec<HostName>,
    trusted: Vec<IpNet>,
}

/// Who is at the other end, as far as can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// Its address; the one that a trusted proxy names, if there is one.
    pub(super) ip: IpAddr,
    /// The address at the other end of the connection, be it a proxy's.
    pub(super) peer: IpAddr,
    /// Whether nobody on the way can read what is said.
    pub(super) secure: bool,
}

/// Why a request is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stray {
    /// It names a host that is not this one, or none, or two.
    OtherHost,
    /// A page of another site sent it.
    OtherSite,
}

impl Guard {
    /// The guard of a host that listens on this address.
    pub fn new(config: &ServerConfig, listening: IpAddr) -> Self {
        let listening = Some(listening).filter(|ip| !ip.is_unspecified());
        Self {
            here: listening.map(|ip| HostName::Address(ip.to_canonical())),
            public: config.public_url.clone(),
            allowed: config.allowed_hosts.clone(),
            trusted: config.trusted_peers.clone(),
        }
    }

    /// Notes who the client is, or says why the request is not looked at.
    pub(super) fn look(&self, parts: &mut Parts) -> Result<(), Stray> {
        parts.headers.remove(PEER);
        let peer = peer_of(parts);
        let Some(site) = site(parts).filter(|site| self.allows(&site.host)) else {
            tracing::debug!("a request from {peer} names a host that is not allowed");
            return Err(Stray::OtherHost);
        };
        let client = self.client(peer, &parts.headers, &site);
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if !reads && (!own_fetch(&parts.headers) || !self.own_origin(&parts.headers, &site, client.secure)) {
            tracing::debug!("a request from {peer} comes from another site");
            return Err(Stray::OtherSite);
        }
        parts.extensions.insert(client);
        Ok(())
    }

    /// The id of a request: the one that a trusted peer gave it, or a fresh one. Anybody else could have
    /// the log speak of two requests as one.
    pub(super) fn request_id(&self, parts: &Parts) -> RequestId {
        self.told(parts, REQUEST_ID).and_then(RequestId::parse).unwrap_or_else(RequestId::fresh)
    }

    /// Of which trace a trusted peer says that a request is part.
    pub(super) fn traceparent<'a>(&self, parts: &'a Parts) -> Option<&'a str> {
        self.told(parts, TRACEPARENT)
    }

    /// What a trusted peer says of a request under this name, where it says one thing.
    fn told<'a>(&self, parts: &'a Parts, name: impl AsHeaderName) -> Option<&'a str> {
        let said = only(&parts.headers, name).filter(|_| self.trusts(peer_of(parts)));
        said.and_then(|value| value.to_str().ok())
    }

    fn allows(&self, host: &HostName) -> bool {
        host.is_loopback()
            || self.here.as_ref() == Some(host)
            || self.public.as_ref().is_some_and(|public| public.site.host == *host)
            || self.allowed.contains(host)
    }

    /// Whether the page that sent the request, if one says that it did, is the service's own.
    fn own_origin(&self, headers: &HeaderMap, site: &Site, secure: bool) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return true,
            (Some(origin), None) => origin.to_str().ok().and_then(WebOrigin::parse),
            (Some(_), Some(_)) => None,
        };
        origin.is_some_and(|origin| {
            // What came without TLS has been written by whoever was on the way.
            let same = (origin.secure || !secure) && origin.site == site.clone().under(origin.secure);
            same || self.public.as_ref() == Some(&origin)
        })
    }

    fn client(&self, peer: IpAddr, headers: &HeaderMap, site: &Site) -> Client {
        let public = self.public.as_ref().filter(|public| {
            public.site.host == site.host
                && (site.port.is_none() || site.clone().under(public.secure) == public.site)
        });
        let assumed = public.is_some_and(|public| public.secure);
        if !self.trusts(peer) {
            return Client { ip: peer, peer, secure: assumed };
        }
        let said = last(headers, &FORWARDED_PROTO).map(|proto| proto.eq_ignore_ascii_case("https"));
        Client { ip: self.beyond(peer, headers), peer, secure: said.unwrap_or(assumed) }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&ip))
    }

    /// The first address on the way back from a trusted peer that is not trusted itself. Whatever lies
    /// beyond it may be made up, and what is no address ends the way.
    fn beyond(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok()).collect();
        let mut nearest = peer;
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
            let Some(ip) = address(hop.trim()) else { break };
            nearest = ip;
            if !self.trusts(ip) {
                break;
            }
        }
        nearest
    }
}

/// The address at the other end of the connection.
fn peer_of(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.0.ip());
    peer.unwrap_or(IpAddr::from([0, 0, 0, 0])).to_canonical()
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.parse().ok();
    let with_port = || match Site::parse(text)?.host {
        HostName::Address(ip) => Some(ip),
        HostName::Name(_) => None,
    };
    alone.or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

/// A header's value, where there is one and no other: of two that differ, nobody knows which counts.
pub(super) fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut all = headers.get_all(name).iter();
    let one = all.next()?;
    all.next().is_none().then_some(one)
}

/// The last item of a header that is a list.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

/// Which host the request is for, where it says so once and in one voice.
fn site(parts: &Parts) -> Option<Site> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let header = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => Some(Site::parse(host.to_str().ok()?)?),
        (Some(_), Some(_)) => return None,
    };
    // `:authority` of HTTP/2, and the address of a request that was written for a proxy.
    let authority = match parts.uri.authority() {
        None => None,
        Some(authority) => Some(Site::parse(authority.as_str())?),
    };
    match (authority, header) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (Some(one), None) if parts.version >= Version::HTTP_2 => Some(one),
        (None, header) => header,
        (Some(_), None) => None,
    }
}

/// Whether the browser, if it says so, says that the service's own page or the user sent the request.
fn own_fetch(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_FETCH_SITE).iter().all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"))
}

impl Stray {
    /// What is said to it. What it named is not repeated.
    pub(super) fn answer(self) -> Response {
        match self {
            Self::OtherHost => reply::error(
                StatusCode::MISDIRECTED_REQUEST,
                "This service is not reached by that host name; whoever runs it can allow it with \
                 server.allowed_hosts or server.public_url",
            ),
            Self::OtherSite => {
                reply::error(StatusCode::FORBIDDEN, "This request comes from a page of another site")
            }
        }
    }
}

/// Adds to an answer what goes with every one: the request's id, and the headers above.
pub(super) fn dressed(mut response: Response, id: &RequestId) -> Response {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(id.as_str()).expect("it has harmless characters only"));
    for (name, value) in DRESS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(ANSWERS_POLICY);
    response
}

/// Whether a request comes from a page of our own or from none: other sites' pages read nothing that is
/// somebody's, even where they see no more of it than how long it takes. To follow a link is not reading.
pub(super) fn is_for_own_page(headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    own_fetch(headers) || (is(SEC_FETCH_MODE, "navigate") && is(SEC_FETCH_DEST, "document"))
}

/// Refuses a body that does not say it is JSON: any page may have a browser send other types unasked. The
/// error is a sentence for whoever sent it.
pub(super) fn says_json(request: &Request) -> Result<(), &'static str> {
    let said = only(request.headers(), header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if request.body().is_end_stream() || said.is_some_and(body::is_json) {
        return Ok(());
    }
    Err("The body must be JSON and say so: content-type: application/json")
}

/// The same of a body that must say that it is WebAssembly.
pub(super) fn says_wasm(request: &Request) -> Result<(), &'static str> {
    let said = only(request.headers(), header::CONTENT_TYPE);
    if said.is_some_and(|said| said == "application/wasm") {
        Ok(())
    } else {
        Err("The body must be a component and say so: content-type: application/wasm")
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
