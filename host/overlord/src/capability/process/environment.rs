//! The environment of a program: what it inherits, and what an adapter may add. Knows nothing of what
//! the variables mean but for two.

use std::ffi::OsString;

use crate::config::Inherited;

/// What no adapter sets, though programs inherit it: with another `PATH` a bare name would be another
/// program, with another `HOME` it would work where another user's sessions are.
const HOSTS_OWN: [&str; 2] = ["PATH", "HOME"];

/// Why a variable cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAllowed {
    /// It is for the host to say.
    #[error("{}, which is the host's to say", .0.escape_debug())]
    HostsOwn(String),
    /// The configuration does not name it.
    #[error("{}, which `agent.environment` does not allow", .0.escape_debug())]
    Unnamed(String),
}

/// What is inherited, with what is added in its place.
pub(super) fn together(
    inherited: &[(OsString, OsString)],
    allowed: &Inherited,
    added: Vec<(String, String)>,
) -> Result<Vec<(OsString, OsString)>, NotAllowed> {
    let mut all = inherited.to_vec();
    for (name, value) in added {
        if HOSTS_OWN.contains(&name.as_str()) {
            return Err(NotAllowed::HostsOwn(name));
        }
        // With a `=` in it a name would be another one.
        if name.contains(['=', '\0']) || !allowed.allows(&name) {
            return Err(NotAllowed::Unnamed(name));
        }
        all.retain(|(other, _)| *other != *name);
        all.push((name.into(), value.into()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_replaces_what_it_may_and_nothing_else() {
        let allowed = Inherited::new(vec!["*".to_owned()]).expect("everything");
        let few = Inherited::new(vec!["LANG".to_owned(), "HOME".to_owned()]).expect("two");
        let inherited = [("HOME", "/h"), ("LANG", "C")].map(|(name, value)| (name.into(), value.into()));
        let set =
            |allowed, name: &str| together(&inherited, allowed, vec![(name.to_owned(), "x".to_owned())]);
        let replaced = set(&few, "LANG").expect("it may");
        assert_eq!(
            replaced,
            [("HOME", "/h"), ("LANG", "x")].map(|(name, value)| (name.into(), value.into()))
        );
        for name in ["HOME", "PATH"] {
            assert_eq!(set(&allowed, name), Err(NotAllowed::HostsOwn(name.to_owned())));
        }
        assert_eq!(set(&few, "LD_PRELOAD"), Err(NotAllowed::Unnamed("LD_PRELOAD".to_owned())));
        assert!(set(&allowed, "PATH=/elsewhere:").is_err());
        assert!(set(&allowed, "OVERLORD_SECRET_KEY").is_err(), "not even where everything is allowed");
        assert!(set(&allowed, crate::domain::REQUEST_ID_VARIABLE).is_err(), "no adapter forges it");
    }
}
