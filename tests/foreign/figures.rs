//! What other languages cost: size, the time of a fresh call and of a warm one, beside Rust's. Printed
//! and not judged: a machine with other work says little about itself.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant as Clock};

use overlord::domain::{Event, Instant, Principal};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Audit, Instances, Limit, Policy, Terms};
use overlord_tests::shelf::real;

use crate::made::{LIMITERS, Made, loader};

/// How many calls a figure is the median of.
const CALLS: usize = 101;

#[tokio::test]
async fn what_a_call_costs_is_printed() {
    let mut table =
        String::from("component              size        fresh call   warm call   load, compiled before\n");
    for name in ["limit-window", "audit-jsonl"] {
        row(&mut table, name, &real(name), |instances| Terms { instances, ..Terms::default() }).await;
    }
    for made in
        [LIMITERS.as_slice(), &[Made::JavaScriptAudit, Made::PythonAudit, Made::PythonAuditWithWasi]].concat()
    {
        row(&mut table, made.name(), &made.bytes(), |instances| made.terms(instances)).await;
    }
    // Not by a macro that the test runner swallows.
    std::io::stderr().write_all(table.as_bytes()).expect("standard error can be written to");
}

async fn row(table: &mut String, name: &str, bytes: &[u8], terms: impl Fn(Instances) -> Terms) {
    let mut times = Vec::new();
    // Whatever has to be compiled is.
    let _ = loaded(name, bytes, terms(Instances::Fresh)).await;
    let begun = Clock::now();
    let policies = [
        loaded(name, bytes, terms(Instances::Fresh)).await,
        loaded(name, bytes, terms(Instances::Warm)).await,
    ];
    let loading = begun.elapsed() / 2;
    for policy in policies {
        let mut taken = Vec::new();
        for _ in 0..CALLS {
            let begun = Clock::now();
            policy.call().await;
            taken.push(begun.elapsed());
        }
        taken.sort();
        times.push(taken[CALLS / 2]);
    }
    writeln!(
        table,
        "{name:<20} {:>8.2} MB {:>10} µs {:>8} µs {:>8} ms",
        f64::from(u32::try_from(bytes.len()).expect("a component is small")) / 1e6,
        micros(times[0]),
        micros(times[1]),
        loading.as_millis()
    )
    .expect("text can be written to");
}

fn micros(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

/// A policy of one of the two slots.
enum Either {
    Limit(Policy<Limit>),
    Audit(Policy<Audit>),
}

async fn loaded(name: &str, bytes: &[u8], terms: Terms) -> Either {
    let loader = loader();
    if name.starts_with("limit") {
        Either::Limit(loader.prepare(name, bytes, terms).await.expect("it fits"))
    } else {
        Either::Audit(loader.prepare(name, bytes, terms).await.expect("it fits"))
    }
}

impl Either {
    /// One ordinary call: a caller with an hour's questions behind them, and the line of one.
    async fn call(&self) {
        match self {
            Self::Limit(policy) => {
                let alice = Principal { user: "alice".to_owned(), roles: Vec::new() };
                let mut cell = vec![1];
                cell.extend((0..30_u64).flat_map(|number| (1_700_000_000_000 + number).to_le_bytes()));
                let now = Instant(1_700_000_001_000);
                policy.admit(&alice, now, Load::default(), &cell).await.expect("it decides");
            }
            Self::Audit(policy) => {
                let fields = vec![
                    ("user", "alice".into()),
                    ("session_id", "0b4cf4b5-1f1f-4c1a-9d5e-2d7c1c0e9f11".into()),
                    ("message", "What is in this folder?".into()),
                    ("message_len", 23_u32.into()),
                ];
                let event = Event { name: "ask_start".into(), at: Instant(1_700_000_000_000), fields };
                policy.format(&event).await.expect("it writes");
            }
        }
    }
}
