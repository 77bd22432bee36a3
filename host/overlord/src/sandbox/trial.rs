//! Whether a policy takes the settings that its slot gives it: asked before it serves, so that a mistyped
//! setting is told to whoever starts the host and not to the first one who asks a question. Knows no
//! setting.

use wasmtime::component::Val;

use super::cases::{self, CallError, Ready};
use super::guest::Lent;
use super::policy::Policy;
use super::world::{SlotName, World};
use crate::capability::files::Directory;
use crate::capability::process::Program;

/// What is asked of a policy, with the settings left out: something harmless, which nobody sees.
fn question(slot: SlotName) -> &'static str {
    match slot {
        SlotName::Auth => {
            r#"authenticate([], {method: "GET", path: "/", headers: [], cookies: [], peer: "127.0.0.1"}, 1700000000000)"#
        }
        SlotName::Limit => {
            r#"admit([], {caller: {user: "nobody", roles: []}, now: 1700000000000, running: 0, waiting: 0, facts: []}, [])"#
        }
        SlotName::History => "titles([], [])",
        SlotName::Audit => r#"format([], {name: "trial", at: 1700000000000, fields: []})"#,
        SlotName::Agent => {
            r#"ask([], {session: "00000000-0000-4000-8000-000000000000", started: false, user: "nobody", message: "trial", facts: []})"#
        }
    }
}

/// What a policy makes of the harmless question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It answers it.
    Answered,
    /// It does not take its settings; in its own words.
    Fault(String),
    /// It traps, or runs into a limit; how.
    Broke(String),
}

/// Asks a policy something harmless with its settings.
pub async fn try_settings<W: World>(policy: &Policy<W>) -> Trial {
    match ready(policy).await {
        Ok(mut ready) => match ready.go().await {
            Ok(value) => message(&value).map_or(Trial::Answered, Trial::Fault),
            Err(why) => Trial::Broke(why),
        },
        Err(CallError::Broken(why)) => Trial::Broke(why),
        // The question is ours, and its interface has been compared.
        Err(CallError::Cannot(_)) => Trial::Answered,
    }
}

/// An instance that is about to be asked.
pub(super) async fn ready<W: World>(policy: &Policy<W>) -> Result<Ready, CallError> {
    let pair = |(name, value): &(String, String)| {
        Val::Tuple(vec![Val::String(name.clone()), Val::String(value.clone())])
    };
    let settings = Val::List(policy.terms().settings.iter().map(pair).collect());
    let put = |arguments: &mut [Val]| {
        if let Some(first) = arguments.first_mut() {
            *first = settings;
        }
    };
    cases::ready(policy, question(W::SLOT), lent(W::SLOT), put).await
}

/// What is lent for it.
pub(super) fn lent(slot: SlotName) -> Lent {
    match slot {
        SlotName::History => Lent::Directory(Directory::scripted(&[].into())),
        // Nothing is ever started: the program of an empty script cannot be.
        SlotName::Agent => Lent::Program(Box::new(Program::scripted(Vec::new()))),
        SlotName::Auth | SlotName::Limit | SlotName::Audit => Lent::Nothing,
    }
}

/// The message of a fault, which an agent wraps into a failure.
fn message(value: &Val) -> Option<String> {
    let Val::Result(Err(Some(error))) = value else { return None };
    let fault = match &**error {
        Val::Variant(case, Some(fault)) if case == "broken" => fault,
        _ => error,
    };
    let Val::Record(fields) = &**fault else { return None };
    fields.iter().find_map(|(name, value)| match value {
        Val::String(text) if name == "message" => Some(text.clone()),
        _ => None,
    })
}
