//! Each hook on its own, called in this process through the host's own sandbox: on a fresh instance,
//! as every slot does by default, on a warm one, and the same code natively. Owns the turns in which
//! the three are measured; each hook's module owns what is asked.

mod agent;
mod audit;
mod auth;
mod bucket;
mod history;
mod limit;
mod quota;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use overlord::sandbox::{CodeCache, Instances, Loader, Policy, Sandbox, Terms, World};
use overlord_tests::host::built;
use tokio::runtime::Runtime;

use crate::samples::Samples;
use crate::table::{Aim, Beside, Row};

/// What a decision may cost, in microseconds. Reading a file or following a run is none: there the
/// native code beside it says what to expect.
const DECISION: Option<Aim> = Some(Aim::AtMost(10.0));

/// Calls of one kind before the other kinds have their turn: some milliseconds, so that what disturbs
/// the machine disturbs all kinds alike.
const CALLS_A_TURN: u32 = 250;

/// All rows of this part.
pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let bench = Bench::new(if quick { 4 } else { 80 })?;
    let mut rows = Vec::new();
    let hooks = [
        auth::measure,
        limit::measure,
        bucket::measure,
        quota::measure,
        quota::measure_first,
        audit::measure,
        audit::measure_ecs,
        audit::measure_cef,
        history::measure,
        agent::measure,
    ];
    for hook in hooks {
        rows.extend(hook(&bench)?);
    }
    Ok(rows)
}

/// What the hooks are measured with.
struct Bench {
    runtime: Runtime,
    loader: Loader,
    turns: u32,
}

/// The same component twice.
struct Twice<W: World> {
    fresh: Arc<Policy<W>>,
    warm: Arc<Policy<W>>,
}

impl Bench {
    fn new(turns: u32) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sandbox = Sandbox::new()?;
        Ok(Self { runtime, loader: Loader::new(Arc::new(sandbox), CodeCache::none()), turns })
    }

    /// Loads a built component as the host does, its own cases included.
    fn load<W: World>(&self, name: &str, settings: &[(String, String)]) -> anyhow::Result<Twice<W>> {
        let file = built(&format!("target/components/{name}.wasm"));
        let bytes = std::fs::read(&file)
            .with_context(|| format!("reading {}; `make build` makes it", file.display()))?;
        let load = |instances| {
            let terms = Terms { settings: settings.to_vec(), instances, ..Terms::default() };
            self.runtime
                .block_on(self.loader.load::<W>(name, &bytes, terms))
                .context(file.display().to_string())
        };
        Ok(Twice { fresh: load(Instances::Fresh)?.policy, warm: load(Instances::Warm)?.policy })
    }

    /// Two rows, fresh and warm, each beside the native code. Each call says how long it took.
    fn rows(
        &self,
        what: &str,
        aim: Option<Aim>,
        mut fresh: impl AsyncFnMut() -> anyhow::Result<Duration>,
        mut warm: impl AsyncFnMut() -> anyhow::Result<Duration>,
        mut native: impl FnMut() -> anyhow::Result<Duration>,
    ) -> anyhow::Result<[Row; 2]> {
        eprintln!("  {what}");
        let mut samples = <[Samples; 3]>::default();
        // The first turn is for caches of all sorts, and does not count.
        for turn in 0..=self.turns {
            let mut times = <[Vec<Duration>; 3]>::default();
            self.runtime.block_on(async {
                for _ in 0..CALLS_A_TURN {
                    times[0].push(fresh().await?);
                }
                for _ in 0..CALLS_A_TURN {
                    times[1].push(warm().await?);
                }
                anyhow::Ok(())
            })?;
            for _ in 0..CALLS_A_TURN {
                times[2].push(native()?);
            }
            for (samples, times) in samples.iter_mut().zip(times).filter(|_| turn > 0) {
                for time in &times {
                    samples.push(time.as_secs_f64() * 1e6);
                }
            }
        }
        let [fresh, warm, native] = samples.map(|samples| samples.summary());
        let row = |instance, figure, aim| Row {
            what: format!("{what}, {instance} instance"),
            unit: "µs",
            figure,
            beside: Beside { what: "the same code natively", figure: native },
            aim,
        };
        Ok([row("fresh", fresh, aim), row("warm", warm, None)])
    }
}

/// How long a call took, and what came of it.
async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let outcome = call.await;
    (outcome, begun.elapsed())
}
