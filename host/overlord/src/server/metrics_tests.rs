//! What Prometheus is told is read back line by line as its format says, hostile names included.

use std::collections::{BTreeMap, HashMap};

use axum::http::{HeaderValue, header};

use super::*;
use crate::sandbox::Latency;

const HOSTILE: &str = "a\"} 1\n# TYPE b counter\nb{x=\"\\";

fn tally() -> TallySnapshot {
    let mut counts = vec![0; BOUNDS_US.len() + 1];
    (counts[0], counts[2], counts[BOUNDS_US.len()]) = (1, 4, 2);
    TallySnapshot {
        slot: "limit",
        component: HOSTILE.to_owned(),
        digest: "0".repeat(64),
        calls: 7,
        faults: 1,
        traps: 2,
        time_outs: 3,
        refused_answers: 4,
        divergences: 5,
        refusals: BTreeMap::from([(HOSTILE.to_owned(), 6), ("rate_limited".to_owned(), 8)]),
        latency: Latency { bounds_us: &BOUNDS_US, counts, sum_us: 21_000_007 },
    }
}

fn text() -> String {
    let mut registry = Registry::with_prefix("overlord");
    registry.register_collector(Box::new(Figures {
        tallies: vec![tally()],
        answers: vec![Answered { route: None, status: 404, times: 9 }],
        running: 1,
        waiting: 2,
        places: 3,
        alive: 4,
        generation: 5,
        state_errors: 6,
        audit_errors: 7,
        recorded: Some([10, 11, 12]),
    }));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a text takes everything");
    text
}

#[test]
fn every_line_is_a_sample_of_a_family_that_was_introduced() {
    let text = text();
    let (mut introduced, mut explained) = (HashMap::new(), Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(explained.contains(&name), "{name} is explained first");
            assert!(introduced.insert(name, kind).is_none(), "{name} is introduced once");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            explained.push(rest.split_once(' ').expect("a name and a text").0);
        } else {
            let name = line.split(['{', ' ']).next().expect("a name");
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let family = of_histogram.filter(|family| introduced.contains_key(family)).unwrap_or(name);
            let kind = introduced.get(family).unwrap_or_else(|| panic!("`{line}` was not introduced"));
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{line}");
            assert!(name.starts_with("overlord_"), "{line}");
        }
    }
    assert_eq!(introduced.get("overlord_latency_seconds"), Some(&"histogram"));
}

/// A line that is a sample: its name, its labels, its value.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).expect("a name and something else");
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label and a value in quotes");
            let mut value = String::new();
            let mut characters = after.chars();
            loop {
                match characters.next().expect("the quotes are closed") {
                    '"' => break,
                    '\\' => value.push(match characters.next().expect("something is escaped") {
                        'n' => '\n',
                        other => {
                            assert!(matches!(other, '\\' | '"'), "there is no \\{other}");
                            other
                        }
                    }),
                    other => value.push(other),
                }
            }
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}: {label} comes twice");
            rest = characters.as_str();
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = rest.strip_prefix(',').expect("another label");
        }
    }
    let value = rest.strip_prefix(' ').and_then(|value| value.parse().ok()).expect("a number ends the line");
    (name.to_owned(), labels, value)
}

#[test]
fn every_figure_is_what_was_counted() {
    let text = text();
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
    let values =
        |name: &str| samples.iter().filter(|sample| sample.0 == name).map(|s| s.2).collect::<Vec<_>>();
    for (name, expected) in [
        ("overlord_decisions_total", 7.0),
        ("overlord_faults_total", 1.0),
        ("overlord_traps_total", 2.0),
        ("overlord_timeouts_total", 3.0),
        ("overlord_refused_answers_total", 4.0),
        ("overlord_divergences_total", 5.0),
        ("overlord_http_answers_total", 9.0),
        ("overlord_runs", 1.0),
        ("overlord_waiting", 2.0),
        ("overlord_processes", 3.0),
        ("overlord_generations_alive", 4.0),
        ("overlord_generation", 5.0),
        ("overlord_state_errors_total", 6.0),
        ("overlord_audit_errors_total", 7.0),
        ("overlord_build_info", 1.0),
        ("overlord_latency_seconds_sum", 21.000_007),
        ("overlord_latency_seconds_count", 7.0),
    ] {
        assert_eq!(values(name), [expected], "{name}");
    }
    assert_eq!(values("overlord_refusals_total"), [6.0, 8.0]);
    let buckets: Vec<_> = samples.iter().filter(|s| s.0 == "overlord_latency_seconds_bucket").collect();
    assert_eq!(buckets.len(), BOUNDS_US.len() + 1);
    let counts: Vec<_> = buckets.iter().map(|bucket| bucket.2).collect();
    assert_eq!(counts[..4], [1.0, 1.0, 5.0, 5.0], "a bucket counts what is below it too");
    assert_eq!((buckets[3].1["le"].as_str(), buckets[BOUNDS_US.len()].1["le"].as_str()), ("1e-05", "+Inf"));
    assert_eq!(counts.last(), Some(&7.0));
    for (_, labels, _) in samples.iter().filter(|sample| sample.1.contains_key("component")) {
        assert_eq!((labels["slot"].as_str(), labels["component"].as_str()), ("limit", HOSTILE));
        assert_eq!(labels["digest"].len(), 64);
    }
    assert!(samples.iter().any(|sample| sample.1.get("reason").is_some_and(|reason| reason == HOSTILE)));
}

#[test]
fn a_hostile_name_makes_no_line_of_its_own() {
    let text = text();
    assert!(!text.lines().any(|line| line.starts_with("b{") || line == "# TYPE b counter"), "{text}");
}

#[test]
fn the_token_is_shown_once_and_whole() {
    let sandbox = Arc::new(Sandbox::new().expect("an engine can be set up here"));
    let token = Secret::new("a-token-of-this-test".to_owned());
    let (open, closed) = (Metrics::new(Arc::clone(&sandbox), Some(token)), Metrics::new(sandbox, None));
    let shown = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a value"));
        }
        (open.shown_the_token(&headers), closed.shown_the_token(&headers))
    };
    assert_eq!(shown(&["Bearer a-token-of-this-test"]), (true, false));
    assert_eq!(shown(&["bearer a-token-of-this-test"]), (true, false));
    for other in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a-token-of-this-tes",
        "Bearer a-token-of-this-testt",
        "Basic a-token-of-this-test",
        "a-token-of-this-test",
        "Bearer  a-token-of-this-test",
    ] {
        assert_eq!(shown(&[other]), (false, false), "{other:?}");
    }
    assert_eq!(shown(&["Bearer a-token-of-this-test", "Bearer x"]), (false, false));
}
