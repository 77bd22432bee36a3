//! What a call of a policy costs: time on fresh and on warm instances, and memory. Measures with the
//! cases that the component carries, or else with the harmless question. Judges nothing.

use std::time::{Duration, Instant};

use super::cases::{self, CallError, Case, Ready};
use super::guest::{Guest, Lent};
use super::policy::{Policy, describe};
use super::trial;
use super::world::World;

/// How often a call is measured at most, for each kind of instance.
const CALLS_MAX: usize = 1000;

/// And how long that may take: whoever waits is a person.
const TIME_MAX: Duration = Duration::from_millis(500);

/// How often one instance is called: those of an allocator that never frees would fill up.
const WARM_CALLS: usize = 20;

/// What calls cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// An instance for each, its making included.
    pub fresh: Spread,
    /// The second and later calls of an instance; none where it cannot be called twice.
    pub warm: Option<Spread>,
    /// The largest linear memory of an instance before its first call, in bytes.
    pub memory_at_start: usize,
    /// The same after it.
    pub memory_after: usize,
}

/// How long calls took.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// How many were measured.
    pub calls: usize,
    /// Half of them took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort();
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().checked_sub(1)?));
        Some(Self { calls: times.len(), median: *at(50)?, p99: *at(99)? })
    }
}

/// What is called.
enum Probe<'a> {
    Case(&'a Case),
    Harmless,
}

impl Probe<'_> {
    fn lent<W: World>(&self) -> Lent {
        match self {
            Self::Case(case) => cases::lent(W::SLOT, case),
            Self::Harmless => trial::lent(W::SLOT),
        }
    }

    async fn ready<W: World>(&self, policy: &Policy<W>) -> Result<Ready, CallError> {
        match self {
            Self::Case(case) => {
                cases::ready(policy, &case.written(W::SLOT).0, self.lent::<W>(), |_| ()).await
            }
            Self::Harmless => trial::ready(policy).await,
        }
    }
}

/// Measures; none where no call comes back.
pub async fn measure<W: World>(policy: &Policy<W>, cases: &[Case]) -> Option<Cost> {
    let mut probes: Vec<Probe<'_>> = cases.iter().map(Probe::Case).collect();
    if probes.is_empty() {
        probes.push(Probe::Harmless);
    }
    let (mut memory_at_start, mut memory_after) = (0, 0);
    let mut able = Vec::new();
    for probe in probes {
        let Ok(mut ready) = probe.ready(policy).await else { continue };
        let at_start = ready.store.data().memory_used;
        if ready.go().await.is_ok() {
            memory_at_start = memory_at_start.max(at_start);
            memory_after = memory_after.max(ready.store.data().memory_used);
            able.push((probe, ready));
        }
    }
    let fresh = Spread::of(fresh(policy, &able).await)?;
    // Those of a guest that breaks when it is called again are no measure of one that serves warm.
    let warm = warm(policy, &able).await.ok().and_then(Spread::of);
    Some(Cost { fresh, warm, memory_at_start, memory_after })
}

async fn fresh<W: World>(policy: &Policy<W>, able: &[(Probe<'_>, Ready)]) -> Vec<Duration> {
    let (start, mut times) = (Instant::now(), Vec::new());
    for (probe, ready) in able.iter().cycle().take(CALLS_MAX) {
        let lent = probe.lent::<W>();
        let begin = Instant::now();
        let mut store = policy.store(lent);
        let Ok(instance) = policy.bare.instantiate_async(&mut store).await else { continue };
        let Some(function) = instance.get_func(&mut store, ready.index) else { continue };
        let mut results = [wasmtime::component::Val::Bool(false)];
        if function.call_async(&mut store, &ready.arguments, &mut results).await.is_ok() {
            drop(store);
            times.push(begin.elapsed());
        }
        if start.elapsed() > TIME_MAX {
            break;
        }
    }
    times
}

async fn warm<W: World>(policy: &Policy<W>, able: &[(Probe<'_>, Ready)]) -> Result<Vec<Duration>, String> {
    let (start, mut times) = (Instant::now(), Vec::new());
    for (probe, ready) in able.iter().cycle().take(CALLS_MAX / WARM_CALLS) {
        let mut store = policy.store(probe.lent::<W>());
        let broke = |store: &wasmtime::Store<Guest>, error: &wasmtime::Error| describe(store.data(), error);
        let instance = match policy.bare.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(broke(&store, &error)),
        };
        let Some(function) = instance.get_func(&mut store, ready.index) else { continue };
        for call in 0..=WARM_CALLS {
            Guest::again(&mut store, probe.lent::<W>());
            let begin = Instant::now();
            let mut results = [wasmtime::component::Val::Bool(false)];
            if let Err(error) = function.call_async(&mut store, &ready.arguments, &mut results).await {
                return Err(broke(&store, &error));
            }
            if call > 0 {
                times.push(begin.elapsed());
            }
        }
        if start.elapsed() > TIME_MAX {
            break;
        }
    }
    Ok(times)
}
