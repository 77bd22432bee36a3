//! Two values that should have been one, as lines that can be compared. Knows nothing of how a
//! difference is shown.

use std::fmt::Write as _;

use wasmtime::component::wasm_wave;
use wasmtime::component::{Type, Val};

/// What a case expects and what came.
#[derive(Debug, Clone)]
pub struct Difference {
    expected: Shown,
    found: Shown,
}

#[derive(Debug, Clone)]
enum Shown {
    Value(Val),
    Text(String),
}

impl Difference {
    pub(super) fn new(expected: Val, found: Val) -> Self {
        Self { expected: Shown::Value(expected), found: Shown::Value(found) }
    }

    pub(super) fn of_texts(expected: &str, found: String) -> Self {
        Self { expected: Shown::Text(expected.to_owned()), found: Shown::Text(found) }
    }

    /// What was expected and what was found, one line each.
    pub fn lines(&self) -> (String, String) {
        (self.expected.line(), self.found.line())
    }

    /// The same with a field a line, so that what is equal is equal line by line.
    pub fn spread(&self) -> (String, String) {
        (self.expected.spread(), self.found.spread())
    }
}

impl Shown {
    fn line(&self) -> String {
        match self {
            Self::Value(value) => wave(value),
            Self::Text(text) => text.clone(),
        }
    }

    fn spread(&self) -> String {
        match self {
            Self::Value(value) => {
                let mut text = String::new();
                spread(value, 0, &mut text);
                text.push('\n');
                text
            }
            Self::Text(text) => format!("{text}\n"),
        }
    }
}

/// The verdict of a good result: what is in its field of that name, or all of it. The value itself
/// where it is no good result.
pub(super) fn verdict(kind: &Type, value: Val) -> Result<(Type, Val), Val> {
    let (Type::Result(kinds), Val::Result(Ok(Some(good)))) = (kind, &value) else { return Err(value) };
    let Some(kind) = kinds.ok() else { return Err(value) };
    if let (Type::Record(record), Val::Record(fields)) = (&kind, &**good) {
        let kind = record.fields().find(|field| field.name == "verdict").map(|field| field.ty);
        let part = fields.iter().find(|(name, _)| name == "verdict").map(|(_, part)| part.clone());
        if let (Some(kind), Some(part)) = (kind, part) {
            return Ok((kind, part));
        }
    }
    let good = (**good).clone();
    Ok((kind, good))
}

fn wave(value: &Val) -> String {
    wasm_wave::to_string(value).unwrap_or_else(|error| error.to_string())
}

fn spread(value: &Val, depth: usize, out: &mut String) {
    match value {
        Val::Record(fields) if !fields.is_empty() => {
            out.push_str("{\n");
            for (name, value) in fields {
                let _ = write!(out, "{:1$}{name}: ", "", 2 * depth + 2);
                spread(value, depth + 1, out);
                out.push_str(",\n");
            }
            let _ = write!(out, "{:1$}}}", "", 2 * depth);
        }
        Val::List(items) if items.iter().any(is_deep) => {
            out.push_str("[\n");
            for item in items {
                let _ = write!(out, "{:1$}", "", 2 * depth + 2);
                spread(item, depth + 1, out);
                out.push_str(",\n");
            }
            let _ = write!(out, "{:1$}]", "", 2 * depth);
        }
        Val::Variant(name, Some(payload)) => around(name, payload, depth, out),
        Val::Option(Some(payload)) => around("some", payload, depth, out),
        Val::Result(Ok(Some(payload))) => around("ok", payload, depth, out),
        Val::Result(Err(Some(payload))) => around("err", payload, depth, out),
        flat => out.push_str(&wave(flat)),
    }
}

fn around(name: &str, payload: &Val, depth: usize, out: &mut String) {
    let _ = write!(out, "{name}(");
    spread(payload, depth, out);
    out.push(')');
}

/// Whether it takes more than one line.
fn is_deep(value: &Val) -> bool {
    match value {
        Val::Record(fields) => !fields.is_empty(),
        Val::List(_) => true,
        Val::Variant(_, Some(payload))
        | Val::Option(Some(payload))
        | Val::Result(Ok(Some(payload)) | Err(Some(payload))) => is_deep(payload),
        _ => false,
    }
}
