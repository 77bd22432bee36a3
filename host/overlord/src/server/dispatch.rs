//! A request's way to its route's handler: past the guard, to the one route that it means, through the
//! doors before that one. Whatever comes passes the guard, and what is not public passes the gate.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::gate::{admins_gate, gate, watchers_gate};
use super::guard::Stray;
use super::routes::{Access, OWN_WORDS, ROUTES, Route, Shared, UPLOAD, matching};
use super::{guard, paths, reply};
use crate::traces;

/// The service: takes any request to its answer.
pub fn router(service: Shared) -> Router {
    let table = Arc::new(Table::new(service, Doors::Closed));
    // No route lies beside this one.
    Router::new().fallback(move |request| guarded(Arc::clone(&table), request))
}

/// The addresses for administrators alone, for whoever has been let in by another door.
pub(super) fn admin_router(service: Shared) -> Router {
    let table = Arc::new(Table::new(service, Doors::Open));
    Router::new().fallback(async move |request| table.answer(request).await.1)
}

/// What a span calls a method that its route does not have: nothing that somebody makes up.
const OTHER: &str = "_OTHER";

/// Whether it has to be found out who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doors {
    /// For each request that is not for everybody.
    Closed,
    /// That is known: an administrator, and nothing else is reached.
    Open,
}

/// The routes with their handlers.
struct Table {
    service: Shared,
    doors: Doors,
    /// In the order of [`ROUTES`], each with a router for its own path alone: one that was found for
    /// another route than its doors are for would not answer. None for what is not reached here.
    handlers: Vec<Option<Router>>,
}

impl Table {
    fn new(service: Shared, doors: Doors) -> Self {
        let reached = |route: &&Route| doors == Doors::Closed || route.access == Access::Admin;
        let of_route = |route: &Route| {
            let own = Router::new().route(route.path, (route.handler)());
            own.fallback(|| async { reply::not_found() }).with_state(Arc::clone(&service))
        };
        let handlers = ROUTES.iter().map(|route| Some(route).filter(reached).map(of_route)).collect();
        Self { service, doors, handlers }
    }

    /// Matches a decoded path, and redirects where a slash is too many, as the original does. Gives the
    /// route's place in the table besides.
    async fn answer(&self, mut request: Request) -> (Option<usize>, Response) {
        let Some(uri) = paths::normal(request.uri()) else { return (None, reply::not_found()) };
        *request.uri_mut() = uri;
        if let Some((place, handler)) = self.find(request.method(), request.uri().path()) {
            return (Some(place), self.reach(&ROUTES[place], handler, request).await);
        }
        let answer = match paths::other_form(request.uri().path()) {
            Some(other) if self.find(request.method(), &other).is_some() => {
                redirect(&other, request.uri().query())
            }
            _ => reply::not_found(),
        };
        (None, answer)
    }

    /// The route that a path means, where it is reached here.
    fn find(&self, method: &Method, path: &str) -> Option<(usize, &Router)> {
        let place = matching(method, path)?;
        Some((place, self.handlers[place].as_ref()?))
    }

    /// Has a route's handler answer, if its doors are passed.
    async fn reach(&self, route: &Route, handler: &Router, request: Request) -> Response {
        // HEAD too, which the handler would take for GET: the original refuses it.
        if request.method() != route.method {
            let of_path = ROUTES.iter().filter(|other| other.path == route.path);
            let methods: Vec<_> = of_path.map(|other| other.method).collect();
            return reply::method_not_allowed(&methods.join(", "));
        }
        let request = match self.passed(route, request).await {
            Ok(request) => request,
            Err(answer) => return answer,
        };
        match handler.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// A request that has passed the doors of a route, or what it is answered there.
    async fn passed(&self, route: &Route, request: Request) -> Result<Request, Response> {
        let request = match (self.doors, route.access) {
            (Doors::Open, _) | (_, Access::Public) => request,
            (Doors::Closed, _) if !guard::is_for_own_page(request.headers()) => {
                return Err(Stray::OtherSite.answer());
            }
            (Doors::Closed, Access::Gated) => gate(&self.service, request).await?,
            (Doors::Closed, Access::Admin) => admins_gate(&self.service, request).await?,
            (Doors::Closed, Access::Watched) => watchers_gate(&self.service, request).await?,
        };
        let said = if route.method == "GET" || route.path == OWN_WORDS {
            Ok(())
        } else if (route.method, route.path) == UPLOAD {
            guard::says_wasm(&request)
        } else {
            guard::says_json(&request)
        };
        match said {
            Ok(()) => Ok(request),
            Err(detail) => Err(reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)),
        }
    }
}

/// Nothing that comes to the port reaches an address, and no answer goes out there, but through here: each
/// request has an id, which is with everything that the log says of it and with its answer.
async fn guarded(table: Arc<Table>, request: Request) -> Response {
    let guard = &table.service.guard;
    let (mut parts, body) = request.into_parts();
    let id = guard.request_id(&parts);
    parts.extensions.insert(id.clone());
    // As an error, so that no level of the log is without it.
    let span = tracing::error_span!("request", request_id = id.as_str());
    if let Some(parent) = traces::on().then(|| guard.traceparent(&parts)).flatten() {
        traces::adopt(&span, parent);
    }
    let traced = span.clone();
    let answered = async {
        match guard.look(&mut parts) {
            Ok(()) => table.answer(Request::from_parts(parts, body)).await,
            Err(stray) => (None, stray.answer()),
        }
    };
    let (route, answer) = answered.instrument(span).await;
    table.service.metrics.answers.count(route, answer.status());
    let (method, path) = route.map_or((OTHER, "none"), |route| (ROUTES[route].method, ROUTES[route].path));
    let method = if answer.status() == StatusCode::METHOD_NOT_ALLOWED { OTHER } else { method };
    traces::note(&traced, "http.request.method", method);
    traces::note(&traced, "http.route", path);
    traces::note(&traced, "http.response.status_code", i64::from(answer.status().as_u16()));
    guard::dressed(answer, &id)
}

/// 307, as the original: the method and the body stay. The address is a path and not a whole URL, so
/// that nobody's Host header is echoed.
fn redirect(path: &str, query: Option<&str>) -> Response {
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    match HeaderValue::try_from(target) {
        Ok(target) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response(),
        Err(_) => reply::not_found(),
    }
}
