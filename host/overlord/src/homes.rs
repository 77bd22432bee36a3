//! Where each user's agent lives: one home for all, or one a user, so that their clients cannot see
//! each other.
#![expect(clippy::disallowed_methods, reason = "users' homes are made here")]

use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::capability::files::Directory;

/// What stands for the user's name in a template.
pub const USER: &str = "{user}";

/// The longest folder name made of a user's name, in bytes; file systems allow 255.
const FOLDER_BYTES_MAX: usize = 200;

/// What may be passed through above a home, and not looked into: whose homes there are is nobody's
/// business.
const FOLDER_MODE: u32 = 0o711;

/// The client's own directory in a home.
const CLIENT: &str = ".claude";

/// The homes of a host.
#[derive(Debug, Clone)]
pub struct Homes {
    template: String,
    /// The client's own directory, where the environment names one: for a home that all share.
    client: Option<PathBuf>,
    /// To whom a home that is made belongs.
    owner: Option<(u32, u32)>,
}

impl Homes {
    /// `template`: a path, with `{user}` in it or without. `client`: the client's own directory where
    /// it is not `.claude` in the home; it counts only for a home that all share.
    pub fn new(template: &str, client: Option<PathBuf>, owner: Option<(u32, u32)>) -> Self {
        let client = client.filter(|_| !template.contains(USER));
        Self { template: template.to_owned(), client, owner }
    }

    /// Whether each user has a home of their own.
    pub fn separate(&self) -> bool {
        self.template.contains(USER)
    }

    /// A user's home.
    pub fn of(&self, user: &str) -> PathBuf {
        self.template.replace(USER, &folder(user)).into()
    }

    /// The part of the template that does not depend on the user.
    pub fn root(&self) -> PathBuf {
        match self.template.split_once(USER) {
            Some((before, _)) => before.rfind('/').map_or_else(PathBuf::new, |end| before[..=end].into()),
            None => self.template.clone().into(),
        }
    }

    /// The client's own directory where it lies outside the home.
    pub fn client_directory(&self, home: &Path) -> Option<PathBuf> {
        self.client.clone().filter(|client| !client.starts_with(home))
    }

    /// Opens the directory that a history policy is lent for a user. In a home the agent can put a link
    /// in its place, so that a host which followed it would read to one user what is another's.
    pub fn history(&self, user: &str) -> std::io::Result<Directory> {
        match &self.client {
            Some(client) => Directory::open(client),
            None => Directory::open_below(&self.of(user), CLIENT, self.separate()),
        }
    }

    /// Makes the folder of the homes, where each user has one: it must be there to be hidden.
    pub fn make_root(&self) -> std::io::Result<()> {
        if self.separate() { folders(&self.root()) } else { Ok(()) }
    }

    /// Whether there is the folder of the homes.
    pub fn have_root(&self) -> bool {
        self.root().is_dir()
    }

    /// A home that all share and that is there, but not for the agent to write to.
    pub fn closed(&self) -> Option<PathBuf> {
        let (user, group) = self.owner.filter(|_| !self.separate())?;
        let home = self.root();
        // One that is not there is made, and made theirs.
        let found = std::fs::metadata(&home).ok()?;
        let allows = |bits: u32| found.mode() & bits == bits;
        let open = if found.uid() == user {
            allows(0o300)
        } else if found.gid() == group {
            allows(0o030)
        } else {
            allows(0o003)
        };
        (!open).then_some(home)
    }

    /// Makes a home that is not there, for its user's eyes only.
    pub fn make(&self, home: &Path) -> std::io::Result<()> {
        if home.is_dir() {
            return Ok(());
        }
        // Whoever the home is for must get there: these are the host's, and it may run as another user.
        home.parent().map_or(Ok(()), folders)?;
        match std::fs::DirBuilder::new().mode(0o700).create(home) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
            made => made?,
        }
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(home, Some(user), Some(group))?;
        }
        Ok(())
    }
}

fn folders(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// A folder name that no two users share and that leads nowhere else: letters, digits, `-`, `_`, `@`
/// and inner dots stand for themselves, everything else is written as `%` and two digits. A name that
/// would be too long is cut and told apart by its hash.
fn folder(user: &str) -> String {
    let mut name = String::new();
    for (place, byte) in user.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || b"-_@".contains(&byte) || (byte == b'.' && place > 0) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > FOLDER_BYTES_MAX {
        name.truncate(FOLDER_BYTES_MAX - 65);
        // `%%` comes from no name.
        let _ = write!(name, "%%{}", &crate::sandbox::package::Digest::of(user.as_bytes()));
        name.truncate(FOLDER_BYTES_MAX);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_place_or_meets_another() {
        let homes = Homes::new("/homes/{user}/h", None, None);
        assert_eq!(homes.of("alice"), Path::new("/homes/alice/h"));
        assert_eq!(homes.of("a.b@c"), Path::new("/homes/a.b@c/h"));
        for (user, name) in
            [("..", "%2E."), (".", "%2E"), ("a/b", "a%2Fb"), ("%2E", "%252E"), ("é", "%C3%A9"), ("\0", "%00")]
        {
            assert_eq!(folder(user), name);
        }
        let long = "x".repeat(FOLDER_BYTES_MAX);
        assert_eq!(folder(&long), long);
        let (one, two) = (format!("{long}1"), format!("{long}2"));
        assert!(folder(&one).len() <= FOLDER_BYTES_MAX);
        assert_ne!(folder(&one), folder(&two));
        assert_eq!(homes.root(), Path::new("/homes/"));
        assert_eq!(Homes::new("/h/u-{user}", None, None).root(), Path::new("/h/"));
    }

    #[test]
    fn the_clients_directory_counts_only_for_a_shared_home() {
        let place = tempfile::tempdir().expect("a folder");
        for folder in ["h/.claude/at-home", "c/elsewhere"] {
            std::fs::create_dir_all(place.path().join(folder)).expect("a folder");
        }
        let client = Some(place.path().join("c"));
        let (shared, template) = (place.path().join("h"), place.path().join("{user}"));
        let holds = |home: &Path, client, name| {
            let homes = Homes::new(&home.to_string_lossy(), client, None);
            homes.history("h").expect("lent").has_directory(name)
        };
        assert!(holds(&shared, client.clone(), "elsewhere"));
        assert!(holds(&shared, None, "at-home"));
        assert!(holds(&template, client, "at-home"));
    }

    #[test]
    fn no_link_leads_from_one_users_sessions_to_anothers() {
        let place = tempfile::tempdir().expect("a folder");
        let homes = Homes::new(&format!("{}/{{user}}", place.path().display()), None, None);
        for user in ["alice", "bob"] {
            homes.make(&homes.of(user)).expect("made");
        }
        std::fs::create_dir(homes.of("alice").join(CLIENT)).expect("made");
        std::os::unix::fs::symlink(homes.of("alice").join(CLIENT), homes.of("bob").join(CLIENT))
            .expect("linked");
        homes.history("alice").expect("her own");
        homes.history("bob").expect_err("not his");
    }

    #[test]
    fn a_home_that_the_agent_cannot_write_to_is_found_out() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let found = folder.path().metadata().expect("it is there");
        let (user, group) = (found.uid(), found.gid());
        let path = folder.path().to_string_lossy().into_owned();
        let closed = |mode: u32, owner| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("set");
            Homes::new(&path, None, owner).closed().is_some()
        };
        assert!(!closed(0o700, Some((user, group))));
        assert!(!closed(0o770, Some((user + 1, group))) && closed(0o750, Some((user + 1, group))));
        assert!(!closed(0o777, Some((user + 1, group + 1))) && closed(0o770, Some((user + 1, group + 1))));
        assert!(!closed(0o700, None), "the host's own user is asked nothing");
        let owner = Some((user + 1, group + 1));
        assert_eq!(Homes::new(&format!("{path}/new"), None, owner).closed(), None, "it will be made");
        assert_eq!(Homes::new(&format!("{path}/{{user}}"), None, owner).closed(), None, "each is made");
    }

    #[test]
    fn a_home_is_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let homes = Homes::new(&format!("{}/of/{{user}}", folder.path().display()), None, None);
        let home = homes.of("a");
        homes.make(&home).expect("made");
        homes.make(&home).expect("there");
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&home), mode(&folder.path().join("of"))), (0o700, 0o711));
    }
}
