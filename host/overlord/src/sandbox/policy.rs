//! One component in its slot, and how it is called: a fresh instance for each call, or one of a few
//! warm ones. Owns what happens when a call breaks.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::SemaphorePermit;
use wasmtime::component::InstancePre;
use wasmtime::{Store, Trap, WasmBacktrace};

use super::engine::Sandbox;
use super::guest::{Guest, Lent, Wasi};
use super::migration::Migration;
use super::package::Digest;
use super::tally::{Failure, Tally, Timed};
use super::trust::Trust;
use super::world::World;
use crate::domain::decision::How;
use crate::traces;

/// How many instances of one slot stay warm.
const WARM_INSTANCES_MAX: usize = 4;

/// For how many calls a warm instance serves, so that whatever it has piled up goes with it.
const WARM_CALLS_MAX: u32 = 1000;

/// The deepest frames of a trapped call that go to the log.
const FRAMES_MAX: usize = 12;

/// Whether an instance serves one call or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instances {
    /// One call.
    #[default]
    Fresh,
    /// Up to 1,000 calls, never one after a trap: for languages whose start takes long.
    Warm,
}

/// How a slot is set up, besides the component itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Handed in with every call.
    pub settings: Vec<(String, String)>,
    /// Fresh or warm.
    pub instances: Instances,
    /// Whether WASI is there.
    pub wasi: Wasi,
    /// What its file must be.
    pub trust: Trust,
}

/// A component that has been checked against its world, ready to be called.
pub struct Policy<W: World> {
    name: Arc<str>,
    digest: Digest,
    terms: Terms,
    pub(super) sandbox: Arc<Sandbox>,
    tally: Arc<Tally>,
    pub(super) bare: InstancePre<Guest>,
    pre: W::Pre,
    /// What a limiter says of its cells; none where it says nothing, and for all others.
    pub(super) migration: Option<Migration>,
    warm: Mutex<Vec<Instance<W>>>,
}

impl<W: World> std::fmt::Debug for Policy<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}@{}", W::SLOT, self.name, self.digest.short())
    }
}

/// An instance and how often it has served.
struct Instance<W: World> {
    store: Store<Guest>,
    bindings: W::Bindings,
    calls: u32,
}

/// Why a policy gave no answer. The slot's fail mode decides what the caller sees; the text is for
/// the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Broken {
    /// It said so itself.
    #[error("it cannot decide: {0}")]
    Fault(String),
    /// It ran into a wall: a trap, its deadline, its memory.
    #[error("{0}")]
    Trapped(String),
    /// What it answered is out of bounds.
    #[error("its answer is refused: {0}")]
    Answer(String),
}

impl Broken {
    /// In which way, and why.
    pub fn how(&self) -> (How, &str) {
        match self {
            Self::Fault(why) => (How::Fault, why),
            Self::Trapped(why) => (How::Trap, why),
            Self::Answer(why) => (How::RefusedAnswer, why),
        }
    }
}

/// Why there is no instance of a component.
pub(super) enum NoInstance {
    /// It ran into a wall while it started; how, as a sentence.
    Broke(String),
    /// It does not fit its world.
    Shape(wasmtime::Error),
}

/// A call under way. Its instance is thrown away unless it is led out by [`Call::leave`].
pub(super) struct Call<'a, W: World> {
    policy: &'a Policy<W>,
    instance: Instance<W>,
    _place: SemaphorePermit<'a>,
    _timed: Timed,
    /// Of the call alone: it is never entered, so that a log line within it is as long as elsewhere.
    _span: tracing::Span,
}

impl<W: World> Policy<W> {
    pub(super) fn new(
        sandbox: Arc<Sandbox>,
        name: &str,
        digest: Digest,
        terms: Terms,
        bare: InstancePre<Guest>,
    ) -> wasmtime::Result<Self> {
        let pre = W::pre(bare.clone())?;
        let tally = sandbox.tallies.of(W::SLOT, name, digest);
        let warm = Mutex::new(Vec::new());
        Ok(Self { name: name.into(), digest, terms, sandbox, tally, bare, pre, migration: None, warm })
    }

    /// The component's name: its file's without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the file hashed to.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How the slot is set up.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What this component has done in this slot, in numbers; shared with every other policy of its digest.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// A store as a call of this policy gets it, for whoever looks at the component untyped.
    pub(super) fn store(&self, lent: Lent) -> Store<Guest> {
        Guest::store(&self.sandbox, W::LIMITS, lent, self.terms.wasi, &self.name)
    }

    /// Makes an instance and throws it away: shapes are compared only here.
    pub(super) async fn try_instance(&self) -> Result<(), NoInstance> {
        let _place = self.sandbox.place().await;
        let mut store = self.store(Lent::Nothing);
        let made = W::instantiate(&self.pre, &mut store).await;
        made.map(drop).map_err(|error| {
            if error.is::<Trap>() || store.data().memory_refused {
                NoInstance::Broke(describe(store.data(), &error))
            } else {
                NoInstance::Shape(error)
            }
        })
    }

    /// Begins a call.
    pub(super) async fn enter(&self, lent: Lent) -> Result<Call<'_, W>, Broken> {
        let place = self.sandbox.place().await;
        let timed = Timed::begin(&self.tally);
        // What is called for no request, such as a comparison, is part of no trace.
        let span = if traces::within() {
            tracing::trace_span!(
                target: "overlord::stage", "call", slot = %W::SLOT, component = %self.name, digest = %self.digest
            )
        } else {
            tracing::Span::none()
        };
        let warm = match self.terms.instances {
            Instances::Fresh => None,
            Instances::Warm => self.warm.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        };
        let instance = if let Some(mut instance) = warm {
            Guest::again(&mut instance.store, lent);
            instance
        } else {
            let mut store = self.store(lent);
            match W::instantiate(&self.pre, &mut store).await {
                Ok(bindings) => Instance { store, bindings, calls: 0 },
                Err(error) => return Err(self.broke(store.data(), &error)),
            }
        };
        Ok(Call { policy: self, instance, _place: place, _timed: timed, _span: span })
    }

    pub(super) fn broke(&self, guest: &Guest, error: &wasmtime::Error) -> Broken {
        let text = describe(guest, error);
        self.tally.failed(if out_of_time(guest, error) { Failure::TimeOut } else { Failure::Trap });
        tracing::error!(
            slot = %W::SLOT, component = %self.name, digest = %self.digest.short(),
            "component {} broke: {text}", self.name
        );
        Broken::Trapped(text)
    }

    /// Writes a policy's own fault, or its senseless answer, to the log.
    pub(super) fn faulted(&self, broken: Broken) -> Broken {
        self.tally.failed(match &broken {
            Broken::Fault(_) => Failure::Fault,
            Broken::Answer(_) => Failure::RefusedAnswer,
            Broken::Trapped(_) => Failure::Trap,
        });
        tracing::error!(
            slot = %W::SLOT, component = %self.name, digest = %self.digest.short(),
            "component {} failed: {broken}", self.name
        );
        broken
    }
}

impl<W: World> Call<'_, W> {
    /// What a call needs: the exports and the store.
    pub(super) fn parts(&mut self) -> (&W::Bindings, &mut Store<Guest>, &Vec<(String, String)>) {
        (&self.instance.bindings, &mut self.instance.store, &self.policy.terms.settings)
    }

    /// Ends a call with what the guest answered; `check` looks whether that makes sense.
    pub(super) fn leave<T, U, F: Into<FaultMessage>>(
        mut self,
        outcome: wasmtime::Result<Result<T, F>>,
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<U, Broken> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return Err(self.policy.broke(self.instance.store.data(), &error)),
        };
        self.instance.calls += 1;
        self.instance.store.data_mut().lent = Lent::Nothing;
        let warm = self.policy.terms.instances == Instances::Warm && self.instance.calls < WARM_CALLS_MAX;
        if warm && !self.instance.store.data_mut().keeps_what_was_lent() {
            let mut warm = self.policy.warm.lock().unwrap_or_else(PoisonError::into_inner);
            if warm.len() < WARM_INSTANCES_MAX {
                warm.push(self.instance);
            }
        }
        match answer {
            Ok(value) => check(value).map_err(|why| self.policy.faulted(Broken::Answer(why))),
            Err(fault) => Err(self.policy.faulted(Broken::Fault(fault.into().0))),
        }
    }
}

/// A fault's text, cut to what a log line should hold, and one line of it.
pub(super) struct FaultMessage(pub(super) String);

impl FaultMessage {
    /// The longest that is kept, in characters.
    const CHARS_MAX: usize = 2000;
}

impl From<super::bindings::auth::overlord::policy::types::Fault> for FaultMessage {
    fn from(fault: super::bindings::auth::overlord::policy::types::Fault) -> Self {
        let mut message = fault.message;
        if let Some((end, _)) = message.char_indices().nth(Self::CHARS_MAX) {
            message.truncate(end);
        }
        Self(in_one_line(&message))
    }
}

/// What a component says of itself, without the means to end a line of the log and begin another one.
pub fn in_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Whether a trap is the end of the time that a call may compute.
fn out_of_time(guest: &Guest, error: &wasmtime::Error) -> bool {
    guest.deadline_passed && matches!(error.downcast_ref(), Some(Trap::Interrupt))
}

/// A trap as one line: why, and where.
pub(super) fn describe(guest: &Guest, error: &wasmtime::Error) -> String {
    let mut text = match error.downcast_ref::<Trap>() {
        Some(_) if out_of_time(guest, error) => {
            let limit = super::engine::TICK * guest.limits.ticks;
            format!("it computed for longer than {limit:?} and was stopped")
        }
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    if guest.memory_refused {
        let _ = write!(
            text,
            " (it had asked for more than its {} MiB of memory)",
            guest.limits.memory_bytes >> 20
        );
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let mut names = backtrace.frames().iter().take(FRAMES_MAX).map(|frame| match frame.func_name() {
            // The alternate form leaves out the hash of a Rust name.
            Some(name) => in_one_line(&format!("{:#}", rustc_demangle::demangle(name))),
            None => format!("function {}", frame.func_index()),
        });
        if let Some(first) = names.next() {
            text.push_str("; in ");
            text.push_str(&first);
            for name in names {
                text.push_str(" < ");
                text.push_str(&name);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::bindings::auth::overlord::policy::types::Fault;
    use super::*;

    fn logged(message: &str) -> String {
        FaultMessage::from(Fault { message: message.to_owned() }).0
    }

    #[test]
    fn a_fault_is_no_two_lines_of_the_log() {
        assert_eq!(
            logged("`a` is \"b\"\n ERROR c\r\u{1b}[2J\u{9b}1m"),
            "`a` is \"b\"\\n ERROR c\\r\\u{1b}[2J\\u{9b}1m"
        );
    }

    #[test]
    fn a_fault_is_cut_at_its_limit_and_not_before() {
        let longest = "\u{e9}".repeat(FaultMessage::CHARS_MAX);
        assert_eq!(logged(&longest), longest);
        assert_eq!(logged(&format!("{longest}x")), longest);
    }
}
