//! The five worlds: what a component of each must export, what it may import, what it may use.

use std::future::Future;

use wasmtime::Store;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use super::bindings;
use super::engine::Limits;
use super::guest::Guest;
use super::policy::Policy;

/// A place in the host that holds one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotName {
    /// Who is asking?
    Auth,
    /// May they ask now?
    Limit,
    /// What was said?
    History,
    /// How is it written down?
    Audit,
    /// How is the program driven?
    Agent,
}

impl SlotName {
    /// All of them, in the order of a question's way.
    pub const ALL: [Self; 5] = [Self::Auth, Self::Limit, Self::History, Self::Audit, Self::Agent];

    /// The name in configuration, logs and file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Limit => "limit",
            Self::History => "history",
            Self::Audit => "audit",
            Self::Agent => "agent",
        }
    }

    /// The slot of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == name)
    }

    /// The world that its component is built for.
    pub fn world(self) -> &'static str {
        match self {
            Self::Auth => Auth::NAME,
            Self::Limit => Limit::NAME,
            Self::History => History::NAME,
            Self::Audit => Audit::NAME,
            Self::Agent => Agent::NAME,
        }
    }

    /// The interface that its component exports.
    pub fn export(self) -> &'static str {
        match self {
            Self::Auth => Auth::EXPORT,
            Self::Limit => Limit::EXPORT,
            Self::History => History::EXPORT,
            Self::Audit => Audit::EXPORT,
            Self::Agent => Agent::EXPORT,
        }
    }
}

impl std::fmt::Display for SlotName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One of the contract's worlds.
pub trait World: Send + Sync + 'static {
    /// The slot that wants it.
    const SLOT: SlotName;
    /// Its name in the contract.
    const NAME: &'static str;
    /// The interface that a component must export.
    const EXPORT: &'static str;
    /// The interfaces, without versions, that a component may import.
    const GRANTS: &'static [&'static str];
    /// What one call may use.
    const LIMITS: Limits;
    /// A component that has been checked against the world.
    type Pre: Send + Sync;
    /// An instance of it.
    type Bindings: Send;

    /// Puts what the world grants into a linker.
    fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()>;
    /// Finds the exports.
    fn pre(instance: InstancePre<Guest>) -> wasmtime::Result<Self::Pre>;
    /// Makes an instance.
    fn instantiate(
        pre: &Self::Pre,
        store: &mut Store<Guest>,
    ) -> impl Future<Output = wasmtime::Result<Self::Bindings>> + Send;
    /// Finds out what it offers besides, where there is anything that it may. Fails with a sentence.
    fn complete(policy: &mut Policy<Self>) -> impl Future<Output = Result<(), String>> + Send
    where
        Self: Sized;
}

macro_rules! world {
    ($(#[$doc:meta])* $name:ident, $slot:ident, $module:ident, $type:ident, $pre:ident, $world:literal, $export:literal,
     $grants:expr, $limits:expr, $complete:path) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl World for $name {
            const SLOT: SlotName = SlotName::$slot;
            const NAME: &'static str = $world;
            const EXPORT: &'static str = $export;
            const GRANTS: &'static [&'static str] = $grants;
            const LIMITS: Limits = $limits;
            type Pre = bindings::$module::$pre<Guest>;
            type Bindings = bindings::$module::$type;

            fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
                bindings::$module::$type::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
            }

            fn pre(instance: InstancePre<Guest>) -> wasmtime::Result<Self::Pre> {
                bindings::$module::$pre::new(instance)
            }

            async fn instantiate(pre: &Self::Pre, store: &mut Store<Guest>) -> wasmtime::Result<Self::Bindings> {
                pre.instantiate_async(store).await
            }

            async fn complete(policy: &mut Policy<Self>) -> Result<(), String> {
                $complete(policy).await
            }
        }
    };
}

/// What most of them offer besides.
async fn nothing_else<W: World>(_: &mut Policy<W>) -> Result<(), String> {
    Ok(())
}

/// The interfaces that hold nothing but types.
const TYPES: &str = "overlord:policy/types";
const HTTP: &str = "overlord:policy/http";

world!(
    /// Who is asking?
    Auth, Auth, auth, AuthPolicy, AuthPolicyPre, "auth-policy", "overlord:policy/auth@0.1.0",
    &[TYPES, HTTP], Limits::DECISION, nothing_else
);
world!(
    /// May they ask now?
    Limit, Limit, limit, LimitPolicy, LimitPolicyPre, "limit-policy", "overlord:policy/limiter@0.1.0",
    &[TYPES], Limits::DECISION, Policy::find_migration
);
world!(
    /// What was said?
    History, History, history, HistoryPolicy, HistoryPolicyPre, "history-policy", "overlord:policy/history@0.1.0",
    &[TYPES, "overlord:policy/files"], Limits::PAGE, nothing_else
);
world!(
    /// How is it written down?
    Audit, Audit, audit, AuditPolicy, AuditPolicyPre, "audit-policy", "overlord:policy/audit@0.1.0",
    &[TYPES], Limits::DECISION, nothing_else
);
world!(
    /// How is the program driven?
    Agent, Agent, agent, AgentAdapter, AgentAdapterPre, "agent-adapter", "overlord:policy/agent@0.1.0",
    &[TYPES, "overlord:policy/process", "overlord:policy/progress"], Limits::RUN, nothing_else
);
