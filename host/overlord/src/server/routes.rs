//! Every address of the service in one table, from which the router is built: whatever comes passes
//! the guard, what is not public passes the gate, and there is no other way to add a route.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::gate::{Visible, admins, gate, watchers_gate};
use super::guard::Guard;
use super::metrics::Metrics;
use super::{guard, handlers, paths, reply};
use crate::generation::Publisher;
use crate::generation::figures::Figures;
use crate::pipeline::House;
use crate::stages::Desk;
use crate::traces;

/// Who may use an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever the auth policy lets in.
    Gated,
    /// Of these, those with the role `admin`; and whoever speaks over the control socket.
    Admin,
    /// Of those, whoever has the role `admin`; and whoever shows the token for the figures.
    Watched,
}

/// An address.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path; `{name}` stands for one part of it.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    handler: fn() -> MethodRouter<Shared>,
}

/// All addresses.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/",
        access: Access::Public,
        handler: || on(MethodFilter::GET, handlers::index),
    },
    Route {
        method: "GET",
        path: "/assets/{name}",
        access: Access::Public,
        handler: || on(MethodFilter::GET, handlers::asset),
    },
    Route {
        method: "POST",
        path: "/login",
        access: Access::Public,
        handler: || on(MethodFilter::POST, handlers::login),
    },
    Route {
        method: "POST",
        path: "/logout",
        access: Access::Public,
        handler: || on(MethodFilter::POST, handlers::logout),
    },
    Route {
        method: "GET",
        path: "/agent/me",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::me),
    },
    Route {
        method: "GET",
        path: "/agent/health",
        access: Access::Public,
        handler: || on(MethodFilter::GET, handlers::health),
    },
    Route {
        method: "GET",
        path: "/metrics",
        access: Access::Watched,
        handler: || on(MethodFilter::GET, handlers::figures),
    },
    Route {
        method: "POST",
        path: "/agent/sessions/new",
        access: Access::Gated,
        handler: || on(MethodFilter::POST, handlers::new_session),
    },
    Route {
        method: "POST",
        path: "/agent/ask",
        access: Access::Gated,
        handler: || on(MethodFilter::POST, handlers::ask),
    },
    Route {
        method: "GET",
        path: "/agent/sessions",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::list),
    },
    Route {
        method: "POST",
        path: "/agent/sessions/{session_id}/rename",
        access: Access::Gated,
        handler: || on(MethodFilter::POST, handlers::rename),
    },
    Route {
        method: "POST",
        path: "/agent/sessions/{session_id}/delete",
        access: Access::Gated,
        handler: || on(MethodFilter::POST, handlers::delete),
    },
    Route {
        method: "POST",
        path: "/agent/sessions/{session_id}/restore",
        access: Access::Gated,
        handler: || on(MethodFilter::POST, handlers::restore),
    },
    Route {
        method: "GET",
        path: "/agent/sessions/{session_id}/export",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::export),
    },
    Route {
        method: "GET",
        path: "/agent/sessions/{session_id}/history",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::history),
    },
    Route {
        method: "GET",
        path: "/agent/runs",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::runs::list),
    },
    Route {
        method: "GET",
        path: "/agent/runs/{run_id}",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::runs::one),
    },
    Route {
        method: "GET",
        path: "/agent/runs/{run_id}/events",
        access: Access::Gated,
        handler: || on(MethodFilter::GET, handlers::runs::events),
    },
    Route {
        method: "POST",
        path: "/agent/runs/{run_id}/cancel",
        access: Access::Gated,
        handler: || on(MethodFilter::POST, handlers::runs::cancel),
    },
    Route {
        method: "GET",
        path: "/admin",
        access: Access::Public,
        handler: || on(MethodFilter::GET, handlers::admin::page),
    },
    Route {
        method: "GET",
        path: "/admin/api/rules",
        access: Access::Admin,
        handler: || on(MethodFilter::GET, handlers::admin::rules),
    },
    Route {
        method: "POST",
        path: "/admin/api/candidate",
        access: Access::Admin,
        handler: || on(MethodFilter::POST, handlers::admin::propose),
    },
    Route {
        method: "DELETE",
        path: "/admin/api/candidate",
        access: Access::Admin,
        handler: || on(MethodFilter::DELETE, handlers::admin::abort),
    },
    Route {
        method: "POST",
        path: "/admin/api/candidate/shadow",
        access: Access::Admin,
        handler: || on(MethodFilter::POST, handlers::admin::shadow),
    },
    Route {
        method: "POST",
        path: "/admin/api/candidate/canary",
        access: Access::Admin,
        handler: || on(MethodFilter::POST, handlers::admin::canary),
    },
    Route {
        method: "POST",
        path: "/admin/api/candidate/promote",
        access: Access::Admin,
        handler: || on(MethodFilter::POST, handlers::admin::promote),
    },
    Route {
        method: "POST",
        path: "/admin/api/rollback",
        access: Access::Admin,
        handler: || on(MethodFilter::POST, handlers::admin::roll_back),
    },
    Route {
        method: "POST",
        path: "/admin/api/quarantine",
        access: Access::Admin,
        handler: || on(MethodFilter::POST, handlers::admin::quarantine),
    },
    Route {
        method: "DELETE",
        path: "/admin/api/quarantine/{digest}",
        access: Access::Admin,
        handler: || on(MethodFilter::DELETE, handlers::admin::release),
    },
    Route {
        method: "GET",
        path: "/admin/api/figures",
        access: Access::Admin,
        handler: || on(MethodFilter::GET, handlers::admin::figures),
    },
    Route {
        method: "GET",
        path: "/admin/api/refusals",
        access: Access::Admin,
        handler: || on(MethodFilter::GET, handlers::admin::refusals),
    },
    Route {
        method: "GET",
        path: "/admin/api/audit",
        access: Access::Admin,
        handler: || on(MethodFilter::GET, handlers::admin::audit),
    },
    Route {
        method: "GET",
        path: "/admin/api/divergences",
        access: Access::Admin,
        handler: || on(MethodFilter::GET, handlers::admin::divergences),
    },
];

/// The address that takes a component.
const UPLOAD: (&str, &str) = ("POST", "/admin/api/candidate");

/// The address that says in the original's own words, with 422, that a body is not JSON.
const OWN_WORDS: &str = "/agent/ask";

/// The one of a host: it goes along with every request, through every layer.
pub type Shared = Arc<Service>;

/// What handlers work with.
#[derive(Debug)]
pub struct Service {
    /// What stands before every address.
    pub guard: Arc<Guard>,
    /// Which rules serve, and how that changes.
    pub publisher: Arc<Publisher>,
    /// What they did in the last minutes.
    pub figures: Arc<Figures>,
    /// The pipeline's.
    pub house: Arc<House>,
    /// What of a request the auth policy may see.
    pub visible: Arc<Visible>,
    /// Who signs in and out.
    pub desk: Arc<Desk>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The name of Overlord's own cookie.
    pub own_cookie: Arc<str>,
    /// What `/agent/health` says of the workspace.
    pub workspace: Arc<str>,
    /// What it says of the agent.
    pub agent: Arc<str>,
    /// Whether that is the built-in demo agent.
    pub demo: bool,
}

/// The service: takes any request to its answer.
pub fn router(service: Shared) -> Router {
    let (guard, metrics) = (Arc::clone(&service.guard), Arc::clone(&service.metrics));
    let routes = table(ROUTES.iter(), service.clone(), move |handler, access| {
        // The last one that is laid around is the first to be passed.
        let gated = |handler: MethodRouter<Shared>| {
            handler.route_layer(middleware::from_fn_with_state(service.clone(), gate))
        };
        let handler = match access {
            Access::Public => return handler,
            Access::Gated => gated(handler),
            Access::Admin => gated(handler.route_layer(middleware::from_fn(admins))),
            Access::Watched => {
                handler.route_layer(middleware::from_fn_with_state(service.clone(), watchers_gate))
            }
        };
        handler.route_layer(middleware::from_fn(guard::own_pages))
    });
    // No route lies beside this one.
    Router::new()
        .fallback(move |request| guarded(Arc::clone(&guard), Arc::clone(&metrics), routes.clone(), request))
}

/// The addresses for administrators alone, for whoever has been let in by another door.
pub(super) fn admin_router(service: Shared) -> Router {
    let admin = ROUTES.iter().filter(|route| route.access == Access::Admin);
    let routes = table(admin, service, |handler, _| handler);
    Router::new().fallback(async move |request| as_the_original_routes(routes.clone(), request).await.1)
}

/// The routes by their paths, each behind what `door` puts before it.
fn table(
    wanted: impl Iterator<Item = &'static Route>,
    service: Shared,
    door: impl Fn(MethodRouter<Shared>, Access) -> MethodRouter<Shared>,
) -> Router {
    let mut paths: BTreeMap<&str, (MethodRouter<Shared>, Vec<&str>)> = BTreeMap::new();
    for route in wanted {
        let handler = (route.handler)();
        let handler = if route.method == "GET" || route.path == OWN_WORDS {
            handler
        } else if (route.method, route.path) == UPLOAD {
            handler.route_layer(middleware::from_fn(guard::wasm_only))
        } else {
            handler.route_layer(middleware::from_fn(guard::json_only))
        };
        let (handlers, methods) = paths.entry(route.path).or_default();
        *handlers = std::mem::take(handlers).merge(door(handler, route.access));
        methods.push(route.method);
    }
    let mut routes = Router::new();
    for (path, (handlers, methods)) in paths {
        let methods = methods.join(", ");
        // Whatever else comes is answered with the methods that there are.
        let other = move || async move { reply::method_not_allowed(&methods) };
        routes = routes.route(path, handlers.fallback(other));
    }
    routes.fallback(|| async { reply::not_found() }).with_state(service)
}

/// Nothing reaches an address, and no answer goes out, but through here: each request has an id, which
/// is with everything that the log says of it and with its answer.
async fn guarded(guard: Arc<Guard>, metrics: Arc<Metrics>, routes: Router, request: Request) -> Response {
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
            Ok(()) => as_the_original_routes(routes, Request::from_parts(parts, body)).await,
            Err(stray) => (None, stray.answer()),
        }
    };
    let (route, answer) = answered.instrument(span).await;
    metrics.answers.count(route, answer.status());
    let (method, path) = route.map_or(("_OTHER", "none"), |route| (ROUTES[route].method, ROUTES[route].path));
    traces::note(&traced, "http.request.method", method);
    traces::note(&traced, "http.route", path);
    traces::note(&traced, "http.response.status_code", i64::from(answer.status().as_u16()));
    guard::dressed(answer, &id)
}

/// Matches a decoded path, refuses HEAD as the original does, and redirects where a slash is too many.
/// Gives the route's place in the table besides.
async fn as_the_original_routes(routes: Router, mut request: Request) -> (Option<usize>, Response) {
    let Some(uri) = paths::normal(request.uri()) else { return (None, reply::not_found()) };
    *request.uri_mut() = uri;
    let route = matching(request.method(), request.uri().path());
    let answer = match route {
        // The router would take HEAD for GET.
        Some(route) if request.method() == Method::HEAD => {
            let of_path = ROUTES.iter().filter(|other| other.path == ROUTES[route].path);
            let methods: Vec<_> = of_path.map(|other| other.method).collect();
            reply::method_not_allowed(&methods.join(", "))
        }
        Some(_) => match routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        None => match paths::other_form(request.uri().path()) {
            Some(other) if matching(request.method(), &other).is_some() => {
                redirect(&other, request.uri().query())
            }
            _ => reply::not_found(),
        },
    };
    (route, answer)
}

/// The place in the table of a path's route: the method's own, or the path's first where it has none.
fn matching(method: &Method, path: &str) -> Option<usize> {
    let of_path = |route: &Route| {
        if !route.path.contains('{') {
            return route.path == path;
        }
        let mut parts = path.split('/');
        let same = route.path.split('/').all(|pattern| {
            parts
                .next()
                .is_some_and(|part| if pattern.starts_with('{') { !part.is_empty() } else { part == pattern })
        });
        same && parts.next().is_none()
    };
    let mut all = ROUTES.iter().enumerate().filter(|(_, route)| of_path(route)).map(|(place, _)| place);
    let first = all.next()?;
    Some(std::iter::once(first).chain(all).find(|place| ROUTES[*place].method == method).unwrap_or(first))
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

/// Keeps the state's type in one place.
pub(super) type InService = State<Shared>;
