//! Every address of the service in one table, and what its handlers work with. There is no other way to
//! add a route; how a request finds its own is `dispatch`'s.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::gate::Visible;
use super::guard::Guard;
use super::handlers;
use super::metrics::Metrics;
use crate::generation::Publisher;
use crate::generation::figures::Figures;
use crate::pipeline::House;
use crate::stages::Desk;

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
    pub(super) handler: fn() -> MethodRouter<Shared>,
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
pub(super) const UPLOAD: (&str, &str) = ("POST", "/admin/api/candidate");

/// The address that says in the original's own words, with 422, that a body is not JSON.
pub(super) const OWN_WORDS: &str = "/agent/ask";

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

/// The place in the table of a path's route: the method's own, or the path's first where it has none.
pub(super) fn matching(method: &Method, path: &str) -> Option<usize> {
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

/// Keeps the state's type in one place.
pub(super) type InService = State<Shared>;
