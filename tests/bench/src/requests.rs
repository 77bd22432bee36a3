//! Requests a second: `POST /agent/sessions/new`, which is decided by the auth component and does
//! nothing else, beside a server that has the same check compiled in.

use std::time::Duration;

use anyhow::Context as _;
use overlord_tests::host::Setup;
use overlord_tests::load::Load;

use crate::cookie_check::{SECRET, USER};

use crate::samples::Samples;
use crate::start::Native;
use crate::table::{Aim, Beside, Row};

/// As many as `wrk` was given for the figures that the aims come from.
const CONNECTIONS: usize = 16;

/// What share of the native server's figure is the aim.
const SHARE: f64 = 0.5;

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, time) = if quick { (1, Duration::from_millis(500)) } else { (7, Duration::from_secs(3)) };
    let host = Setup::new().with("OVERLORD_SECRET_KEY", SECRET).start();
    let caller = host.sign_in(USER);
    let cookie = caller.cookie().context("whoever signs in has a cookie")?;
    let (name, _) = cookie.split_once('=').context("a cookie has a name")?;
    let native = Native::start(name)?;
    let load = |address, request| Load { address, request, connections: CONNECTIONS };
    let request = |address| {
        format!(
            "POST /agent/sessions/new HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let (ours, theirs) = (request(host.address()), request(native.address()));
    let (mut rates, mut native_rates) = (Samples::default(), Samples::default());
    for round in 0..=rounds {
        let rate = load(host.address(), ours.as_bytes()).run(time)?;
        let native_rate = load(native.address(), theirs.as_bytes()).run(time)?;
        eprintln!("  {rate:.0} requests/s, native {native_rate:.0}");
        // The first round warms both up.
        if round > 0 {
            rates.push(rate);
            native_rates.push(native_rate);
        }
    }
    Ok(vec![Row {
        what: "POST /agent/sessions/new, 16 connections".to_owned(),
        unit: "requests/s",
        figure: rates.summary(),
        beside: Beside { what: "axum, the same check natively", figure: native_rates.summary() },
        aim: Some(Aim::ShareOfComparison(SHARE)),
    }])
}
