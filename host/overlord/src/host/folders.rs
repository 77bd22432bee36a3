//! The folders of a host: made if they are missing, for the right eyes only.

use std::fmt::Write as _;
use std::fs::DirBuilder;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::config::{Secret, Secrets};

/// How many random bytes a generated secret has.
const SECRET_BYTES: usize = 32;

/// The file in the data folder that holds the key of recorded decisions.
pub const DECISIONS_KEY: &str = "decisions.key";

/// What a host keeps on disk.
#[derive(Debug, Clone)]
pub struct DataFolder {
    path: PathBuf,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be made.
    #[error("cannot make the {what} folder {path}: {error}; make it yourself, or choose another one ({key})")]
    Make {
        /// What it is for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
        /// Which key says where it is.
        key: &'static str,
    },
    /// It is there and cannot be written to.
    #[error(
        "the {what} folder {path} is not writable for this user ({error}); change its owner, or choose another one ({key})"
    )]
    NotWritable {
        /// What it is for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
        /// Which key says where it is.
        key: &'static str,
    },
    /// A file of the host's own cannot be read or made.
    #[error("cannot use {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

impl DataFolder {
    /// Makes the folder, or takes the one that is there, and closes it to everybody else.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let key = "`data`, OVERLORD_DATA";
        make(path, "data", key, 0o700)?;
        let mut permissions = std::fs::metadata(path)
            .map_err(|error| FolderError::File { path: path.to_owned(), error })?
            .permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(0o700);
            std::fs::set_permissions(path, permissions).map_err(|error| FolderError::NotWritable {
                what: "data",
                path: path.to_owned(),
                error,
                key,
            })?;
            tracing::warn!("the data folder {} was open to other users; it is closed now", path.display());
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names this data folder, for good: what this host's children are known by.
    pub fn id(&self) -> Result<Uuid, FolderError> {
        let path = self.path.join("id");
        let text = once(&path, || Uuid::new_v4().to_string())?;
        Uuid::parse_str(text.trim())
            .map_err(|error| FolderError::File { path, error: std::io::Error::other(error) })
    }

    /// The key that stands between what is recorded of decisions and the texts in them; made once.
    pub fn decisions_key(&self) -> Result<String, FolderError> {
        once(&self.path.join(DECISIONS_KEY), random_hex)
    }

    /// The secrets that cookies are signed with: those of the configuration, or one that is generated
    /// once and kept.
    pub fn secrets(&self, configured: &Secrets) -> Result<Vec<String>, FolderError> {
        match configured {
            Secrets::Given(secrets) => Ok(secrets.iter().map(Secret::expose).map(str::to_owned).collect()),
            Secrets::Generated => Ok(vec![once(&self.path.join("secret"), random_hex)?.trim().to_owned()]),
        }
    }
}

/// Makes the folder in which agents work.
pub(super) fn workspace(path: &Path, owner: Option<(u32, u32)>) -> Result<PathBuf, FolderError> {
    let key = "`workspace`, OVERLORD_WORKSPACE";
    let new = !path.exists();
    // What an agent leaves there, programs that run as the one who starts them included, is not for
    // other users.
    make(path, "workspace", key, 0o700)?;
    if let (true, Some((user, group))) = (new, owner) {
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(|error| {
            FolderError::NotWritable { what: "workspace", path: path.to_owned(), error, key }
        })?;
    }
    path.canonicalize().map_err(|error| FolderError::File { path: path.to_owned(), error })
}

fn make(path: &Path, what: &'static str, key: &'static str, mode: u32) -> Result<(), FolderError> {
    let path_buf = path.to_owned();
    // Who may look into the folder itself is one thing; an agent that is another user must get past
    // what lies above it, since its own folders may lie there too.
    path.parent()
        .map_or(Ok(()), |above| DirBuilder::new().recursive(true).mode(0o755).create(above))
        .and_then(|()| DirBuilder::new().recursive(true).mode(mode).create(path))
        .map_err(|error| FolderError::Make { what, path: path_buf.clone(), error, key })?;
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
        .map_err(|error| FolderError::NotWritable { what, path: path_buf, error: error.into(), key })
}

/// The content of a file, which is made with what `first` gives where there is none. Two hosts that
/// start at once read the same.
fn once(path: &Path, first: impl FnOnce() -> String) -> Result<String, FolderError> {
    let failed = |error| FolderError::File { path: path.to_owned(), error };
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file =
        std::fs::File::options().write(true).create_new(true).mode(0o600).open(&beside).map_err(failed)?;
    file.write_all(first().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    // A link fails where a file is there already: the first one counts.
    let linked = std::fs::hard_link(&beside, path);
    let _ = std::fs::remove_file(&beside);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => std::fs::read_to_string(path).map_err(failed),
    }
}

fn random_hex() -> String {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).expect("Linux has random numbers");
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_stays_and_is_for_nobody_else() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(&place.path().join("data")).expect("made");
        let first = folder.secrets(&Secrets::Generated).expect("made");
        assert_eq!(first, folder.secrets(&Secrets::Generated).expect("kept"));
        assert_eq!(first[0].len(), 2 * SECRET_BYTES);
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("secret")), 0o600);
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(folder.id().expect("made"), folder.id().expect("kept"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 2, "nothing is left beside");
    }

    #[test]
    fn a_folder_open_to_others_is_closed() {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
        DataFolder::open(place.path()).expect("taken");
        assert_eq!(place.path().metadata().expect("there").permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_is_closed_and_what_lies_above_it_is_passed_through() {
        let place = tempfile::tempdir().expect("a folder");
        let mode =
            |path: &str| place.path().join(path).metadata().expect("there").permissions().mode() & 0o777;
        DataFolder::open(&place.path().join("made/data")).expect("made");
        workspace(&place.path().join("made/too/workspace"), None).expect("made");
        assert_eq!((mode("made"), mode("made/data")), (0o755, 0o700));
        assert_eq!((mode("made/too"), mode("made/too/workspace")), (0o755, 0o700));
    }

    #[test]
    fn what_cannot_be_made_is_one_sentence() {
        let error = DataFolder::open(Path::new("/proc/overlord")).expect_err("nothing is made there");
        assert!(error.to_string().starts_with("cannot make the data folder /proc/overlord: "), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
}
