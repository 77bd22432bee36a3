//! How is it written down: the longest line of a question that was answered.

use std::time::{Duration, Instant};

use anyhow::ensure;
use overlord::domain::{self, Event, Value};
use overlord::sandbox::{Audit, Policy};

use super::{Bench, DECISION, timed};
use crate::cookie_check::{USER, now};
use crate::table::Row;

/// What an answer says, over and over; as a preview, 300 characters of it are written.
const SENTENCE: &str = "The file says \"größer\" twice,\nand 日本語 once. ";

/// The host's event as the component's own; it is copied for a guest too. The three have the same types,
/// each in its own crate.
macro_rules! natively {
    ($component:ident, $event:ident) => {{
        use $component::event;
        let value = |value: &Value| match value {
            Value::Text(text) => event::Value::Text(text.clone()),
            Value::Number(number) => event::Value::Number(*number),
            Value::Flag(flag) => event::Value::Flag(*flag),
            Value::Absent => event::Value::Absent,
        };
        event::Event {
            name: $event.name.to_string(),
            at: $event.at.0,
            fields: $event.fields.iter().map(|(name, field)| ((*name).to_owned(), value(field))).collect(),
        }
    }};
}

/// The plain line.
pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    measured(bench, "audit format, ask_ok", "audit-jsonl", |event| {
        audit_jsonl::event::check(&[])?;
        Ok(audit_jsonl::line::line(&natively!(audit_jsonl, event))?)
    })
}

/// The Elastic Common Schema.
pub(super) fn measure_ecs(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    measured(bench, "audit format, ask_ok, ECS", "audit-ecs", |event| {
        audit_ecs::event::check(&[])?;
        Ok(audit_ecs::line::line(&natively!(audit_ecs, event))?)
    })
}

/// The Common Event Format.
pub(super) fn measure_cef(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    measured(bench, "audit format, ask_ok, CEF", "audit-cef", |event| {
        audit_cef::event::check(&[])?;
        Ok(audit_cef::line::line(&natively!(audit_cef, event))?)
    })
}

fn measured(
    bench: &Bench,
    what: &str,
    component: &str,
    line: impl Fn(&Event) -> anyhow::Result<String>,
) -> anyhow::Result<[Row; 2]> {
    let policies = bench.load::<Audit>(component, &[])?;
    let text = SENTENCE.repeat(8);
    let event = Event {
        name: "ask_ok".into(),
        at: domain::Instant(now()),
        fields: vec![
            ("user", USER.into()),
            ("session_id", "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e".into()),
            ("result_preview", text.as_str().into()),
            ("result_len", text.chars().count().into()),
            ("turns", 3_u32.into()),
            ("elapsed_ms", 1234_u64.into()),
            ("subprocess_ms", 1200_u64.into()),
            ("is_error", false.into()),
        ],
    };
    let expected = line(&event)?;
    bench.rows(
        what,
        DECISION,
        async || formatted(&policies.fresh, &event, &expected).await,
        async || formatted(&policies.warm, &event, &expected).await,
        || {
            let begun = Instant::now();
            let found = line(&event)?;
            let elapsed = begun.elapsed();
            ensure!(found == expected, "two lines of one event: {found} and {expected}");
            Ok(elapsed)
        },
    )
}

async fn formatted(policy: &Policy<Audit>, event: &Event, expected: &str) -> anyhow::Result<Duration> {
    let (found, elapsed) = timed(policy.format(event)).await;
    let found = found?;
    ensure!(found == expected, "the policy writes {found}, the same code natively {expected}");
    Ok(elapsed)
}
