//! What a collector of traces gets of a real host: a span for each stage, with nobody's name and no text
//! in it; whose word counts for what a request is part of; and that a collector that does not answer
//! holds nothing up.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use overlord_tests::host::{Host, Setup, wait_until};
use prost::Message as _;
use tokio::runtime::Runtime;

/// A trace and the span in it of which a proxy says that a request is part.
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Stands in for a collector: it keeps what it gets.
struct Collector {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Bytes>>>,
    _runtime: Runtime,
}

impl Collector {
    /// One that answers with this status.
    fn start(status: StatusCode) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .build()
            .expect("starting a runtime for the collector");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("listening on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let got = Arc::<Mutex<Vec<Bytes>>>::default();
        let keep = async move |State(got): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes| {
            got.lock().unwrap_or_else(PoisonError::into_inner).push(body);
            status
        };
        let router = Router::new().route("/v1/traces", post(keep)).with_state(Arc::clone(&got));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, got, _runtime: runtime }
    }

    fn got(&self) -> Vec<Bytes> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All spans that have come.
    fn spans(&self) -> Vec<Span> {
        let read = |bytes: Bytes| ExportTraceServiceRequest::decode(bytes).expect("spans by OTLP");
        let resources = self.got().into_iter().map(read).flat_map(|export| export.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// A host that sends its spans there, some every tenth of a second.
fn traced(address: SocketAddr) -> Setup {
    Setup::new()
        .with("OVERLORD_OTLP_ENDPOINT", format!("http://{address}"))
        .with("OTEL_BSP_SCHEDULE_DELAY", "100")
}

/// What a span says under `name`, as text.
fn said(span: &Span, name: &str) -> Option<String> {
    let value = span.attributes.iter().find(|pair| pair.key == name)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

/// The request that has this id and all spans of its trace, once its `last` has come.
fn of_request(collector: &Collector, id: &str, last: impl Fn(&[Span]) -> bool) -> (Span, Vec<Span>) {
    wait_until("the spans of a request", || {
        let spans = collector.spans();
        let root = spans.iter().find(|span| said(span, "request_id").as_deref() == Some(id))?;
        let of_trace = |span: &&Span| span.trace_id == root.trace_id;
        let own: Vec<Span> = spans.iter().filter(of_trace).cloned().collect();
        last(&own).then(|| (root.clone(), own))
    })
}

/// None of these is in anything that the collector got.
#[track_caller]
fn nothing_of(collector: &Collector, words: [&str; 2]) {
    for bytes in collector.got() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!words.iter().any(|word| text.contains(word)), "{text}");
    }
}

/// Asks; what the request is called.
fn asked(host: &Host, user: &str, message: &str, expected: u16) -> String {
    let caller = host.sign_in(user);
    let answer = caller.ask(&caller.new_session(), message);
    assert_eq!(answer.status, expected, "{}", answer.text());
    answer.header("x-request-id").expect("each answer has an id").to_owned()
}

#[test]
fn a_question_is_a_trace_with_a_span_for_each_stage_and_each_call_of_a_component() {
    let collector = Collector::start(StatusCode::OK);
    let host = traced(collector.address).start();
    let id = asked(&host, "alice-of-the-test", "demo:fast a secret of mine", 200);
    let records = |spans: &[Span]| spans.iter().filter(|span| span.name == "record").count() == 2;
    let (root, spans) = of_request(&collector, &id, records);
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let parent = |span: &Span| by_id.get(span.parent_span_id.as_slice()).map(|span| span.name.as_str());

    assert_eq!(parent(&root), None);
    assert_eq!(said(&root, "http.request.method").as_deref(), Some("POST"));
    assert_eq!(said(&root, "http.route").as_deref(), Some("/agent/ask"));
    assert_eq!(said(&root, "http.response.status_code").as_deref(), Some("200"));

    for stage in ["identify", "own", "admit", "record", "answer"] {
        let span =
            spans.iter().find(|span| span.name == stage).unwrap_or_else(|| panic!("{stage}: {spans:#?}"));
        assert_eq!(parent(span), Some("request"), "{stage}");
        assert_eq!(said(span, "generation").as_deref(), Some("1"), "{stage}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{stage}");
    }
    for (slot, stage) in [("auth", "identify"), ("limit", "admit"), ("audit", "record"), ("agent", "answer")]
    {
        let call = spans.iter().find(|span| said(span, "slot").as_deref() == Some(slot));
        let call = call.unwrap_or_else(|| panic!("{slot}: {spans:#?}"));
        assert_eq!((call.name.as_str(), parent(call)), ("call", Some(stage)), "{slot}");
        assert_eq!(said(call, "digest").map(|digest| digest.len()), Some(64), "{slot}");
    }
    nothing_of(&collector, ["alice-of-the-test", "a secret of mine"]);
}

#[test]
fn a_refusal_and_a_made_up_address_are_traces_too() {
    let collector = Collector::start(StatusCode::OK);
    let host = traced(collector.address).with("AGENT_RATE_MAX", "1").start();
    let caller = host.sign_in("alice");
    let session = caller.new_session();
    assert_eq!(caller.ask(&session, "demo:fast").status, 200);
    let refused = caller.ask(&session, "demo:fast");
    let lost = host.anyone().send("BREW", "/a-name-of-the-test", &[], None);
    assert_eq!((refused.status, lost.status), (429, 404));
    for (answer, status, route) in [(refused, "429", "/agent/ask"), (lost, "404", "none")] {
        let id = answer.header("x-request-id").expect("each answer has an id");
        let (root, spans) = of_request(&collector, id, |_| true);
        assert_eq!(said(&root, "http.response.status_code").as_deref(), Some(status));
        assert_eq!(said(&root, "http.route").as_deref(), Some(route));
        assert!(!spans.iter().any(|span| span.name == "answer"), "{spans:#?}");
    }
    nothing_of(&collector, ["BREW", "a-name-of-the-test"]);
}

#[test]
fn only_a_trusted_proxy_says_what_a_request_is_part_of() {
    let collector = Collector::start(StatusCode::OK);
    for (trusted, peers) in [(true, "127.0.0.1"), (false, "")] {
        let host = traced(collector.address).with("OVERLORD_SERVER_TRUSTED_PEERS", peers).start();
        for (given, is_one) in [
            (&[("traceparent", TRACEPARENT)][..], true),
            (&[("traceparent", "00-xyz")], false),
            (&[("traceparent", "")], false),
            (&[("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)], false),
        ] {
            let answer = host.anyone().send("GET", "/agent/health", given, None);
            let id = answer.header("x-request-id").expect("each answer has an id");
            let (root, _) = of_request(&collector, id, |_| true);
            let trace: [u8; 16] = root.trace_id.as_slice().try_into().expect("16 bytes");
            let same = u128::from_be_bytes(trace) == TRACE;
            assert_eq!(same, trusted && is_one, "{peers:?} {given:?} {trace:?}");
        }
    }
}

#[test]
fn what_there_still_is_goes_out_when_the_host_stops() {
    let collector = Collector::start(StatusCode::OK);
    let host = traced(collector.address).with("OTEL_BSP_SCHEDULE_DELAY", "3600000").start();
    asked(&host, "alice", "demo:fast", 200);
    assert_eq!(collector.got().len(), 0, "an hour has not passed");
    let (status, _) = host.stop();
    assert!(status.success());
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.name == "answer"));
    // The audit lines were formatted once more for the record: that is part of no request.
    let calls: Vec<_> = spans.iter().filter(|span| span.name == "call").collect();
    assert!(!calls.is_empty() && calls.iter().all(|call| !call.parent_span_id.is_empty()), "{calls:#?}");
}

#[test]
fn a_collector_that_is_away_or_refuses_or_never_answers_is_said_once_and_holds_nothing_up() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listening on loopback");
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listening on loopback");
    let away = gone.local_addr().expect("a listener has an address");
    drop(gone);
    let refuses = Collector::start(StatusCode::SERVICE_UNAVAILABLE);
    for (address, why) in [
        (silent.local_addr().expect("a listener has an address"), "it took longer than 5 s"),
        (away, "refused"),
        (refuses.address, "it answers 503"),
    ] {
        let host = traced(address).start();
        asked(&host, "alice", "demo:fast", 200);
        let lost = format!("spans are lost until http://{address}/v1/traces takes them");
        let line = wait_until("a line about the spans", || {
            host.output().lines().find(|line| line.contains(&lost)).map(str::to_owned)
        });
        assert!(line.contains(why), "{line}");
        asked(&host, "bob", "demo:fast", 200);
        assert_eq!(host.output().matches(&lost).count(), 1, "{}", host.output());
        let (status, _) = host.stop();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn spans_are_not_sent_with_tls_and_that_is_said_at_once() {
    let setup = Setup::new().with("OVERLORD_OTLP_ENDPOINT", "https://collector.example");
    let output = setup.command(["check"]).output().expect("checking a configuration");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("OVERLORD_OTLP_ENDPOINT") && said.contains("without TLS only"), "{said}");
}
