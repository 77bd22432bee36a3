//! The one WebAssembly engine of the process and the limits of everything that runs in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter,
};

use super::guest::Guest;
use super::tally::{Tallies, Tally};

/// How often a running guest is looked at: a guest that loops gives way to other tasks this often,
/// and a deadline is a number of these.
pub const TICK: Duration = Duration::from_millis(10);

/// How many policy calls run at once; more wait their turn. Each holds a slot of the pool, and a
/// pool that has none left answers with an error, so this stands before it. An agent's call lasts
/// as long as its program runs.
pub const CALLS_MAX: u32 = 192;

/// How many instances may stay warm between calls, over all slots.
pub const WARM_MAX: u32 = 32;

/// Room in the pool: calls, warm instances, and candidates being tried beside them.
const INSTANCES: u32 = CALLS_MAX + WARM_MAX + 32;

/// The largest memory of a guest, in bytes. Ours take 64 KiB to 5 MiB; one in Python some 40 MiB.
pub const MEMORY_BYTES_MAX: usize = 256 << 20;

/// The most elements in a guest's table. One in Python takes about 16,000.
const TABLE_ELEMENTS_MAX: usize = 64 << 10;

/// Core instances, memories and tables in one component: an interpreter brings its parts as modules.
const PARTS_MAX: u32 = 64;

/// What of a guest's memory is kept and zeroed after a call instead of being given back: larger than
/// the whole memory of a decision, so that a fresh instance costs no system call, and as much as a
/// page of a history touches, whose pages the kernel would have to find and clear anew for each call.
const MEMORY_KEPT: usize = 2 << 20;

/// How many places of the pool keep that much while nobody is in them: a burst of histories must not
/// leave hundreds of megabytes behind.
const PLACES_KEPT: u32 = 32;

/// The same for tables. Never 0: that costs a system call for each instance.
const TABLE_KEPT: usize = 4 << 10;

/// A guest's stack, in bytes, when it is called.
const STACK_MAX: usize = 512 << 10;

/// The engine, its ticker, the gate before its pool, and what was counted in it.
#[derive(Debug)]
pub struct Sandbox {
    engine: Engine,
    calls: Semaphore,
    pub(super) tallies: Tallies,
}

impl Sandbox {
    /// Sets up the engine and starts its ticker.
    pub fn new() -> wasmtime::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(INSTANCES)
            .total_core_instances(INSTANCES * 4)
            .total_memories(INSTANCES * 2)
            .total_tables(INSTANCES * 4)
            .total_stacks(INSTANCES)
            .max_core_instances_per_component(PARTS_MAX)
            .max_memories_per_component(PARTS_MAX)
            .max_tables_per_component(PARTS_MAX)
            .max_component_instance_size(4 << 20)
            .max_core_instance_size(4 << 20)
            .table_elements(TABLE_ELEMENTS_MAX)
            .max_memory_size(MEMORY_BYTES_MAX)
            .linear_memory_keep_resident(MEMORY_KEPT)
            .max_unused_warm_slots(PLACES_KEPT)
            .table_keep_resident(TABLE_KEPT)
            // Resetting by what the kernel says was touched is off where isolation matters
            // (wasmtime#14357).
            .pagemap_scan(Enabled::No);
        let mut config = Config::new();
        config
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .epoch_interruption(true)
            .concurrency_support(false)
            .native_unwind_info(false)
            .max_wasm_stack(STACK_MAX)
            .async_stack_size(2 * STACK_MAX);
        let engine = Engine::new(&config)?;
        let ticking = engine.weak();
        std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
        Ok(Self { engine, calls: Semaphore::new(CALLS_MAX as usize), tallies: Tallies::default() })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The tallies of all components that serve or have served, those that were loaded last at the end;
    /// bounded, so that only the latest of the past ones are there.
    pub fn tallies(&self) -> Vec<Arc<Tally>> {
        self.tallies.all()
    }

    /// Waits for a place in the pool.
    pub(super) async fn place(&self) -> SemaphorePermit<'_> {
        self.calls.acquire().await.expect("the semaphore is never closed")
    }
}

/// What one call of a policy may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Its memory in bytes, all of a component's memories together.
    pub memory_bytes: usize,
    /// How long it may compute between two answers of the host's, in ticks.
    pub ticks: u32,
    /// How many bytes of strings and lists it may hand over in one call.
    pub output_bytes: usize,
}

impl Limits {
    /// How long it may compute between two answers of the host's.
    pub fn time(&self) -> Duration {
        TICK * self.ticks
    }

    /// For a decision of 10 µs. The deadline is generous, since a crowded machine may take the
    /// processor away from a thread for that long; a guest that loops gives way at every tick.
    pub const DECISION: Self = Self { memory_bytes: 64 << 20, ticks: 100, output_bytes: 1 << 20 };

    /// For a page of a history: a line of a session file can have tens of megabytes.
    pub const PAGE: Self = Self { memory_bytes: MEMORY_BYTES_MAX, ticks: 1000, output_bytes: 128 << 20 };

    /// For an agent's run, whose time is limited by the process that it drives and not here: the
    /// deadline starts anew with each line that the program prints.
    pub const RUN: Self = Self { memory_bytes: MEMORY_BYTES_MAX, ticks: 500, output_bytes: 64 << 20 };
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_used.saturating_add(desired.saturating_sub(current));
        if total > self.limits.memory_bytes {
            self.memory_refused = true;
            return Ok(false);
        }
        self.memory_used = total;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}
