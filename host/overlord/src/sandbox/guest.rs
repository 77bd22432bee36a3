//! What stands behind one instance: its limits and what the host lends it for one call.

use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::engine::{Limits, Sandbox};
use crate::capability::files::{Directory, LentFile};
use crate::capability::process::{LentChild, Program};

/// Open files and running programs of one guest at a time.
const RESOURCES_MAX: usize = 64;

/// What the host lends to one call. The slot decides which; a world has no import for the others.
#[derive(Debug)]
pub enum Lent {
    /// A decision is a function of its arguments.
    Nothing,
    /// One directory, read-only.
    Directory(Directory),
    /// The one program.
    Program(Box<Program>),
}

/// The data of a guest's store.
pub struct Guest {
    pub(super) limits: Limits,
    pub(super) memory_used: usize,
    pub(super) memory_refused: bool,
    pub(super) ticks_left: u32,
    pub(super) deadline_passed: bool,
    pub(crate) table: ResourceTable,
    pub(crate) lent: Lent,
    wasi: Option<Box<WasiCtx>>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest")
            .field("limits", &self.limits)
            .field("lent", &self.lent)
            .finish_non_exhaustive()
    }
}

/// Whether a slot grants WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wasi {
    /// Not at all: a component that imports it is refused.
    #[default]
    None,
    /// An empty one: no directory, no network, no environment; output to the log.
    Empty,
}

impl Guest {
    /// A store for one instance.
    pub(super) fn store(
        sandbox: &Sandbox,
        limits: Limits,
        lent: Lent,
        wasi: Wasi,
        name: &str,
    ) -> Store<Self> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        let wasi = (wasi == Wasi::Empty).then(|| Box::new(empty_wasi(name)));
        let guest = Self {
            limits,
            memory_used: 0,
            memory_refused: false,
            ticks_left: limits.ticks,
            deadline_passed: false,
            table,
            lent,
            wasi,
        };
        let mut store = Store::new(sandbox.engine(), guest);
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(limits.output_bytes);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| {
            let guest = context.data_mut();
            if guest.ticks_left == 0 {
                guest.deadline_passed = true;
                return Ok(UpdateDeadline::Interrupt);
            }
            guest.ticks_left -= 1;
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// Lends something else for the next call and starts its deadline.
    pub(super) fn again(store: &mut Store<Self>, lent: Lent) {
        let guest = store.data_mut();
        guest.lent = lent;
        guest.ticks_left = guest.limits.ticks;
        let fuel = guest.limits.output_bytes;
        store.set_hostcall_fuel(fuel);
        store.set_epoch_deadline(1);
    }

    /// Whether a file or a program of this call is still in the guest's hands: the next caller's may be
    /// somebody else's.
    pub(super) fn keeps_what_was_lent(&mut self) -> bool {
        self.table.iter_mut().any(|entry| entry.is::<LentFile>() || entry.is::<LentChild>())
    }

    /// The host has kept the guest waiting: its time to compute starts anew.
    pub(crate) fn waited(&mut self) {
        self.ticks_left = self.limits.ticks;
    }
}

// Interfaces that hold nothing but types ask for nothing.
impl super::bindings::auth::overlord::policy::types::Host for Guest {}
impl super::bindings::auth::overlord::policy::http::Host for Guest {}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| Box::new(WasiCtxBuilder::new().build()));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// No directory, no network, no environment, no arguments; what is printed goes to the log.
fn empty_wasi(name: &str) -> WasiCtx {
    WasiCtxBuilder::new()
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .stdout(super::wasi_log::LogStream::new(name))
        .stderr(super::wasi_log::LogStream::new(name))
        .build()
}
