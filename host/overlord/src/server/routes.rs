//! Every address of the service in one table, from which the router is built: what is not public
//! passes the gate, and there is no other way to add a route.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower::ServiceExt as _;

use super::gate::{Visible, gate};
use super::{handlers, paths, reply};
use crate::pipeline::House;

/// Who may use an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever the auth policy lets in.
    Gated,
}

/// An address.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The one method.
    pub method: &'static str,
    /// The path; `{name}` stands for one part of it.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    handler: fn() -> MethodRouter<Service>,
}

/// All addresses.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/agent/health",
        access: Access::Public,
        handler: || on(MethodFilter::GET, handlers::health),
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
];

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct Service {
    /// The pipeline's.
    pub house: Arc<House>,
    /// What of a request the auth policy may see.
    pub visible: Arc<Visible>,
    /// What `/agent/health` says of the workspace.
    pub workspace: Arc<str>,
    /// What it says of the agent.
    pub agent: Arc<str>,
}

/// The service: takes any request to its answer.
pub fn router(service: Service) -> Router {
    let mut routes = Router::new();
    for route in ROUTES {
        // A path has one method here, so whatever else comes is answered with it.
        let handler = (route.handler)().fallback(move || async { reply::method_not_allowed(route.method) });
        let handler = match route.access {
            Access::Public => handler,
            Access::Gated => handler.route_layer(middleware::from_fn_with_state(service.clone(), gate)),
        };
        routes = routes.route(route.path, handler);
    }
    let routes = routes.fallback(|| async { reply::not_found() }).with_state(service);
    Router::new().fallback(move |request| as_the_original_routes(routes.clone(), request))
}

/// Matches a decoded path, refuses HEAD as the original does, and redirects where a slash is too many.
async fn as_the_original_routes(routes: Router, mut request: Request) -> Response {
    let Some(uri) = paths::normal(request.uri()) else { return reply::not_found() };
    *request.uri_mut() = uri;
    match matching(request.uri().path()) {
        // The router would take HEAD for GET.
        Some(route) if request.method() == axum::http::Method::HEAD => {
            reply::method_not_allowed(route.method)
        }
        Some(_) => match routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        None => match paths::other_form(request.uri().path()) {
            Some(other) if matching(&other).is_some() => redirect(&other, request.uri().query()),
            _ => reply::not_found(),
        },
    }
}

/// The route of a path.
fn matching(path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| {
        let mut parts = path.split('/');
        let same = route.path.split('/').all(|pattern| {
            parts
                .next()
                .is_some_and(|part| if pattern.starts_with('{') { !part.is_empty() } else { part == pattern })
        });
        same && parts.next().is_none()
    })
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
pub(super) type InService = State<Service>;
