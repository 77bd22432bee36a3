//! Beyond the cases: the same answers as the components in Rust give, call after call on one warm
//! instance, and what is large or hostile within the limits of a decision.

use overlord::domain::{Event, Instant, Principal, Verdict};
use overlord::sandbox::bindings::audit::AuditPolicy;
use overlord::sandbox::bindings::audit::exports::overlord::policy::audit::{self, Field, Value};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::package::Digest;
use overlord::sandbox::{Audit, Broken, Instances, Limit, Policy, Terms, World};
use overlord_tests::shelf::real;
use serde_json::Value as Json;
use wasmtime::Store;
use wasmtime::component::Linker;

use crate::made::{AUDITS, LIMITERS, Made, loader};

/// Lines that Python wrote, made by `tests/fixtures/audit/make.py`.
const RECORDED: &str = include_str!("../fixtures/audit/lines.json");

/// How many calls the limiters are compared in: a warm instance serves all of them.
const CALLS: u32 = 600;

/// More ticks than any test lives.
const FOR_EVER: u64 = 1 << 40;

/// A component with these settings.
async fn with<W: World>(name: &str, bytes: &[u8], settings: &[(&str, &str)], terms: Terms) -> Policy<W> {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let prepared = loader().prepare(name, bytes, Terms { settings, ..terms }).await;
    prepared.unwrap_or_else(|error| panic!("{name}: {error}"))
}

async fn warm<W: World>(made: Made, settings: &[(&str, &str)]) -> Policy<W> {
    with(made.name(), &made.bytes(), settings, made.terms(Instances::Warm)).await
}

/// What a call came to, in a form that can be compared.
type Answer = Result<(Verdict, Option<Vec<u8>>), String>;

async fn ask(policy: &Policy<Limit>, now: u64, load: Load, cell: &[u8]) -> Answer {
    let alice = Principal { user: "alice".to_owned(), roles: vec!["admin".to_owned()] };
    match policy.admit(&alice, Instant(now), load, cell).await {
        Ok(answer) => Ok(answer),
        Err(Broken::Fault(message)) => Err(message),
        Err(other) => panic!("{policy:?}: {other}"),
    }
}

#[tokio::test]
async fn the_limiters_decide_as_limit_window_does() {
    let settings = [("max", "7"), ("window_s", "10"), ("concurrency", "2"), ("queue", "2")];
    let original: Policy<Limit> =
        with("limit-window", &real("limit-window"), &settings, Terms::default()).await;
    for made in LIMITERS {
        let policy: Policy<Limit> = warm(made, &settings).await;
        let mut random = fastrand::Rng::with_seed(4);
        let (mut now, mut cell) = (1_700_000_000_000, Vec::new());
        for call in 0..CALLS {
            // Mostly a little later; now and then a clock that was set back.
            now = if random.u32(..20) == 0 { now - random.u64(..30_000) } else { now + random.u64(..3000) };
            let queued_since = (random.u32(..8) == 0).then_some(Instant(now - 1));
            let load = Load { running: random.u32(..4), waiting: random.u32(..4), queued_since };
            let given = match random.u32(..12) {
                0 => (0..random.usize(..60)).map(|_| random.u8(..3)).collect(),
                1 => cell[..random.usize(..=cell.len())].to_vec(),
                _ => cell.clone(),
            };
            let expected = ask(&original, now, load, &given).await;
            let found = ask(&policy, now, load, &given).await;
            assert_eq!(found, expected, "{} in call {call}: {now}, {load:?}, {given:?}", made.name());
            if let Ok((_, Some(new))) = expected {
                cell = new;
            }
        }
    }
}

#[tokio::test]
async fn the_largest_cell_and_the_ends_of_time_fit_into_the_limits() {
    let mut cell = vec![1];
    cell.extend((0..8000_u64).flat_map(|number| (1_700_000_000_000 + number).to_le_bytes()));
    let settings = [("max", "8000"), ("window_s", "31622400")];
    let original: Policy<Limit> =
        with("limit-window", &real("limit-window"), &settings, Terms::default()).await;
    for made in LIMITERS {
        for instances in [Instances::Fresh, Instances::Warm] {
            let policy: Policy<Limit> =
                with(made.name(), &made.bytes(), &settings, made.terms(instances)).await;
            for now in [0, 1, 1_700_000_008_000, 1_800_000_000_000, u64::MAX - 1, u64::MAX] {
                for cell in [&cell[..], &cell[..cell.len() - 8], &[]] {
                    let expected = ask(&original, now, Load::default(), cell).await;
                    let found = ask(&policy, now, Load::default(), cell).await;
                    assert!(found == expected, "{} at {now}, a cell of {}", made.name(), cell.len());
                }
            }
        }
    }
}

#[tokio::test]
async fn settings_of_a_megabyte_are_a_fault_that_begins_as_limit_windows_does() {
    let long = "9".repeat(1_000_000);
    for (key, value) in [("max", long.as_str()), (long.as_str(), "1")] {
        let settings = [(key, value)];
        let original: Policy<Limit> =
            with("limit-window", &real("limit-window"), &settings, Terms::default()).await;
        let expected = ask(&original, 1, Load::default(), &[]).await;
        for made in LIMITERS {
            let policy: Policy<Limit> = warm(made, &settings).await;
            assert!(ask(&policy, 1, Load::default(), &[]).await == expected, "{}", made.name());
        }
    }
}

#[tokio::test]
async fn each_recorded_line_is_written_byte_for_byte() {
    let recorded: Vec<Json> = serde_json::from_str(RECORDED).expect("recordings are JSON");
    assert!(recorded.len() >= 170, "the recordings are not whole");
    for made in [Made::JavaScriptAudit, Made::PythonAudit] {
        let (engine, bytes) = (loader().sandbox().engine().clone(), made.bytes());
        let component = loader().compile(Digest::of(&bytes), &bytes).await.expect("it was made just now");
        let mut linker = Linker::new(&engine);
        linker.instance("overlord:policy/types@0.1.0").expect("nothing has that name yet");
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(FOR_EVER);
        let settings = Vec::new();
        // One instance for all of them.
        let policy = AuditPolicy::instantiate_async(&mut store, &component, &linker).await.expect("it fits");
        for record in &recorded {
            let event = event(record);
            let written = policy.overlord_policy_audit().call_format(&mut store, &settings, &event);
            let line = written.await.expect("it does not break").expect("it has no fault");
            assert_eq!(line, record["line"].as_str().expect("text"), "{}: {}", made.name(), record["what"]);
        }
    }
}

/// An event as it was recorded.
fn event(json: &Json) -> audit::Event {
    let field =
        |pair: &Json| Field { name: pair[0].as_str().expect("a name").to_owned(), value: value(&pair[1]) };
    audit::Event {
        name: json["name"].as_str().expect("a name").to_owned(),
        at: json["at"].as_u64().expect("a time"),
        fields: json["fields"].as_array().expect("a list").iter().map(field).collect(),
    }
}

fn value(json: &Json) -> Value {
    let Json::Object(named) = json else { return Value::Absent };
    let (kind, value) = named.iter().next().expect("a value has a kind");
    let text = || value.as_str().expect("text").to_owned();
    match kind.as_str() {
        "text" => Value::Text(text()),
        "number" => Value::Number(text().parse().expect("a whole number")),
        "real" => Value::Real(text().parse().expect("a number")),
        "flag" => Value::Flag(value.as_bool().expect("true or false")),
        other => panic!("no value is {other}"),
    }
}

#[tokio::test]
async fn the_longest_question_and_a_megabyte_fit_into_the_limits() {
    for made in AUDITS {
        for instances in [Instances::Fresh, Instances::Warm] {
            let policy: Policy<Audit> = with(made.name(), &made.bytes(), &[], made.terms(instances)).await;
            for text in ["🦀".repeat(10_000), "x".repeat(1 << 20), "\0".repeat(1 << 20)] {
                let fields = vec![("message", text.as_str().into())];
                let line = policy.format(&Event { name: "ask_start".into(), at: Instant(1), fields }).await;
                let line = line.unwrap_or_else(|error| panic!("{}: {error}", made.name()));
                let written: Json = serde_json::from_str(&line).expect("it is JSON");
                assert_eq!(written["message"], Json::String(text.chars().take(500).collect()));
            }
        }
    }
}
