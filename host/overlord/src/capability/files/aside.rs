//! A session's file, and the folder of the same name where the client keeps what belongs to it, moved
//! aside within the lent directory, back, or away for good.
//!
//! The agent may write to all of it at any time, so nothing here trusts a path: each folder is opened
//! below the one before it, through no link, and what is moved or removed is a name in an open folder.
//! Renaming or removing a name never follows a link. What lies aside has a name that cannot be guessed,
//! so that nothing can be put in its way.

use std::fs::File;
use std::os::fd::AsFd as _;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::{Directory, Source};

/// The folder in the lent directory that deleted sessions lie in.
const ASIDE: &str = "overlord-deleted";

/// The ending of a session's file; the folder beside it has the same name without it.
const ENDING: &str = ".jsonl";

/// The mode of a folder that is made: the agent's files are nobody else's.
const FOLDER_MODE: Mode = Mode::RWXU;

/// How many folders deep a tree is removed. The client's own has two; an agent that makes a deeper one
/// must not cost the host an open file for each.
const DEPTH_MAX: usize = 32;

/// Why a session's file was not moved.
#[derive(Debug, thiserror::Error)]
pub enum NotMoved {
    /// There is no such file.
    #[error("there is no file to move")]
    Missing,
    /// Something is there where it is to go.
    #[error("there is a file in its place")]
    Taken,
    /// There is a link, or something that is no file, where the client keeps files.
    #[error(
        "`{0}` below the client's own folder is a link or no plain file, which the host does not follow; look at what put it there"
    )]
    Strange(String),
    /// The operating system refuses.
    #[error("cannot move `{0}` below the client's own folder: {1}; the host must be able to write there")]
    Refused(String, std::io::Error),
}

/// Something of a session was not removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot remove `{ASIDE}/{name}` below the client's own folder: {error}; remove it yourself")]
pub struct NotPurged {
    name: String,
    error: std::io::Error,
}

/// A name in an open folder.
struct Place {
    folder: File,
    name: String,
}

impl Directory {
    /// Moves the session's file at `path`, and its folder, aside under the name `aside`.
    pub fn set_aside(&self, path: &str, aside: &str) -> Result<(), NotMoved> {
        let place = self.place(path, false)?;
        let kept = self.shelf(true)?;
        let stat = rustix::fs::statat(&place.folder, place.name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| not_moved(path, error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(NotMoved::Strange(path.to_owned()));
        }
        let aside = Place { folder: kept, name: format!("{aside}{ENDING}") };
        both(&place, &aside, path)
    }

    /// Moves back to `path` what lies aside under the name `aside`.
    pub fn put_back(&self, path: &str, aside: &str) -> Result<(), NotMoved> {
        let kept = self.shelf(false)?;
        let aside = Place { folder: kept, name: format!("{aside}{ENDING}") };
        let place = self.place(path, true)?;
        both(&aside, &place, path)
    }

    /// Removes what lies aside under the name `aside`, if it still does.
    pub fn purge(&self, aside: &str) -> Result<(), NotPurged> {
        let failed = |error| NotPurged { name: aside.to_owned(), error };
        let kept = match self.shelf(false) {
            Ok(kept) => kept,
            Err(NotMoved::Missing) => return Ok(()),
            Err(error) => return Err(failed(std::io::Error::other(error.to_string()))),
        };
        match rustix::fs::unlinkat(&kept, format!("{aside}{ENDING}"), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed(error.into())),
        }
        remove(&kept, aside.as_ref(), DEPTH_MAX).map_err(failed)
    }

    fn root(&self) -> Result<&File, NotMoved> {
        match &self.0 {
            Source::Real(root) => Ok(root),
            Source::Absent | Source::Scripted(_) => Err(NotMoved::Missing),
        }
    }

    /// The folder that deleted sessions lie in.
    fn shelf(&self, make: bool) -> Result<File, NotMoved> {
        let root = self.root()?;
        folder(root, root, ASIDE, make).map_err(|error| not_moved(ASIDE, error))
    }

    /// The folder of the file at `path`, and its name in it.
    fn place(&self, path: &str, make: bool) -> Result<Place, NotMoved> {
        let root = self.root()?;
        let strange = || NotMoved::Strange(path.to_owned());
        let mut parts: Vec<_> = path.split('/').collect();
        let sound = parts.iter().all(|part| !matches!(*part, "" | "." | ".."));
        let name = parts.pop().filter(|name| sound && name.ends_with(ENDING)).ok_or_else(strange)?;
        let mut at = root.try_clone().map_err(|error| NotMoved::Refused(path.to_owned(), error))?;
        for part in parts {
            at = folder(root, &at, part, make).map_err(|error| not_moved(path, error))?;
        }
        Ok(Place { folder: at, name: name.to_owned() })
    }
}

/// Opens the folder `name` in an open one, through no link; makes it, for whom `root` belongs to.
fn folder(root: &File, at: &File, name: &str, make: bool) -> Result<File, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let open = || rustix::fs::openat2(at.as_fd(), name, flags, Mode::empty(), resolve).map(File::from);
    match open() {
        Err(Errno::NOENT) if make => {}
        opened => return opened,
    }
    match rustix::fs::mkdirat(at, name, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    let new = open()?;
    let (above, own) = (rustix::fs::fstat(root)?, rustix::fs::fstat(&new)?);
    if (above.st_uid, above.st_gid) != (own.st_uid, own.st_gid) {
        // The agent is another user, and goes on writing there.
        let owner = (rustix::fs::Uid::from_raw(above.st_uid), rustix::fs::Gid::from_raw(above.st_gid));
        rustix::fs::fchown(&new, Some(owner.0), Some(owner.1))?;
    }
    Ok(new)
}

/// Moves a file and the folder that belongs to it; the file counts, so it goes last and comes first.
fn both(from: &Place, to: &Place, path: &str) -> Result<(), NotMoved> {
    let go = |from_name: &str, to_name: &str| {
        rustix::fs::renameat_with(&from.folder, from_name, &to.folder, to_name, RenameFlags::NOREPLACE)
    };
    go(&from.name, &to.name).map_err(|error| not_moved(path, error))?;
    let (from_folder, to_folder) = (stem(&from.name), stem(&to.name));
    match go(from_folder, to_folder) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        // What belongs to a conversation is nothing without it, and the other way round it is.
        Err(error) => {
            tracing::warn!(
                "the folder that belongs to the session file `{path}` was not moved with it: {error}"
            );
            Ok(())
        }
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix(ENDING).unwrap_or(name)
}

/// Removes whatever has this name, links not followed, at most so many folders deep.
fn remove(at: &File, name: &std::ffi::OsStr, depth: usize) -> std::io::Result<()> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    if depth == 0 {
        return Err(std::io::Error::other("it has too many folders within folders"));
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = File::from(rustix::fs::openat(at, name, flags, Mode::empty())?);
    let entries: Result<Vec<_>, _> = rustix::fs::Dir::read_from(&folder)?.collect();
    for entry in entries? {
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            remove(&folder, std::os::unix::ffi::OsStrExt::from_bytes(name), depth - 1)?;
        }
    }
    Ok(rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR)?)
}

fn not_moved(path: &str, error: Errno) -> NotMoved {
    match error {
        Errno::NOENT => NotMoved::Missing,
        Errno::EXIST => NotMoved::Taken,
        Errno::LOOP | Errno::NOTDIR | Errno::XDEV => NotMoved::Strange(path.to_owned()),
        error => NotMoved::Refused(path.to_owned(), error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    const FILE: &str = "projects/-w/s.jsonl";

    /// A client's folder with one session and what belongs to it.
    fn client() -> (tempfile::TempDir, Directory) {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path().join("client");
        std::fs::create_dir_all(root.join("projects/-w/s/deep")).expect("a folder");
        std::fs::write(root.join(FILE), "said").expect("a file");
        std::fs::write(root.join("projects/-w/s/deep/f"), "more").expect("a file");
        let directory = Directory::open(&root).expect("lent");
        (place, directory)
    }

    fn text(place: &tempfile::TempDir, path: &str) -> Option<String> {
        std::fs::read_to_string(place.path().join("client").join(path)).ok()
    }

    #[test]
    fn there_and_back_and_away() {
        let (place, directory) = client();
        directory.set_aside(FILE, "n").expect("moved");
        assert_eq!(text(&place, FILE), None);
        assert_eq!(text(&place, "overlord-deleted/n.jsonl").as_deref(), Some("said"));
        assert_eq!(text(&place, "overlord-deleted/n/deep/f").as_deref(), Some("more"));
        assert!(matches!(directory.set_aside(FILE, "m"), Err(NotMoved::Missing)));
        std::fs::remove_dir_all(place.path().join("client/projects")).expect("removed");
        directory.put_back(FILE, "n").expect("moved back");
        assert_eq!(text(&place, FILE).as_deref(), Some("said"));
        assert_eq!(text(&place, "projects/-w/s/deep/f").as_deref(), Some("more"));
        assert!(matches!(directory.put_back(FILE, "n"), Err(NotMoved::Missing)));
        directory.set_aside(FILE, "n").expect("moved");
        directory.purge("n").expect("removed");
        directory.purge("n").expect("nothing to do");
        let left = std::fs::read_dir(place.path().join("client/overlord-deleted")).expect("listed").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn nothing_is_overwritten() {
        let (place, directory) = client();
        directory.set_aside(FILE, "n").expect("moved");
        std::fs::write(place.path().join("client").join(FILE), "new").expect("a file");
        assert!(matches!(directory.put_back(FILE, "n"), Err(NotMoved::Taken)));
        assert!(matches!(directory.set_aside(FILE, "n"), Err(NotMoved::Taken)));
        assert_eq!(text(&place, FILE).as_deref(), Some("new"));
        assert_eq!(text(&place, "overlord-deleted/n.jsonl").as_deref(), Some("said"));
    }

    #[test]
    fn no_link_is_followed() {
        let outside = |place: &tempfile::TempDir| {
            let outside = place.path().join("outside");
            std::fs::create_dir_all(outside.join("-w/kept")).expect("a folder");
            std::fs::write(outside.join("-w/s.jsonl"), "theirs").expect("a file");
            std::fs::write(outside.join("n.jsonl"), "theirs").expect("a file");
            outside
        };
        let strange = |moved: Result<(), NotMoved>| matches!(moved, Err(NotMoved::Strange(_)));
        let at = |place: &tempfile::TempDir, path: &str| place.path().join("client").join(path);

        let (place, directory) = client();
        std::fs::remove_file(at(&place, FILE)).expect("removed");
        symlink(outside(&place).join("n.jsonl"), at(&place, FILE)).expect("a link");
        assert!(strange(directory.set_aside(FILE, "n")), "the file is a link");

        let (place, directory) = client();
        std::fs::remove_dir_all(at(&place, "projects")).expect("removed");
        symlink(outside(&place), at(&place, "projects")).expect("a link");
        assert!(strange(directory.set_aside(FILE, "n")), "a folder above it is a link");
        assert!(place.path().join("outside/-w/s.jsonl").exists());

        let (place, directory) = client();
        symlink(outside(&place), at(&place, ASIDE)).expect("a link");
        assert!(strange(directory.set_aside(FILE, "n")), "the shelf is a link");
        assert!(strange(directory.put_back(FILE, "n")));
        assert!(directory.purge("n").is_err());
        assert!(place.path().join("outside/n.jsonl").exists() && at(&place, FILE).exists());

        let (place, directory) = client();
        let outside = outside(&place);
        symlink(&outside, at(&place, "projects/-w/s/out")).expect("a link");
        directory.set_aside(FILE, "n").expect("moved");
        directory.purge("n").expect("removed");
        assert!(outside.join("-w/kept").exists(), "a link is removed, and not what it leads to");
    }

    #[test]
    fn a_path_that_is_none_of_a_session_is_not_touched() {
        let (_place, directory) = client();
        for path in
            ["", "/", "../s.jsonl", "projects/../projects/-w/s.jsonl", "/etc/x.jsonl", "projects/-w/s"]
        {
            assert!(matches!(directory.set_aside(path, "n"), Err(NotMoved::Strange(_))), "{path}");
        }
    }

    #[test]
    fn a_tree_is_removed_to_its_depth_and_no_further() {
        for (deep, removed) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, false)] {
            let (place, directory) = client();
            directory.set_aside(FILE, "n").expect("moved");
            let tree = place.path().join("client/overlord-deleted/n").join(Path::new(&"d/".repeat(deep)));
            std::fs::create_dir_all(tree).expect("folders");
            assert_eq!(directory.purge("n").is_ok(), removed, "{deep}");
        }
    }
}
