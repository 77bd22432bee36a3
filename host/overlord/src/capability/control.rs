//! The control socket of a data folder, and the token that is asked for there: how a host opens it, and
//! how a command on the same machine finds it. Owns the two files; what is said over it is the server's.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::domain::Actor;

/// The socket's name in the data folder.
const SOCKET: &str = "control.sock";

/// The name of the token's file.
const TOKEN: &str = "control.token";

/// How many random bytes a token has: nobody guesses them.
const TOKEN_BYTES: usize = 32;

/// How many characters that is.
const TOKEN_CHARACTERS: usize = 43;

/// The longest path of a socket that the kernel takes, without its final NUL.
const ADDRESS_BYTES_MAX: usize = 107;

/// What whoever speaks over the socket has to show.
#[derive(Clone)]
pub struct Token(String);

/// A socket that is listened on. Its files are gone when it is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    token: Token,
    folder: PathBuf,
}

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the control socket {path}: {error}")]
pub struct NotOpened {
    path: PathBuf,
    error: io::Error,
}

/// Why a host cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// There is none.
    #[error(
        "no host runs with the data folder {0}; start one (`overlord serve`), or name the configuration of the one that runs (--config, OVERLORD_CONFIG)"
    )]
    NoHost(PathBuf),
    /// It is somebody else's.
    #[error("{0} is not for this user; run the command as the user that the host runs as, or as root")]
    NotYours(PathBuf),
    /// Something else.
    #[error("cannot reach the host over {0}: {1}")]
    Failed(PathBuf, io::Error),
}

impl ControlSocket {
    /// Opens the socket of a data folder that is this host's alone: what an earlier host has left there
    /// is replaced, and a token is made that is good as long as the host runs.
    pub fn open(folder: &Path) -> Result<Self, NotOpened> {
        let failed = |error| NotOpened { path: folder.join(SOCKET), error };
        let (_through, path) = address(folder).map_err(failed)?;
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(&path).map_err(failed)?,
            Ok(_) => return Err(failed(io::Error::other("something else is in its place; move it away"))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        // First the token: whoever finds the socket finds the token that goes with it.
        let token = Token::fresh();
        token.keep(folder).map_err(failed)?;
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let opened = Self { listener, token, folder: folder.to_owned() };
        // The folder is closed to others already.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        opened.listener.set_nonblocking(true).map_err(failed)?;
        Ok(opened)
    }

    /// What has to be shown.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Another handle on what is listened on, which does not block.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        for name in [SOCKET, TOKEN] {
            let _ = std::fs::remove_file(self.folder.join(name));
        }
    }
}

impl Token {
    fn fresh() -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).expect("Linux has random numbers");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether this is it; how long that takes tells nothing of it.
    pub fn is(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }

    /// For the one header that it goes into.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn keep(&self, folder: &Path) -> io::Result<()> {
        let beside = folder.join(format!("{TOKEN}.new"));
        let _ = std::fs::remove_file(&beside);
        let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(self.0.as_bytes())?;
        std::fs::rename(&beside, folder.join(TOKEN))
    }

    fn read(folder: &Path) -> io::Result<Self> {
        let mut text = String::new();
        let file = std::fs::File::open(folder.join(TOKEN))?;
        file.take(TOKEN_CHARACTERS as u64 + 1).read_to_string(&mut text)?;
        Ok(Self(text.trim_end().to_owned()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A connection to the host of a data folder, which does not block, and the token to show there.
pub fn reach(folder: &Path) -> Result<(UnixStream, Token), Unreachable> {
    let unreachable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Unreachable::NoHost(folder.to_owned()),
        ErrorKind::PermissionDenied => Unreachable::NotYours(folder.to_owned()),
        _ => Unreachable::Failed(folder.join(SOCKET), error),
    };
    let (_through, path) = address(folder).map_err(unreachable)?;
    let stream = UnixStream::connect(path).map_err(unreachable)?;
    stream.set_nonblocking(true).map_err(unreachable)?;
    Ok((stream, Token::read(folder).map_err(unreachable)?))
}

/// Who is at the other end of the control socket; none where that user has no business there: only the
/// host's own user and root have.
pub fn speaker(uid: u32) -> Option<Actor> {
    let own = rustix::process::geteuid().as_raw();
    let name = || overlord_process::account_name(uid).unwrap_or_else(|| uid.to_string());
    (uid == own || uid == 0).then(|| Actor::CommandLine(name()))
}

/// The socket's path; through the open folder where that would be too long for the kernel.
fn address(folder: &Path) -> io::Result<(Option<OwnedFd>, PathBuf)> {
    use rustix::fs::{Mode, OFlags, open};
    let path = folder.join(SOCKET);
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok((None, path));
    }
    let folder = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    Ok((Some(folder), path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn a_socket_is_for_its_user_and_goes_with_its_host() {
        let data = tempfile::tempdir().expect("a folder");
        assert!(matches!(reach(data.path()), Err(Unreachable::NoHost(_))));
        let socket = ControlSocket::open(data.path()).expect("opened");
        assert_eq!((mode(&data.path().join(SOCKET)), mode(&data.path().join(TOKEN))), (0o600, 0o600));
        let (_, token) = reach(data.path()).expect("reached");
        assert_eq!(token.expose().len(), TOKEN_CHARACTERS);
        assert!(socket.token().is(token.expose().as_bytes()));
        for other in ["", "x", &token.expose()[1..], &format!("{}x", token.expose())] {
            assert!(!socket.token().is(other.as_bytes()), "{other}");
        }
        assert!(!format!("{socket:?}").contains(token.expose()));
        drop(socket);
        assert_eq!(std::fs::read_dir(data.path()).expect("listed").count(), 0);
        assert!(matches!(reach(data.path()), Err(Unreachable::NoHost(_))));
    }

    #[test]
    fn what_a_dead_host_left_is_replaced_and_its_token_is_good_no_more() {
        let data = tempfile::tempdir().expect("a folder");
        let dead = ControlSocket::open(data.path()).expect("opened");
        let old = dead.token().clone();
        let ControlSocket { listener, .. } = &dead;
        let fd = listener.try_clone().expect("a handle");
        std::mem::forget(dead);
        drop(fd);
        let socket = ControlSocket::open(data.path()).expect("opened again");
        assert!(!socket.token().is(old.expose().as_bytes()));
    }

    #[test]
    fn a_socket_of_nobody_is_no_host() {
        let data = tempfile::tempdir().expect("a folder");
        drop(UnixListener::bind(data.path().join(SOCKET)).expect("bound"));
        assert!(matches!(reach(data.path()), Err(Unreachable::NoHost(_))));
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let data = tempfile::tempdir().expect("a folder");
        std::fs::write(data.path().join(SOCKET), "mine").expect("written");
        let error = ControlSocket::open(data.path()).expect_err("in the way").to_string();
        assert!(error.ends_with("something else is in its place; move it away"), "{error}");
        assert_eq!(std::fs::read(data.path().join(SOCKET)).expect("there"), b"mine");
    }

    #[test]
    fn a_long_path_is_no_obstacle() {
        let data = tempfile::tempdir().expect("a folder");
        let used = data.path().join(SOCKET).as_os_str().len();
        for length in [ADDRESS_BYTES_MAX, ADDRESS_BYTES_MAX + 1, 2 * ADDRESS_BYTES_MAX] {
            let folder = data.path().join("x".repeat(length - used - 1));
            std::fs::create_dir(&folder).expect("made");
            assert_eq!(folder.join(SOCKET).as_os_str().len(), length);
            let _socket = ControlSocket::open(&folder).expect("opened");
            reach(&folder).expect("reached");
            assert!(folder.join(SOCKET).exists());
        }
    }

    #[test]
    fn the_hosts_own_user_and_root_may_speak() {
        let own = rustix::process::geteuid().as_raw();
        assert!(matches!(speaker(own), Some(Actor::CommandLine(_))));
        assert_eq!(speaker(0), Some(Actor::CommandLine("root".into())));
        assert_eq!(speaker(own + 1), None);
    }
}
