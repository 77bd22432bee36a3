//! Which walls there are, which of them a host may try, and how the chosen one is told to the
//! operator. It builds none.

use std::ffi::CString;
use std::fmt;

use crate::wire::{Account, Isolation, Namespaces};

/// What stands between a program and the host, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Another account of the system, where possible in namespaces as well.
    User,
    /// A mount and a PID namespace: the same user, who cannot see or reach what is hidden.
    Namespace,
    /// Landlock's allow-list: the same user, all processes in sight.
    Landlock,
    /// Nothing.
    None,
}

/// Which wall is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallRequest {
    /// The strongest that works; without any the host does not start.
    Strongest,
    /// The strongest that works, or none: somebody has said in words that this may be.
    StrongestOrNone,
    /// This one or not at all.
    Only(Kind),
}

/// The wall that was tried and stands.
#[derive(Clone, Debug)]
pub struct Wall {
    pub(crate) kind: Kind,
    pub(crate) isolation: Isolation,
    pub(crate) sentence: String,
    pub(crate) passed_over: Vec<String>,
}

/// A wall that might stand, before it was tried.
pub(crate) struct Candidate {
    pub(crate) kind: Kind,
    pub(crate) isolation: Isolation,
    pub(crate) sentence: String,
}

impl Wall {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it hides paths by itself, from one program and not from another. Where it does not,
    /// programs that run as one user see what is that user's.
    pub fn hides(&self) -> bool {
        self.isolation.namespaces != Namespaces::None || self.isolation.landlock
    }

    /// Why not a stronger one: a sentence each, strongest first.
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::User => "user",
            Self::Namespace => "namespace",
            Self::Landlock => "landlock",
            Self::None => "none",
        })
    }
}

/// The walls to be tried for `request`, strongest first, and a sentence for each that need not be.
pub(crate) fn candidates(request: WallRequest, agent_user: Option<&str>) -> (Vec<Candidate>, Vec<String>) {
    let root = rustix::process::geteuid().is_root();
    let mut passed_over = Vec::new();
    let mut all = Vec::new();
    match agent_user.map(|name| (name, account(name))) {
        None => passed_over.push("not as another user: none is configured".to_owned()),
        Some((name, Err(reason))) => {
            passed_over.push(format!("not as user {name}: {reason}"));
        }
        Some((name, Ok(account))) => {
            for (namespaces, also) in [
                (Namespaces::Privileged, " in mount and PID namespaces of its own"),
                (Namespaces::None, ", seeing the processes of others"),
            ] {
                let sentence = format!("agents run as the user {name}{also}");
                all.push(candidate(Kind::User, namespaces, Some(account.clone()), sentence));
            }
        }
    }
    let sentence = "agents run as the host's own user in mount and PID namespaces of their own, \
                    where what is the host's does not exist";
    if root {
        all.push(candidate(Kind::Namespace, Namespaces::Privileged, None, sentence.to_owned()));
    }
    all.push(candidate(Kind::Namespace, Namespaces::Unprivileged, None, sentence.to_owned()));
    let sentence = "agents run as the host's own user behind Landlock, which closes files but not \
                    the sockets of other services";
    all.push(candidate(Kind::Landlock, Namespaces::None, None, sentence.to_owned()));
    if matches!(request, WallRequest::StrongestOrNone | WallRequest::Only(Kind::None)) {
        let sentence = "agents run with NO WALL, as the configuration says: they can read and \
                        write everything that the host can";
        all.push(candidate(Kind::None, Namespaces::None, None, sentence.to_owned()));
    }
    if let WallRequest::Only(kind) = request {
        all.retain(|candidate| candidate.kind == kind);
        if kind != Kind::User {
            passed_over = vec![format!("the configuration asks for {kind}")];
        }
    }
    (all, passed_over)
}

fn candidate(kind: Kind, namespaces: Namespaces, account: Option<Account>, sentence: String) -> Candidate {
    let isolation = Isolation { namespaces, account, landlock: kind == Kind::Landlock };
    Candidate { kind, isolation, sentence }
}

/// The numbers of a user and its group, where programs can run as that user.
pub fn account_ids(name: &str) -> Result<(u32, u32), String> {
    account(name).map(|account| (account.uid, account.gid))
}

/// The name of a user of the system; none where it has none, or cannot be looked up.
pub fn account_name(uid: u32) -> Option<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid));
    user.ok().flatten().map(|user| user.name)
}

/// Looks an account up wherever the system keeps them.
fn account(name: &str) -> Result<Account, String> {
    let user = nix::unistd::User::from_name(name)
        .map_err(|error| format!("it cannot be looked up: {}", error.desc()))?
        .ok_or("the system knows no such user; create it with `useradd --system`")?;
    if user.uid.is_root() {
        return Err("that is the superuser, before whom no wall stands".to_owned());
    }
    let text = CString::new(name).map_err(|_| "its name holds a NUL".to_owned())?;
    let groups = nix::unistd::getgrouplist(&text, user.gid)
        .map_err(|error| format!("its groups cannot be looked up: {}", error.desc()))?;
    if user.uid.as_raw() == rustix::process::geteuid().as_raw() {
        return Err("that is the host's own user".to_owned());
    }
    Ok(Account {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wall_is_a_candidate_only_where_somebody_said_so() {
        for (request, expected) in [
            (WallRequest::Strongest, false),
            (WallRequest::Only(Kind::Landlock), false),
            (WallRequest::StrongestOrNone, true),
            (WallRequest::Only(Kind::None), true),
        ] {
            let (all, _) = candidates(request, None);
            let found = all.iter().any(|candidate| candidate.kind == Kind::None);
            assert_eq!(found, expected, "{request:?}");
        }
    }

    #[test]
    fn the_superuser_and_strangers_are_no_wall() {
        for name in ["root", "no-such-user-anywhere", "a\0b", ""] {
            let (all, passed_over) = candidates(WallRequest::Only(Kind::User), Some(name));
            assert!(all.is_empty(), "{name:?}");
            assert!(passed_over[0].contains(name), "{passed_over:?}");
        }
    }

    #[test]
    fn stronger_walls_come_first() {
        let (all, _) = candidates(WallRequest::StrongestOrNone, Some("nobody"));
        assert!(all.is_sorted_by_key(|candidate| candidate.kind));
    }
}
