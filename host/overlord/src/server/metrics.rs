//! What Prometheus is told: everything that is counted anywhere in the house, under one name each. Owns
//! the names and who may read them; counts nothing itself, and no user, session or text is in it.

use std::fmt;
use std::sync::Arc;

use axum::http::HeaderMap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{self, CONTENT_TYPE};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use subtle::ConstantTimeEq as _;

use super::answers::{Answered, Answers};
use super::bearer::bearer;
use crate::capability::trouble;
use crate::config::Secret;
use crate::pipeline::House;
use crate::sandbox::{BOUNDS_US, Sandbox, TallySnapshot};

/// What a text that is told to Prometheus is.
pub(super) const TEXT: &str = CONTENT_TYPE;

/// What the label `route` says of an answer that no route gave.
const NO_ROUTE: &str = "none";

/// What is counted, and who may read it.
#[derive(Debug)]
pub struct Metrics {
    pub(super) answers: Answers,
    sandbox: Arc<Sandbox>,
    token: Option<Secret>,
}

impl Metrics {
    /// Those of a host whose components run in this sandbox; `token` opens them to who has no role.
    pub fn new(sandbox: Arc<Sandbox>, token: Option<Secret>) -> Self {
        Self { answers: Answers::none(), sandbox, token }
    }

    /// Whether a request shows the token. How long that takes says nothing of what it is.
    pub(super) fn shown_the_token(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        bearer(headers).is_some_and(|shown| shown.ct_eq(token.expose().as_bytes()).into())
    }

    /// All of it as it is now, as text.
    pub(super) fn text(&self, house: &House) -> String {
        let mut registry = Registry::with_prefix("overlord");
        registry.register_collector(Box::new(Figures {
            tallies: self.sandbox.tallies().iter().map(|tally| tally.snapshot()).collect(),
            answers: self.answers.all(),
            running: house.runs.under_way(),
            waiting: house.admission.queue.total(),
            places: house.admission.places.total(),
            alive: house.current.alive(),
            generation: house.current.pin().number,
            state_errors: trouble::STATE.count(),
            audit_errors: trouble::AUDIT.count(),
            recorded: house
                .recorder
                .remember
                .counts()
                .map(|counts| [counts.written(), counts.dropped(), counts.failed()]),
        }));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).expect("writing to a text cannot fail");
        text
    }
}

/// What there is to tell at one moment.
#[derive(Debug)]
struct Figures {
    tallies: Vec<TallySnapshot>,
    answers: Vec<Answered>,
    running: usize,
    waiting: usize,
    places: u32,
    alive: usize,
    generation: u64,
    state_errors: u64,
    audit_errors: u64,
    /// Decisions that were recorded, that there was no room for, and that could not be written; none where
    /// nothing is recorded.
    recorded: Option<[u64; 3]>,
}

/// One of the counters of a tally: its name, what it is, and where it stands.
type Counter = (&'static str, &'static str, fn(&TallySnapshot) -> u64);

const COUNTERS: [Counter; 6] = [
    ("decisions", "Calls of a component that have ended, however they did", |tally| tally.calls),
    ("faults", "Calls in which a component said that it cannot decide", |tally| tally.faults),
    ("traps", "Calls in which a component trapped", |tally| tally.traps),
    ("timeouts", "Calls in which a component computed for too long and was stopped", |tally| tally.time_outs),
    ("refused_answers", "Calls in which a component's answer was out of bounds", |tally| {
        tally.refused_answers
    }),
    ("divergences", "Decisions that differ from those which they were compared with", |tally| {
        tally.divergences
    }),
];

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let told = &mut encoder;
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        told.encode_descriptor("build", "What runs", None, MetricType::Info)?.encode_info(&build)?;
        for (name, help, of) in COUNTERS {
            counters(told, name, help, self.tallies.iter().map(|tally| (labels(tally), of(tally))))?;
        }
        let refusals = self.tallies.iter().flat_map(|tally| {
            tally.refusals.iter().map(|(reason, times)| {
                let [slot, component, digest] = labels(tally);
                ([slot, component, digest, ("reason", reason.as_str())], *times)
            })
        });
        counters(told, "refusals", "Times that a component said no, by its reason", refusals)?;
        self.latency(told)?;
        gauge(
            told,
            "runs",
            "Questions that are on their way: waiting or being answered",
            self.running as u64,
        )?;
        gauge(told, "waiting", "Questions that wait in the queue", self.waiting as u64)?;
        gauge(told, "processes", "Places for programs that are taken", u64::from(self.places))?;
        gauge(told, "generation", "The number of the generation that serves", self.generation)?;
        gauge(
            told,
            "generations_alive",
            "Generations that serve, are tried, or that requests still hold",
            self.alive as u64,
        )?;
        counter(
            told,
            "state_errors",
            "Times that the state could not be read or written",
            self.state_errors,
        )?;
        counter(
            told,
            "audit_errors",
            "Audit lines that went to the log instead of their file",
            self.audit_errors,
        )?;
        let outcomes = ["written", "dropped", "failed"].map(|outcome| [("outcome", outcome)]);
        let recorded = self.recorded.iter().flat_map(|counts| outcomes.into_iter().zip(*counts));
        counters(told, "recorded_decisions", "Decisions to be recorded, by what became of them", recorded)?;
        let statuses: Vec<_> = self.answers.iter().map(|answered| answered.status.to_string()).collect();
        let answers = self.answers.iter().zip(&statuses).map(|(answered, status)| {
            let (method, path) =
                answered.route.map_or((NO_ROUTE, NO_ROUTE), |route| (route.method, route.path));
            ([("method", method), ("route", path), ("status", status.as_str())], answered.times)
        });
        counters(told, "http_answers", "Answers, by the route's pattern and the status", answers)
    }
}

impl Figures {
    fn latency(&self, told: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "How long calls of a component took, a program's time included";
        let unit = Unit::Seconds;
        let mut all = told.encode_descriptor("latency", help, Some(&unit), MetricType::Histogram)?;
        for tally in &self.tallies {
            let bounds = BOUNDS_US.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(tally.latency.counts.iter().copied()).collect();
            let sum = seconds(tally.latency.sum_us);
            let labels = labels(tally);
            all.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, tally.calls, &buckets, None)?;
        }
        Ok(())
    }
}

/// By what a component is known.
fn labels(tally: &TallySnapshot) -> [(&'static str, &str); 3] {
    [("slot", tally.slot), ("component", &tally.component), ("digest", &tally.digest)]
}

#[expect(clippy::cast_precision_loss, reason = "a sum of microseconds is exact for 285 years")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn counters<L: EncodeLabelSet>(
    told: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut all = told.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        all.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)?;
    }
    Ok(())
}

fn counter(told: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut one = told.encode_descriptor(name, help, None, MetricType::Counter)?;
    one.encode_counter::<NoLabelSet, u64, f64>(&value, None)
}

fn gauge(told: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    told.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
