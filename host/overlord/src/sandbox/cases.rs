//! The cases that a component carries: calls in WAVE text, as `wasmtime run --invoke` takes them, and
//! what must come back. They are run before it serves, with capabilities that are scripted too.

use std::collections::BTreeMap;

use serde::Deserialize;
use wasmtime::component::wasm_wave::{self, untyped::UntypedFuncCall};
use wasmtime::component::{ComponentExportIndex, Type, Val};

use super::guest::Lent;
use super::policy::{Policy, describe};
use super::world::{SlotName, World};
use crate::capability::files::Directory;
use crate::capability::process::{Program, ScriptedProcess};

/// The most cases that are run before a component serves: a swap should be live within a second.
const CASES_MAX: usize = 500;

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The call, such as `admit([("max", "1")], {…}, [])`.
    pub call: String,
    /// What it must return.
    pub expect: String,
    /// For a history: what is in the directory, by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// For an agent: what the program does, one entry a start.
    #[serde(default)]
    pub process: Vec<ScriptedProcess>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default)]
    case: Vec<Case>,
}

/// Why a component's own cases speak against it.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The section is no list of cases.
    #[error("its cases cannot be read: {0}")]
    Unreadable(String),
    /// More than are run.
    #[error("it carries {0} cases, and at most {CASES_MAX} are run")]
    TooMany(usize),
    /// The call is no call of its interface.
    #[error("its case \"{case}\" cannot be called: {why}")]
    Call {
        /// The case.
        case: String,
        /// Which part of it, and why.
        why: String,
    },
    /// The call broke.
    #[error("its case \"{case}\" breaks: {why}")]
    Broken {
        /// The case.
        case: String,
        /// How.
        why: String,
    },
    /// The call returned something else.
    #[error("its case \"{case}\" does not hold: expected {expected}, found {found}")]
    Differs {
        /// The case.
        case: String,
        /// What the case says.
        expected: String,
        /// What came.
        found: String,
    },
}

/// Reads case files, one after another in one text.
pub fn parse(text: &str) -> Result<Vec<Case>, CaseError> {
    let file: CaseFile = toml::from_str(text).map_err(|error| CaseError::Unreadable(error.to_string()))?;
    if file.case.len() > CASES_MAX {
        return Err(CaseError::TooMany(file.case.len()));
    }
    Ok(file.case)
}

/// Runs all of them, each on a fresh instance; returns how many there were.
pub async fn run<W: World>(policy: &Policy<W>, cases: &[Case]) -> Result<usize, CaseError> {
    for case in cases {
        run_one(policy, case).await?;
    }
    Ok(cases.len())
}

async fn run_one<W: World>(policy: &Policy<W>, case: &Case) -> Result<(), CaseError> {
    let cannot = |why: String| CaseError::Call { case: case.name.clone(), why };
    let broken = |why: String| CaseError::Broken { case: case.name.clone(), why };
    let lent = match W::SLOT {
        SlotName::History => Lent::Directory(Directory::scripted(&case.files)),
        SlotName::Agent => Lent::Program(Box::new(Program::scripted(case.process.clone()))),
        SlotName::Auth | SlotName::Limit | SlotName::Audit => Lent::Nothing,
    };
    let called = call(policy, &case.call, lent, |_| ()).await.map_err(|error| match error {
        CallError::Cannot(why) => cannot(why),
        CallError::Broken(why) => broken(why),
    })?;
    if let Lent::Program(program) = &called.lent
        && let Some(why) = program.script_broken()
    {
        return Err(broken(why));
    }
    let expected: Val = wasm_wave::from_str(&called.kind, &case.expect)
        .map_err(|error| cannot(format!("`expect`: {error}")))?;
    if called.value == expected {
        return Ok(());
    }
    let show = |value: &Val| wasm_wave::to_string(value).unwrap_or_else(|error| error.to_string());
    Err(CaseError::Differs { case: case.name.clone(), expected: show(&expected), found: show(&called.value) })
}

/// What came of a call.
pub(super) struct Called {
    /// What it returned.
    pub(super) value: Val,
    /// Of which type that is.
    kind: Type,
    /// What was lent, after the call.
    lent: Lent,
}

/// Why nothing came of a call.
pub(super) enum CallError {
    /// It is no call of the policy's interface.
    Cannot(String),
    /// The policy broke.
    Broken(String),
}

/// Calls a function of the policy's interface, written in WAVE, on a fresh instance. `change` may put
/// other arguments in the place of those that were written.
pub(super) async fn call<W: World>(
    policy: &Policy<W>,
    text: &str,
    lent: Lent,
    change: impl FnOnce(&mut [Val]),
) -> Result<Called, CallError> {
    call_in(policy, W::EXPORT, text, lent, change).await
}

/// The same in another interface that the policy exports.
pub(super) async fn call_in<W: World>(
    policy: &Policy<W>,
    interface: &str,
    text: &str,
    lent: Lent,
    change: impl FnOnce(&mut [Val]),
) -> Result<Called, CallError> {
    let cannot = |why: String| CallError::Cannot(why);
    let call = UntypedFuncCall::parse(text).map_err(|error| cannot(error.to_string()))?;
    let mut store = policy.store(lent);
    let instance = policy
        .bare
        .instantiate_async(&mut store)
        .await
        .map_err(|error| CallError::Broken(describe(store.data(), &error)))?;
    let component = policy.bare.component();
    let found: ComponentExportIndex = component
        .get_export_index(None, interface)
        .ok_or_else(|| cannot(format!("there is no `{interface}`")))?;
    let index = component
        .get_export_index(Some(&found), call.name())
        .ok_or_else(|| cannot(format!("`{interface}` has no function `{}`", call.name())))?;
    let function = instance
        .get_func(&mut store, index)
        .ok_or_else(|| cannot(format!("`{}` is no function", call.name())))?;
    let signature = function.ty(&store);
    let parameters: Vec<_> = signature.params().map(|(_, kind)| kind).collect();
    let mut arguments = call.to_wasm_params::<Val>(&parameters).map_err(|error| cannot(error.to_string()))?;
    change(&mut arguments);
    let kind = signature.results().next().ok_or_else(|| cannot("the function returns nothing".to_owned()))?;
    let mut results = [Val::Bool(false)];
    function
        .call_async(&mut store, &arguments, &mut results)
        .await
        .map_err(|error| CallError::Broken(describe(store.data(), &error)))?;
    let [value] = results;
    Ok(Called { value, kind, lent: store.into_data().lent })
}
