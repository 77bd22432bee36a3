//! Who is signed in, and what answers.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::capability::process;
use crate::server::routes::InService;
use crate::server::{body, gate, reply};
use crate::stages::Caller;

#[derive(Serialize)]
struct Me<'a> {
    user: &'a str,
    roles: &'a [String],
    agent: &'a str,
    agent_found: bool,
    demo: bool,
    workspace: &'a str,
    own_cookie: bool,
    message_characters_max: usize,
}

/// `GET /agent/me`
pub(in crate::server) async fn me(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let agent = &service.house.agent;
    let me = Me {
        user: &caller.principal().user,
        roles: &caller.principal().roles,
        agent: &service.agent,
        // It may have been installed since the host was started.
        agent_found: process::is_there(&agent.program, &agent.own),
        demo: service.demo,
        workspace: &service.workspace,
        own_cookie: gate::cookies(&headers).any(|cookie| cookie.name() == &*service.own_cookie),
        message_characters_max: body::MESSAGE_CHARACTERS_MAX,
    };
    reply::json(StatusCode::OK, &me)
}
