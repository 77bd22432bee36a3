//! The payload: where in a JSON text the user's name and roles stand. Knows nothing of signatures.
//!
//! It is read by `miniserde`, which takes no stack however deep the text goes, and half the code:
//! with it the whole guest fits into one page of memory. As strict as JSON, which Python is not:
//! `NaN` and half a surrogate pair make it no payload, wherever they stand.

use miniserde::json::Value;
use serde::ser::{Serialize, Serializer};
use thiserror::Error;

/// A path is short: it names a place that somebody chose.
const MAX_DEPTH: usize = 8;

/// As long as a name or a role may be, in characters.
pub const MAX_NAME: usize = 256;

/// More roles than anyone has.
pub const MAX_ROLES: usize = 64;

/// The keys down to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// Whom a cookie speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub user: String,
    /// What else the user may be.
    pub roles: Vec<String>,
}

/// A payload that speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// No JSON.
    #[error("its payload is not JSON")]
    Json,
    /// Nothing at the path of the user's name.
    #[error("its payload names no user")]
    NoUser,
    /// Something else than a name.
    #[error("the user's name is not text of 1 to {MAX_NAME} characters without control characters")]
    User,
    /// Something else than roles.
    #[error(
        "the roles are not at most {MAX_ROLES} texts of at most {MAX_NAME} characters without control characters"
    )]
    Roles,
}

impl Path {
    /// Reads keys joined by dots.
    pub fn parse(text: &str) -> Option<Self> {
        let keys: Vec<_> = text.split('.').map(str::to_owned).collect();
        (keys.len() <= MAX_DEPTH && !keys.iter().any(String::is_empty)).then_some(Self(keys))
    }

    /// The path of one key.
    pub fn of(key: &str) -> Self {
        Self(vec![key.to_owned()])
    }

    /// Whether one of the two leads to or through what the other leads to.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(one, another)| one == another)
    }

    /// What stands there; null where nothing does.
    fn lookup<'a>(&self, value: &'a Value) -> &'a Value {
        self.0.iter().fold(value, |value, key| match value {
            Value::Object(members) => members.get(key).unwrap_or(&Value::Null),
            _ => &Value::Null,
        })
    }
}

impl Principal {
    /// Reads a payload.
    pub fn read(json: &[u8], user_path: &Path, roles_path: &Path) -> Result<Self, PayloadError> {
        let json = str::from_utf8(json).map_err(|_| PayloadError::Json)?;
        let payload: Value = miniserde::json::from_str(json).map_err(|_| PayloadError::Json)?;
        let user = match user_path.lookup(&payload) {
            Value::Null => return Err(PayloadError::NoUser),
            Value::String(user) => user.clone(),
            _ => return Err(PayloadError::User),
        };
        let roles = match roles_path.lookup(&payload) {
            Value::Null => Vec::new(),
            Value::String(role) => vec![role.clone()],
            Value::Array(roles) => {
                roles.iter().map(text).collect::<Option<_>>().ok_or(PayloadError::Roles)?
            }
            _ => return Err(PayloadError::Roles),
        };
        let principal = Self { user, roles };
        principal.check()?;
        Ok(principal)
    }

    /// Writes a payload. Those who may not be read are not written either.
    pub fn write(&self, user_path: &Path, roles_path: &Path) -> Result<String, PayloadError> {
        self.check()?;
        let mut payload = Vec::new();
        put(&mut payload, &user_path.0, Node::Text(&self.user));
        put(&mut payload, &roles_path.0, Node::Texts(&self.roles));
        Ok(serde_json::to_string(&Node::Object(payload)).expect("texts can always be written"))
    }

    fn check(&self) -> Result<(), PayloadError> {
        if !is_name(&self.user) {
            return Err(PayloadError::User);
        }
        if self.roles.len() > MAX_ROLES || !self.roles.iter().all(|role| is_name(role)) {
            return Err(PayloadError::Roles);
        }
        Ok(())
    }
}

/// A name goes into logs, headers and folders' names: nothing that breaks a line, and a bound.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().nth(MAX_NAME).is_none() && !text.chars().any(char::is_control)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// What is written. Texts alone: to write numbers takes tables as large as all the rest.
enum Node<'a> {
    Text(&'a str),
    Texts(&'a [String]),
    Object(Vec<(&'a str, Node<'a>)>),
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Texts(texts) => serializer.collect_seq(*texts),
            Self::Object(members) => serializer.collect_map(members.iter().map(|(key, node)| (key, node))),
        }
    }
}

/// Puts a node at a path, making the objects on the way. Paths that overlap never come here.
fn put<'a>(object: &mut Vec<(&'a str, Node<'a>)>, path: &'a [String], node: Node<'a>) {
    match path {
        [] => {}
        [last] => object.push((last, node)),
        [first, rest @ ..] => {
            let known = object.iter().position(|(key, _)| key == first);
            let index = known.unwrap_or_else(|| {
                object.push((first, Node::Object(Vec::new())));
                object.len() - 1
            });
            if let (_, Node::Object(inner)) = &mut object[index] {
                put(inner, rest, node);
            }
        }
    }
}

#[cfg(test)]
mod tests;
