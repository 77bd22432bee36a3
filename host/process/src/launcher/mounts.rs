//! The wall of mounts: everything read-only, nothing of the system's sockets, terminals and disks
//! to be seen, the writable places attached again as they were, and the hidden ones covered. It
//! works in a mount namespace that is already its own, as the first process of its PID namespace.

use std::ffi::CStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount,
    open_tree,
};

use super::Exposed;
use crate::sys;
use crate::wire::{Raw, Spec};

/// Where anybody leaves things and programs listen on sockets: `tmux` and `ssh-agent` in the first,
/// D-Bus, systemd and Docker in the last. A program of the same user that can reach one of those is
/// out of any wall. Each becomes an empty folder of the program's own.
const MASKS: [(&str, &CStr); 3] =
    [("/tmp", TEMPORARY), ("/var/tmp", TEMPORARY), ("/run", c"mode=0755,size=64k,nr_inodes=256")];

/// Temporary files are memory here: 1 GiB holds what compilers leave, and a program that fills it
/// hurts itself before the machine.
const TEMPORARY: &CStr = c"mode=1777,size=1g";

/// Shared memory, as much as containers get.
const SHARED_MEMORY: &CStr = c"mode=1777,size=64m";

/// The only devices that a program needs: no disk, no terminal of the host's, no `kvm`.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// What exists for a moment to be laid over hidden files.
const NOTHING: &str = "/dev/.nothing";

/// What prevents the wall.
#[derive(Debug, thiserror::Error)]
pub(super) enum MountError {
    #[error("could not {what} {}: {source}", path.display())]
    Path { what: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{} is to be writable and hidden at once: move the one out of the other",
        .0.display()
    )]
    Contradiction(PathBuf),
}

/// One thing that is laid over a path. Layers go from the root down, and on one path in the order
/// of the variants.
#[derive(Debug)]
enum Layer {
    /// An empty folder of the program's own, with these mount options.
    Mask(&'static CStr),
    /// What was there, still writable.
    Writable(OwnedFd),
    /// What was there, read-only.
    ReadOnly(OwnedFd),
    /// Nothing, read-only.
    Hidden,
}

impl Layer {
    fn rank(&self) -> u8 {
        match self {
            Self::Mask(_) => 0,
            Self::Writable(_) => 1,
            Self::ReadOnly(_) => 2,
            Self::Hidden => 3,
        }
    }
}

/// Builds the wall around the calling process and all that it will start.
pub(super) fn build(spec: &Spec, exposed: &Exposed) -> Result<(), MountError> {
    let root = Path::new("/");
    // Nothing that is mounted outside from now on appears in here, and nothing from here outside.
    mount_change(root, MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(at("separate the mounts below", root))?;
    let layers = plan(spec, exposed)?;
    let devices = DEVICES
        .iter()
        .map(|name| Path::new("/dev").join(name))
        .filter(|path| path.exists())
        .map(|path| Ok((clone(&path, 0)?, path)))
        .collect::<Result<Vec<_>, MountError>>()?;
    attributes(root, sys::READ_ONLY | sys::NO_SUID | sys::NO_DEVICES, true)?;
    build_dev(devices)?;
    build_proc(spec)?;
    File::create(NOTHING)
        .and_then(|file| file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o000)))
        .map_err(at_io("create", Path::new(NOTHING)))?;
    let paths: Vec<PathBuf> = layers.iter().map(|(path, _)| path.clone()).collect();
    // These stay open until everything below them is attached.
    let mut closed = vec![PathBuf::from("/dev")];
    for (path, layer) in layers {
        let below = paths.iter().any(|other| other != &path && other.starts_with(&path));
        let own = matches!(layer, Layer::Hidden) || path == Path::new("/run");
        if lay(&path, layer, below)? && own {
            closed.push(path);
        }
    }
    fs::remove_file(NOTHING).map_err(at_io("remove", Path::new(NOTHING)))?;
    closed
        .iter()
        .try_for_each(|path| attributes(path, sys::READ_ONLY | sys::NO_SUID | sys::NO_DEVICES, false))
}

/// What is laid where, in order. Copies of what stays are taken here, before anything is covered.
fn plan(spec: &Spec, exposed: &Exposed) -> Result<Vec<(PathBuf, Layer)>, MountError> {
    let hidden = existing(&spec.hidden);
    let read_only = existing(&spec.read_only);
    let mut writable = Vec::new();
    for place in &spec.writable {
        let path = fs::canonicalize(place.path()).map_err(at_io("find the writable folder", place.path()))?;
        if hidden.contains(&path) {
            return Err(MountError::Contradiction(path));
        }
        writable.push(path);
    }
    let masks: Vec<(PathBuf, &CStr)> =
        MASKS.iter().filter_map(|(path, options)| Some((fs::canonicalize(path).ok()?, *options))).collect();
    let below = |path: &Path, places: &[PathBuf]| places.iter().any(|place| path.starts_with(place));
    let masked = |path: &Path| masks.iter().any(|(mask, _)| path.starts_with(mask) && path != mask);

    let fixed = sys::NO_SUID | sys::NO_DEVICES;
    let mut layers = Vec::new();
    // A folder above a protected path could be renamed and another put in its place, for the host
    // to trust at its next start. A mount point cannot be renamed.
    let pinned = hidden.iter().chain(&read_only).flat_map(|path| {
        path.ancestors()
            .skip(1)
            .filter(|above| writable.iter().any(|w| above.starts_with(w) && above != w))
            .map(Path::to_path_buf)
    });
    let mut open: Vec<PathBuf> = writable.iter().cloned().chain(pinned).collect();
    open.sort();
    open.dedup();
    for path in open {
        layers.push((path.clone(), Layer::Writable(clone(&path, fixed)?)));
    }
    let seen = exposed
        .0
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .filter(|path| masked(path) && !below(path, &hidden) && !below(path, &writable));
    let protected = read_only.iter().filter(|path| masked(path) || below(path, &writable)).cloned();
    let mut closed: Vec<PathBuf> = seen.chain(protected).collect();
    closed.sort();
    closed.dedup();
    for path in closed {
        layers.push((path.clone(), Layer::ReadOnly(clone(&path, fixed | sys::READ_ONLY)?)));
    }
    layers.extend(hidden.into_iter().map(|path| (path, Layer::Hidden)));
    layers.extend(masks.into_iter().map(|(path, options)| (path, Layer::Mask(options))));
    layers.sort_by_key(|(path, layer)| (path.components().count(), layer.rank()));
    Ok(layers)
}

/// Lays one layer; tells whether it is there, since what is hidden may not be in sight anyway.
fn lay(path: &Path, layer: Layer, something_below: bool) -> Result<bool, MountError> {
    match layer {
        Layer::Mask(options) => memory(path, options)?,
        Layer::Writable(tree) | Layer::ReadOnly(tree) => attach(tree, path)?,
        Layer::Hidden => match fs::symlink_metadata(path) {
            Ok(found) if !found.is_dir() => {
                attach(clone(Path::new(NOTHING), sys::READ_ONLY | sys::NO_SUID)?, path)?;
            }
            Err(_) if !something_below => return Ok(false),
            found => {
                if found.is_err() {
                    folders(path).map_err(at_io("create", path))?;
                }
                // What lies below a place that is only to be passed through must be reachable.
                let options = if something_below {
                    c"mode=0111,size=64k,nr_inodes=256"
                } else {
                    c"mode=0000,size=4k,nr_inodes=2"
                };
                memory(path, options)?;
            }
        },
    }
    Ok(true)
}

fn build_dev(devices: Vec<(OwnedFd, PathBuf)>) -> Result<(), MountError> {
    let dev = Path::new("/dev");
    memory(dev, c"mode=0755,size=64k,nr_inodes=64")?;
    for (tree, path) in devices {
        attach(tree, &path)?;
    }
    let terminals = Path::new("/dev/pts");
    fs::create_dir(terminals).map_err(at_io("create", terminals))?;
    // Terminals of its own: it can neither type into nor read from those of the host's user.
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", terminals, "devpts", flags, c"newinstance,ptmxmode=0666,mode=0620")
        .map_err(at("mount terminals on", terminals))?;
    let shared = Path::new("/dev/shm");
    fs::create_dir(shared).map_err(at_io("create", shared))?;
    memory(shared, SHARED_MEMORY)?;
    let links = [
        ("pts/ptmx", "/dev/ptmx"),
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ];
    for (target, link) in links {
        symlink(target, link).map_err(at_io("create", Path::new(link)))?;
    }
    Ok(())
}

/// The processes of this namespace only. For the user 0, who owns the kernel's settings even
/// without capabilities (`core_pattern` runs a program of his choice outside), it is read-only.
fn build_proc(spec: &Spec) -> Result<(), MountError> {
    let path = Path::new("/proc");
    let root = spec.isolation.account.is_none() && rustix::process::geteuid().is_root();
    let mut flags = MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV;
    if root {
        flags |= MountFlags::RDONLY;
    }
    mount("proc", path, "proc", flags, None).map_err(at("mount a new", path))
}

/// A copy of the mounts at and below `path`, attached nowhere yet.
fn clone(path: &Path, wanted: u64) -> Result<OwnedFd, MountError> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, path, flags).map_err(at("copy the mount of", path))?;
    if wanted != 0 {
        sys::set_mount_attributes(tree.as_fd(), c"", wanted, true)
            .map_err(at_io("restrict the mount of", path))?;
    }
    Ok(tree)
}

fn attach(tree: OwnedFd, path: &Path) -> Result<(), MountError> {
    if fs::symlink_metadata(path).is_err() {
        make_target(&tree, path).map_err(at_io("create", path))?;
    }
    move_mount(tree, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).map_err(at("attach", path))
}

/// A place to attach something in an empty folder of the wall's own.
fn make_target(tree: &OwnedFd, path: &Path) -> io::Result<()> {
    let stat = rustix::fs::fstat(tree)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
        return folders(path);
    }
    path.parent().map_or(Ok(()), folders)?;
    File::create(path).map(drop)
}

fn folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

fn memory(path: &Path, options: &CStr) -> Result<(), MountError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", path, "tmpfs", flags, options).map_err(at("cover", path))
}

fn attributes(path: &Path, wanted: u64, recursive: bool) -> Result<(), MountError> {
    let name = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|error| at_io("restrict the mount of", path)(error.into()))?;
    sys::set_mount_attributes(CWD, &name, wanted, recursive).map_err(at_io("restrict the mount of", path))
}

fn existing(paths: &[Raw]) -> Vec<PathBuf> {
    paths.iter().filter_map(|path| fs::canonicalize(path.path()).ok()).collect()
}

fn at(what: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> MountError {
    let wrap = at_io(what, path);
    move |error| wrap(error.into())
}

fn at_io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MountError {
    let path = path.to_path_buf();
    move |source| MountError::Path { what, path, source }
}
