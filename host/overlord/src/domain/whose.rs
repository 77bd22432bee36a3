//! Whose a limiter's cell is: the caller's own, that of all who have a role, or everybody's. Knows no
//! limiter and no state.

use std::fmt;

use super::Principal;

/// Whose cell a limiter decides on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Whose {
    /// The caller's own.
    #[default]
    Caller,
    /// One for all who have this role; others are not asked about.
    Role(String),
    /// One for everybody.
    All,
}

/// What goes before the name of a role.
const ROLE: &str = "role:";

impl Whose {
    /// Reads `caller`, `role:NAME` or `all`; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "caller" => Some(Self::Caller),
            "all" => Some(Self::All),
            text => {
                let role = text.strip_prefix(ROLE)?;
                (!role.is_empty() && !role.chars().any(char::is_control)).then(|| Self::Role(role.to_owned()))
            }
        }
    }

    /// By which key the cell is kept when this caller asks: `user:NAME`, `role:NAME` or `all`, of which
    /// none can be taken for another. None where the caller has no part in the cell.
    pub fn key(&self, caller: &Principal) -> Option<String> {
        match self {
            Self::Caller => Some(format!("user:{}", caller.user)),
            Self::Role(role) => caller.roles.contains(role).then(|| self.to_string()),
            Self::All => Some(self.to_string()),
        }
    }

    /// Whether several callers share it.
    pub fn is_shared(&self) -> bool {
        *self != Self::Caller
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller => f.write_str("caller"),
            Self::Role(role) => write!(f, "{ROLE}{role}"),
            Self::All => f.write_str("all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in ["caller", "all", "role:staff", "role:all", "role:role:x"] {
            assert_eq!(Whose::parse(text).map(|whose| whose.to_string()).as_deref(), Some(text));
        }
        for text in ["", "Caller", "role", "role:", "role:a\nb", "user:a", "everybody"] {
            assert_eq!(Whose::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_name_makes_one_cell_another() {
        let who = |user: &str, roles: &[&str]| Principal {
            user: user.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        let staff = Whose::Role("staff".to_owned());
        assert_eq!(Whose::Caller.key(&who("all", &[])).as_deref(), Some("user:all"));
        assert_eq!(Whose::Caller.key(&who("role:staff", &[])).as_deref(), Some("user:role:staff"));
        assert_eq!(Whose::All.key(&who("a", &[])).as_deref(), Some("all"));
        assert_eq!(staff.key(&who("a", &["x", "staff"])).as_deref(), Some("role:staff"));
        assert_eq!(staff.key(&who("staff", &["Staff"])), None);
        assert!(!Whose::Caller.is_shared() && Whose::All.is_shared() && staff.is_shared());
    }
}
