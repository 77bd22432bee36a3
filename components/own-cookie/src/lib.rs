//! The cookie that Overlord issues itself, for auth policies that read something else: a JSON Web Token
//! signed with the host's secret. Knows neither what else a policy accepts nor the contract's types.
//!
//! It can be taken for no other token: its key is derived from the secret for this purpose alone, its
//! first part is one fixed text that names a type of its own, and it is looked for under its own
//! cookie's name.

mod settings;
mod token;

pub use settings::{Given, MAX_AGE_S, MAX_SECRETS, SettingsError, cookie_name};
pub use token::{IssueError, Issued, MAX_VALUE, MAX_VALUES, OwnCookies, Rejection};

/// As long as a name or a role may be, in characters.
pub const MAX_NAME: usize = 256;

/// More roles than anyone has, and as many as the host takes.
pub const MAX_ROLES: usize = 100;

/// Whom a request speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub user: String,
    /// What else the user may be.
    pub roles: Vec<String>,
}

/// A principal that nobody may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// No name.
    #[error("the user's name is not text of 1 to {MAX_NAME} characters without control characters")]
    User,
    /// Not roles.
    #[error(
        "the roles are not at most {MAX_ROLES} texts of 1 to {MAX_NAME} characters without control characters"
    )]
    Roles,
}

impl Principal {
    /// The same, if it may be: names go into logs, headers and folders' names.
    pub fn checked(self) -> Result<Self, PrincipalError> {
        if !is_name(&self.user) {
            return Err(PrincipalError::User);
        }
        if self.roles.len() > MAX_ROLES || !self.roles.iter().all(|role| is_name(role)) {
            return Err(PrincipalError::Roles);
        }
        Ok(self)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().nth(MAX_NAME).is_none() && !text.chars().any(char::is_control)
}
