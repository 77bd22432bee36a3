//! What Prometheus reads of a real host: that it counts what has happened, that it names no user, and
//! who may read it.

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};

use crate::made::{Does, Shelf, broken, generation};

const TOKEN: &str = "a-token-of-the-tests-and-of-nothing-else";

/// A host whose figures can be read with the token.
fn setup() -> Setup {
    let setup = Setup::new();
    let file = setup.folder().join("metrics-token");
    std::fs::write(&file, format!("{TOKEN}\n")).expect("writing a token");
    setup.with("OVERLORD_METRICS_TOKEN_FILE", file.to_str().expect("a path of the test's own"))
}

fn scraped(caller: &Caller, authorization: &str) -> Answer {
    caller.send("GET", "/metrics", &[("authorization", authorization)], None)
}

fn figures(host: &Host) -> String {
    let answer = scraped(&host.anyone(), &format!("Bearer {TOKEN}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.text()
}

/// The sum of the samples whose line begins with `name` and holds all of `labels`.
fn sum(figures: &str, name: &str, labels: &[&str]) -> f64 {
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let lines =
        figures.lines().filter(of_name).filter(|line| labels.iter().all(|label| line.contains(label)));
    lines.map(|line| line.rsplit_once(' ').expect("a value").1.parse::<f64>().expect("a number")).sum()
}

#[track_caller]
fn assert_sum(figures: &str, name: &str, labels: &[&str], expected: u32) {
    let found = sum(figures, name, labels);
    assert!(
        (found - f64::from(expected)).abs() < 0.5,
        "{name} {labels:?} is {found}, not {expected}:\n{figures}"
    );
}

#[test]
fn what_happens_is_counted_and_nobody_is_named() {
    let host = setup().with("AGENT_RATE_MAX", "2").start();
    let alice = host.sign_in("alice-of-the-test");
    let session = alice.new_session();
    for expected in [200, 200, 429] {
        assert_eq!(alice.ask(&session, "demo:fast").status, expected);
    }
    assert_eq!(host.anyone().get("/agent/me").status, 401);
    let figures = figures(&host);
    assert_sum(&figures, "overlord_decisions_total", &["slot=\"auth\""], 5);
    assert_sum(&figures, "overlord_decisions_total", &["slot=\"limit\"", "component=\"limit-window\""], 3);
    assert_sum(&figures, "overlord_decisions_total", &["slot=\"agent\""], 2);
    assert_sum(&figures, "overlord_decisions_total", &["slot=\"audit\""], 5);
    assert_sum(&figures, "overlord_refusals_total", &["slot=\"limit\"", "reason=\"rate_limited\""], 1);
    assert_sum(&figures, "overlord_refusals_total", &["slot=\"auth\"", "reason=\"missing\""], 1);
    assert_sum(&figures, "overlord_latency_seconds_count", &["slot=\"limit\""], 3);
    assert_sum(&figures, "overlord_traps_total", &[], 0);
    assert_sum(&figures, "overlord_http_answers_total", &["route=\"/agent/ask\"", "status=\"200\""], 2);
    assert_sum(&figures, "overlord_http_answers_total", &["route=\"/agent/ask\"", "status=\"429\""], 1);
    assert_sum(&figures, "overlord_http_answers_total", &["route=\"/agent/me\"", "status=\"401\""], 1);
    assert_sum(&figures, "overlord_generation", &[], 1);
    assert_sum(&figures, "overlord_generations_alive", &[], 1);
    assert_sum(&figures, "overlord_runs", &[], 0);
    assert_sum(&figures, "overlord_processes", &[], 0);
    assert_sum(&figures, "overlord_state_errors_total", &[], 0);
    for text in ["alice", session.as_str(), "demo:fast", TOKEN] {
        assert!(!figures.contains(text), "{text} is in {figures}");
    }
}

#[test]
fn what_is_under_way_is_seen_and_made_up_addresses_are_counted_together() {
    let host = setup().start();
    let alice = host.sign_in("alice");
    let asked = alice.begin_to_ask(&alice.new_session(), "demo:hang");
    wait_until("the question to be under way", || {
        let figures = figures(&host);
        (sum(&figures, "overlord_runs", &[]) > 0.5 && sum(&figures, "overlord_processes", &[]) > 0.5)
            .then_some(())
    });
    drop(asked);
    for path in ["/made-up-1", "/made-up-2", "/agent/made-up"] {
        assert_eq!(host.anyone().get(path).status, 404);
    }
    let figures = figures(&host);
    assert_sum(&figures, "overlord_http_answers_total", &["route=\"none\"", "status=\"404\""], 3);
    assert!(!figures.contains("made-up"), "{figures}");
}

#[test]
fn a_component_that_traps_is_counted_under_its_own_digest() {
    let (setup, shelf) = Shelf::new(setup());
    let host = setup.start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    shelf.put("limit-window", &broken("limit-policy", Does::Trap));
    generation(&host, 2);
    for _ in 0..2 {
        assert_eq!(alice.ask(&session, "demo:fast").status, 503);
    }
    let figures = figures(&host);
    let limiters: Vec<_> = figures
        .lines()
        .filter(|line| line.starts_with("overlord_traps_total{slot=\"limit\""))
        .map(|line| line.rsplit_once(' ').expect("a value").1)
        .collect();
    assert_eq!(limiters, ["0", "2"], "{figures}");
    assert_sum(&figures, "overlord_generation", &[], 2);
}

#[test]
fn admins_and_the_token_may_read_and_nobody_else() {
    let host = setup().start();
    let read = |caller: &Caller| caller.get("/metrics").status;
    assert_eq!(read(&host.sign_in_as("root", &["admin"])), 200);
    assert_eq!(read(&host.sign_in("alice")), 403);
    assert_eq!(read(&host.anyone()), 401);
    for wrong in ["", "Bearer", "Bearer x", &format!("Basic {TOKEN}"), &format!("Bearer {TOKEN}x"), TOKEN] {
        assert_eq!(scraped(&host.anyone(), wrong).status, 401, "{wrong:?}");
        assert_eq!(scraped(&host.sign_in("alice"), wrong).status, 403, "{wrong:?}");
    }
    assert_eq!(
        scraped(&host.sign_in("alice"), &format!("Bearer {TOKEN}")).status,
        200,
        "the token is enough, whoever else one is"
    );
    let other = scraped(&host.anyone(), &format!("Bearer {TOKEN}"));
    assert_eq!(other.header("access-control-allow-origin"), None);
    let headers = [("authorization", &*format!("Bearer {TOKEN}")), ("sec-fetch-site", "cross-site")];
    assert_eq!(host.anyone().send("GET", "/metrics", &headers, None).status, 403, "another site's page");
}

#[test]
fn without_a_token_only_admins_may_read() {
    let host = Setup::new().start();
    for authorization in [&*format!("Bearer {TOKEN}"), "Bearer "] {
        assert_eq!(scraped(&host.anyone(), authorization).status, 401);
    }
    assert_eq!(host.sign_in_as("root", &["admin"]).get("/metrics").status, 200);
}

#[test]
fn a_host_with_a_token_that_is_none_does_not_start() {
    let setup = setup();
    std::fs::write(setup.folder().join("metrics-token"), "short").expect("writing a token");
    let output = setup.command(["serve"]).output().expect("running the host");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("its token has 5 characters, fewer than the 16 that it needs"), "{said}");
}
