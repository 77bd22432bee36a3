//! Who is asking: a genuine cookie of Overlord's own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use auth_cookie::settings::Settings;
use overlord::domain::{self, Principal};
use overlord::sandbox::hooks::{Cookie, Judgement, Request};
use overlord::sandbox::{Auth, Policy};

use super::{Bench, DECISION, timed};
use crate::cookie_check::{SECRET, USER, now, pairs, user};
use crate::table::Row;

/// The cookie's name.
const COOKIE: &str = "overlord_session";

pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    let pairs = pairs(SECRET, COOKIE);
    let policies = bench.load::<Auth>("auth-cookie", &pairs)?;
    let who = Principal { user: USER.to_owned(), roles: vec!["admin".to_owned()] };
    let issued = bench.runtime.block_on(policies.fresh.issue(&who, domain::Instant(now())))?;
    let request = Request {
        method: "POST".to_owned(),
        path: "/agent/sessions/new".to_owned(),
        headers: Vec::new(),
        cookies: vec![Cookie { name: issued.name, value: issued.value }],
        peer: "127.0.0.1".to_owned(),
    };
    bench.rows(
        "auth authenticate",
        DECISION,
        async || admitted(&policies.fresh, &request).await,
        async || admitted(&policies.warm, &request).await,
        || {
            let begun = Instant::now();
            let cookies: Vec<_> =
                request.cookies.iter().map(|cookie| (cookie.name.as_str(), cookie.value.as_str())).collect();
            let found = user(&Settings::read(&pairs)?, &cookies);
            let elapsed = begun.elapsed();
            found.filter(|user| user == USER).context("the native check refuses the cookie")?;
            Ok(elapsed)
        },
    )
}

async fn admitted(policy: &Policy<Auth>, request: &Request) -> anyhow::Result<Duration> {
    let (judgement, elapsed) = timed(policy.authenticate(request, domain::Instant(now()))).await;
    match judgement? {
        Judgement::Admitted(who) if who.user == USER => Ok(elapsed),
        other => bail!("the policy refuses the cookie: {other:?}"),
    }
}
