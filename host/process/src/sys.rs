//! The few system calls that no safe crate offers, and nothing else: every `unsafe` of this crate
//! is in this file. It knows nothing of walls or programs.
#![expect(unsafe_code, reason = "raw system calls; each says why it is sound")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// Which side of a [`fork`] this is.
pub(crate) enum Forked {
    /// The new process.
    Child,
    /// The old one, with the new one's id.
    Parent(rustix::process::Pid),
}

/// A mount's attributes, as the kernel's `struct mount_attr` wants them.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Nothing can be written through the mount.
pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
/// Set-user-id bits mean nothing on the mount.
pub(crate) const NO_SUID: u64 = libc::MOUNT_ATTR_NOSUID;
/// Device files cannot be opened through the mount.
pub(crate) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;

/// Divides this process in two. Only the launcher calls it: it has one thread, so no lock can be
/// held by a thread that the new process lacks.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: the launcher is single-threaded (it starts no thread, and `main` hands over to it
    // before any runtime exists), so the child may run any code.
    let pid = unsafe { libc::fork() };
    match pid {
        0 => Ok(Forked::Child),
        pid => rustix::process::Pid::from_raw(pid)
            .filter(|_| pid > 0)
            .map(Forked::Parent)
            .ok_or_else(io::Error::last_os_error),
    }
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(namespaces: rustix::thread::UnshareFlags) -> io::Result<()> {
    // SAFETY: only `FILES` can break what safe code relies on, and no caller passes it; with one
    // thread even that would share nothing.
    Ok(unsafe { rustix::thread::unshare_unsafe(namespaces) }?)
}

/// Closes every descriptor from 3 up. Called first thing in the launcher, before it opens any of
/// its own: whoever started the host may have left descriptors open over it.
pub(crate) fn close_inherited() -> io::Result<()> {
    // SAFETY: the launcher owns no descriptor yet, so nothing that is owned is closed.
    done(unsafe { libc::close_range(3, libc::c_uint::MAX, 0) })
}

/// Marks every descriptor from 3 up to be closed when the program starts.
pub(crate) fn close_on_exec() -> io::Result<()> {
    // SAFETY: closes nothing; it only sets a flag.
    done(unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) })
}

/// Sets `attributes` on the mount that `directory` and `path` name, and with `recursive` on all
/// mounts below it. An empty path means `directory` itself.
pub(crate) fn set_mount_attributes(
    directory: BorrowedFd<'_>,
    path: &CStr,
    attributes: u64,
    recursive: bool,
) -> io::Result<()> {
    let wanted = MountAttributes { set: attributes, clear: 0, propagation: 0, user_namespace: 0 };
    let mut flags = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW;
    if recursive {
        flags |= libc::AT_RECURSIVE;
    }
    // SAFETY: `path` ends in NUL and `wanted` has the layout and size that are passed; both
    // outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory.as_raw_fd(),
            path.as_ptr(),
            flags,
            ptr::from_ref(&wanted),
            size_of::<MountAttributes>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves the session keyring of whoever started the host for an empty one of its own. Kernels
/// without keyrings have nothing to leave.
pub(crate) fn leave_keyring() {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: the name is null, which asks for an anonymous keyring; nothing is dereferenced.
    unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, ptr::null::<libc::c_char>()) };
}

/// Gives every signal its default meaning. What is ignored stays ignored across exec, and both
/// Rust (SIGPIPE) and `nohup` (SIGHUP) ignore some.
pub(crate) fn default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default action runs no code of ours. Signals whose action cannot be set
        // (KILL, STOP, those of the C library) answer with an error that changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
