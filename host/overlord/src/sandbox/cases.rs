//! The cases that a component carries: calls in WAVE text, as `wasmtime run --invoke` takes them, and
//! what must come back. They are run before it serves, with capabilities that are scripted too.

mod parts;
mod values;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use wasmtime::Store;
use wasmtime::component::wasm_wave::{self, untyped::UntypedFuncCall};
use wasmtime::component::{ComponentExportIndex, Func, Type, Val};

use self::parts::Expected;
pub use self::values::Difference;
use super::guest::{Guest, Lent};
use super::migration;
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
    /// The call, such as `admit([("max", "1")], {…}, [])`; empty where its parts are given.
    #[serde(default)]
    pub call: String,
    /// What it must return; empty where a part of it is given.
    #[serde(default)]
    pub expect: String,
    /// For a history: what is in the directory, by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// For an agent: what the program does, one entry a start.
    #[serde(default)]
    pub process: Vec<ScriptedProcess>,
    /// In parts, the slot's settings; a list is the same key several times.
    settings: Option<toml::Table>,
    /// What the policy is asked, in WAVE: a demand, a request, an event.
    input: Option<String>,
    /// What a limiter remembers.
    cell: Option<Vec<u8>>,
    /// When an auth policy is asked, in milliseconds since 1970.
    now: Option<u64>,
    /// What it must decide, in WAVE; of a limiter without the cell.
    verdict: Option<String>,
    /// The message of the fault that must come instead.
    fault: Option<String>,
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

/// What came of one case.
#[derive(Debug)]
pub struct Tried {
    /// Whether it holds.
    pub finding: Finding,
    /// How long the call took, its instance included.
    pub time: Duration,
}

/// Whether a case holds.
#[derive(Debug)]
pub enum Finding {
    /// It does.
    Holds,
    /// The call returned something else.
    Differs(Difference),
    /// The call is no call of its interface: which part of it, and why.
    Cannot(String),
    /// The call broke: how.
    Broken(String),
}

/// Reads case files, one after another in one text.
pub fn parse(text: &str) -> Result<Vec<Case>, CaseError> {
    let cases = read(text)?;
    if cases.len() > CASES_MAX {
        return Err(CaseError::TooMany(cases.len()));
    }
    Ok(cases)
}

/// The same without a bound on their number: the reader bounds the text.
pub fn read(text: &str) -> Result<Vec<Case>, CaseError> {
    let file: CaseFile = toml::from_str(text).map_err(|error| CaseError::Unreadable(error.to_string()))?;
    for case in &file.case {
        parts::check(case)?;
    }
    Ok(file.case)
}

/// Runs all of them, each on a fresh instance, until one does not hold; returns how many there were.
pub async fn run<W: World>(policy: &Policy<W>, cases: &[Case]) -> Result<usize, CaseError> {
    for case in cases {
        let name = || case.name.clone();
        match try_one(policy, case).await.finding {
            Finding::Holds => {}
            Finding::Cannot(why) => return Err(CaseError::Call { case: name(), why }),
            Finding::Broken(why) => return Err(CaseError::Broken { case: name(), why }),
            Finding::Differs(difference) => {
                let (expected, found) = difference.lines();
                return Err(CaseError::Differs { case: name(), expected, found });
            }
        }
    }
    Ok(cases.len())
}

/// Runs one of them on a fresh instance.
pub async fn try_one<W: World>(policy: &Policy<W>, case: &Case) -> Tried {
    let start = Instant::now();
    let finding = find(policy, case).await.unwrap_or_else(|error| match error {
        CallError::Cannot(why) => Finding::Cannot(why),
        CallError::Broken(why) => Finding::Broken(why),
    });
    Tried { finding, time: start.elapsed() }
}

async fn find<W: World>(policy: &Policy<W>, case: &Case) -> Result<Finding, CallError> {
    let (text, expected) = case.written(W::SLOT);
    let called = call(policy, &text, lent(W::SLOT, case), |_| ()).await?;
    if let Lent::Program(program) = &called.lent
        && let Some(why) = program.script_broken()
    {
        return Err(CallError::Broken(why));
    }
    let cannot = |error: String| CallError::Cannot(format!("`{}`: {error}", expected.key()));
    let (kind, found) = match &expected {
        Expected::Whole(_) => (called.kind, called.value),
        Expected::Verdict(_) => match values::verdict(&called.kind, called.value) {
            Ok(part) => part,
            // A fault where a verdict was expected: both are shown as they are.
            Err(value) => {
                let found = wasm_wave::to_string(&value).unwrap_or_else(|error| error.to_string());
                return Ok(Finding::Differs(Difference::of_texts(expected.text(), found)));
            }
        },
    };
    let wanted: Val =
        wasm_wave::from_str(&kind, expected.text()).map_err(|error| cannot(error.to_string()))?;
    if found == wanted {
        return Ok(Finding::Holds);
    }
    Ok(Finding::Differs(Difference::new(wanted, found)))
}

/// What a case lends to the call.
pub(super) fn lent(slot: SlotName, case: &Case) -> Lent {
    match slot {
        SlotName::History => Lent::Directory(Directory::scripted(&case.files)),
        SlotName::Agent => Lent::Program(Box::new(Program::scripted(case.process.clone()))),
        SlotName::Auth | SlotName::Limit | SlotName::Audit => Lent::Nothing,
    }
}

impl Case {
    /// The call in WAVE, and what must come of it.
    pub(super) fn written(&self, slot: SlotName) -> (String, Expected) {
        parts::written(self, slot)
            .unwrap_or_else(|| (self.call.clone(), Expected::Whole(self.expect.clone())))
    }
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

/// Calls a function of the policy's interface, or of its `migration`, written in WAVE, on a fresh instance.
/// `change` may put other arguments in the place of those that were written.
pub(super) async fn call<W: World>(
    policy: &Policy<W>,
    text: &str,
    lent: Lent,
    change: impl FnOnce(&mut [Val]),
) -> Result<Called, CallError> {
    let mut ready = ready(policy, text, lent, change).await?;
    let value = ready.go().await.map_err(CallError::Broken)?;
    Ok(Called { value, kind: ready.kind, lent: ready.store.into_data().lent })
}

/// An instance and the call that is to be made on it.
pub(super) struct Ready {
    pub(super) store: Store<Guest>,
    pub(super) index: ComponentExportIndex,
    pub(super) arguments: Vec<Val>,
    function: Func,
    kind: Type,
}

/// Makes an instance and reads the call.
pub(super) async fn ready<W: World>(
    policy: &Policy<W>,
    text: &str,
    lent: Lent,
    change: impl FnOnce(&mut [Val]),
) -> Result<Ready, CallError> {
    let cannot = |why: String| CallError::Cannot(why);
    let call = UntypedFuncCall::parse(text).map_err(|error| cannot(error.to_string()))?;
    let mut store = policy.store(lent);
    let instance = policy
        .bare
        .instantiate_async(&mut store)
        .await
        .map_err(|error| CallError::Broken(describe(store.data(), &error)))?;
    let component = policy.bare.component();
    let within = |interface: &str| {
        let found = component.get_export_index(None, interface)?;
        component.get_export_index(Some(&found), call.name())
    };
    let index: ComponentExportIndex = within(W::EXPORT)
        .or_else(|| within(migration::INTERFACE))
        .ok_or_else(|| cannot(format!("`{}` has no function `{}`", W::EXPORT, call.name())))?;
    let function = instance
        .get_func(&mut store, index)
        .ok_or_else(|| cannot(format!("`{}` is no function", call.name())))?;
    let signature = function.ty(&store);
    let parameters: Vec<_> = signature.params().map(|(_, kind)| kind).collect();
    let mut arguments = call.to_wasm_params::<Val>(&parameters).map_err(|error| cannot(error.to_string()))?;
    change(&mut arguments);
    let kind = signature.results().next().ok_or_else(|| cannot("the function returns nothing".to_owned()))?;
    Ok(Ready { store, index, arguments, function, kind })
}

impl Ready {
    /// Makes the call; or how it broke.
    pub(super) async fn go(&mut self) -> Result<Val, String> {
        let mut results = [Val::Bool(false)];
        self.function
            .call_async(&mut self.store, &self.arguments, &mut results)
            .await
            .map_err(|error| describe(self.store.data(), &error))?;
        let [value] = results;
        Ok(value)
    }
}
