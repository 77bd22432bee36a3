//! A value as somebody wrote it, and the types that can be made of it. Knows the two ways of writing,
//! the file's and a variable's; knows no key.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

/// How much of a wrong value is shown.
const SHOWN_CHARACTERS: usize = 60;

/// A value as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// A variable's text, which may mean any type.
    Bare(String),
    /// A quoted text of the file's.
    Text(String),
    Number(i64),
    Real(f64),
    Flag(bool),
    List(Vec<Raw>),
    /// What no key takes: its name in TOML.
    Other(&'static str),
}

impl Raw {
    /// What the file says.
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Self::Other("a number beyond 64 bits"), Self::Number),
            DeValue::Float(number) => number.as_str().parse().map_or(Self::Other("a number"), Self::Real),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Array(list) => Self::List(list.iter().map(|value| Self::of(value.get_ref())).collect()),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    /// A text that is as it should be.
    pub(super) fn text(&self, sound: impl Fn(&str) -> bool) -> Option<String> {
        match self {
            Self::Bare(text) | Self::Text(text) if sound(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// A list of texts that are as they should be: the file's, or a variable's with commas.
    pub(super) fn list(&self, sound: impl Fn(&str) -> bool) -> Option<Vec<String>> {
        let texts: Option<Vec<String>> = match self {
            Self::Bare(text) if text.is_empty() => Some(Vec::new()),
            Self::Bare(text) => Some(text.split(',').map(|part| part.trim().to_owned()).collect()),
            Self::List(items) => items.iter().map(|item| item.text(|_| true)).collect(),
            _ => None,
        };
        texts.filter(|texts| texts.iter().all(|text| sound(text)))
    }

    /// A path, absolute: where it is relative, it lies in `base`.
    pub(super) fn path(&self, base: &Path) -> Option<PathBuf> {
        let text = self.text(|text| !text.is_empty() && !text.starts_with('~') && !text.contains('\0'))?;
        Some(base.join(text))
    }

    /// A whole number.
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bare(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Bare(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The texts that a component gets of it.
    pub(super) fn setting(&self) -> Option<Vec<String>> {
        Some(match self {
            Self::Bare(text) | Self::Text(text) => vec![text.clone()],
            Self::Number(number) => vec![number.to_string()],
            Self::Real(number) => vec![format!("{number:?}")],
            Self::Flag(flag) => vec![flag.to_string()],
            Self::List(items) if !items.iter().any(|item| matches!(item, Self::List(_))) => {
                items.iter().map(Self::setting).collect::<Option<Vec<_>>>()?.concat()
            }
            Self::List(_) | Self::Other(_) => return None,
        })
    }

    /// What kind of value it is, where the value itself is not to be shown.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bare(text) | Self::Text(text) if text.is_empty() => "empty",
            Self::Bare(_) | Self::Text(_) => "a text",
            Self::Number(_) | Self::Real(_) => "a number",
            Self::Flag(true) => "true",
            Self::Flag(false) => "false",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }

    /// What it is, as an error shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Bare(text) | Self::Text(text) => shown(text),
            Self::Number(number) => number.to_string(),
            other => other.kind().to_owned(),
        }
    }
}

/// Whether it is a whole number in decimal.
pub(super) fn is_whole(text: &str) -> bool {
    text.parse::<i64>().is_ok()
}

/// Whether it can name a cookie and a header.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether it can name a component.
pub(super) fn is_component_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain)
}

/// A text, quoted and cut.
pub(super) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let rest = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{rest}")
}
