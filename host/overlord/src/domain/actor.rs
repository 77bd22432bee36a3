//! Who changes the rules of the house.

use std::fmt;

/// Whoever changes the rules, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in user with the role `admin`.
    User(String),
    /// A user of the system, over the control socket.
    CommandLine(String),
    /// A file in the components folder was changed.
    File,
    /// The configuration was read again.
    Config,
    /// The host, by itself.
    Host,
}

/// What stands before a system user's name.
const COMMAND_LINE: &str = "cli:";

/// What stands before the name of a user who is called as one of the others is.
const USER: &str = "user:";

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Nobody passes for another by being called so.
            Self::User(name)
                if matches!(name.as_str(), "file" | "config" | "host")
                    || name.starts_with(COMMAND_LINE)
                    || name.starts_with(USER) =>
            {
                write!(f, "{USER}{name}")
            }
            Self::User(name) => f.write_str(name),
            Self::CommandLine(name) => write!(f, "{COMMAND_LINE}{name}"),
            Self::File => f.write_str("file"),
            Self::Config => f.write_str("config"),
            Self::Host => f.write_str("host"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_for_another() {
        let user = |name: &str| Actor::User(name.into());
        let all = [
            (user("alice"), "alice"),
            (user("file"), "user:file"),
            (user("config"), "user:config"),
            (user("host"), "user:host"),
            (user("cli:root"), "user:cli:root"),
            (user("user:file"), "user:user:file"),
            (Actor::CommandLine("root".into()), "cli:root"),
            (Actor::File, "file"),
            (Actor::Config, "config"),
            (Actor::Host, "host"),
        ];
        for (actor, written) in &all {
            assert_eq!(actor.to_string(), *written);
        }
        let mut written: Vec<_> = all.iter().map(|(_, written)| written).collect();
        written.sort();
        written.dedup();
        assert_eq!(written.len(), all.len());
    }
}
