//! A case in parts: the settings as a table, what the policy is asked, what it remembers, and its
//! verdict, instead of one call. Knows which function of each deciding slot is meant, and nothing else
//! of the contract.

use wasmtime::component::Val;
use wasmtime::component::wasm_wave;

use super::{Case, CaseError};
use crate::sandbox::world::SlotName;

/// When the question comes, where the case does not say: the moment of the recorded ones.
const NOW_MS: u64 = 1_700_000_000_000;

/// What must come of a call.
pub(in crate::sandbox) enum Expected {
    /// This value.
    Whole(String),
    /// A good result with this verdict.
    Verdict(String),
}

impl Expected {
    /// In WAVE.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Whole(text) | Self::Verdict(text) => text,
        }
    }

    /// The key that says it.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Whole(_) => "expect",
            Self::Verdict(_) => "verdict",
        }
    }
}

/// Refuses a case that is neither a call nor its parts, or both.
pub(super) fn check(case: &Case) -> Result<(), CaseError> {
    let any = case.settings.is_some()
        || case.input.is_some()
        || case.cell.is_some()
        || case.now.is_some()
        || case.verdict.is_some()
        || case.fault.is_some();
    let whole = case.input.is_some() && (case.verdict.is_some() != case.fault.is_some());
    let sound = match (case.call.is_empty(), case.expect.is_empty()) {
        (false, false) => !any,
        (true, true) => whole,
        _ => false,
    };
    if sound {
        return Ok(());
    }
    Err(CaseError::Unreadable(format!(
        "the case {:?} must have either `call` and `expect`, or `input` and one of `verdict` and `fault`, \
         with `settings`, `cell` and `now` where they matter",
        case.name
    )))
}

/// The call and what must come of it; none where the case is written as a call.
pub(super) fn written(case: &Case, slot: SlotName) -> Option<(String, Expected)> {
    let input = case.input.as_deref()?;
    let settings = settings(case);
    let call = match slot {
        SlotName::Auth => format!("authenticate({settings}, {input}, {})", case.now.unwrap_or(NOW_MS)),
        SlotName::Limit => {
            format!("admit({settings}, {input}, {:?})", case.cell.as_deref().unwrap_or_default())
        }
        SlotName::Audit => format!("format({settings}, {input})"),
        SlotName::History => format!("read({settings}, {input})"),
        SlotName::Agent => format!("ask({settings}, {input})"),
    };
    let expected = match (&case.fault, &case.verdict) {
        (Some(fault), _) => Expected::Whole(format!("err({{message: {}}})", quoted(fault))),
        (None, verdict) => Expected::Verdict(verdict.clone().unwrap_or_default()),
    };
    Some((call, expected))
}

/// The settings in WAVE, in the order of their names.
fn settings(case: &Case) -> String {
    let mut pairs = Vec::new();
    for (name, value) in case.settings.iter().flatten() {
        let values = match value {
            toml::Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            pairs.push(format!("({}, {})", quoted(name), quoted(&text)));
        }
    }
    format!("[{}]", pairs.join(", "))
}

/// A text in WAVE.
fn quoted(text: &str) -> String {
    wasm_wave::to_string(&Val::String(text.to_owned())).expect("every text can be written")
}
