//! Whether a policy takes the settings that its slot gives it: asked before it serves, so that a mistyped
//! setting is told to whoever starts the host and not to the first one who asks a question. Knows no
//! setting.

use wasmtime::component::Val;

use super::cases::call;
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
        SlotName::History => "directory([])",
        SlotName::Audit => r#"format([], {name: "trial", at: 1700000000000, fields: []})"#,
        SlotName::Agent => {
            r#"ask([], {session: "00000000-0000-4000-8000-000000000000", started: false, user: "nobody", message: "trial", facts: []})"#
        }
    }
}

/// Asks a policy something with its settings; gives back its fault, if that is what it answers. What
/// else may go wrong says nothing of the settings: a component's own cases are there for that.
pub async fn fault_with_settings<W: World>(policy: &Policy<W>) -> Option<String> {
    let lent = match W::SLOT {
        SlotName::History => Lent::Directory(Directory::scripted(&[].into())),
        // Nothing is ever started: the program of an empty script cannot be.
        SlotName::Agent => Lent::Program(Box::new(Program::scripted(Vec::new()))),
        SlotName::Auth | SlotName::Limit | SlotName::Audit => Lent::Nothing,
    };
    let pair = |(name, value): &(String, String)| {
        Val::Tuple(vec![Val::String(name.clone()), Val::String(value.clone())])
    };
    let settings = Val::List(policy.terms().settings.iter().map(pair).collect());
    let put = |arguments: &mut [Val]| {
        if let Some(first) = arguments.first_mut() {
            *first = settings;
        }
    };
    let called = call(policy, question(W::SLOT), lent, put).await.ok()?;
    message(&called.value)
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
