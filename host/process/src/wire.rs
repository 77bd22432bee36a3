//! What the host and its launcher say to each other over one socket: the host a [`Spec`] and then
//! single bytes (signals), the launcher one JSON line a [`Report`]. It knows the words, not what
//! they do.

use std::ffi::{OsStr, OsString};
use std::io;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The variable that tags a program and all that it starts: `<data id>:<run id>`. It must not
/// begin with the host's own prefix, which never reaches a program.
pub(crate) const TAG: &str = "AGENT_TAG";

/// The byte that asks for the end of everything at once. All others are signal numbers.
pub(crate) const END_ALL: u8 = 0;

/// A spec may hold a whole environment and argument list, which the kernel limits to 2 MiB in
/// all; JSON escapes at most double that for text.
const SPEC_BYTES: usize = 8 << 20;

/// Bytes that need not be UTF-8: in JSON each byte is the character of that number, so that
/// ordinary text stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

/// All that the launcher needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// A path, or a bare name to be looked up on the environment's `PATH`.
    pub(crate) program: Raw,
    /// Everything after the program's name.
    pub(crate) arguments: Vec<Raw>,
    /// The whole environment.
    pub(crate) environment: Vec<(Raw, Raw)>,
    /// Where it runs.
    pub(crate) directory: Raw,
    /// What is built around it.
    pub(crate) isolation: Isolation,
    /// Neither readable nor writable.
    pub(crate) hidden: Vec<Raw>,
    /// Not writable, wherever it lies.
    pub(crate) read_only: Vec<Raw>,
    /// The only places that are writable, where the wall can say so.
    pub(crate) writable: Vec<Raw>,
    /// Instead of a program: try the wall from within.
    pub(crate) probe: Option<Host>,
}

/// What is built around a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Isolation {
    /// Which namespaces.
    pub(crate) namespaces: Namespaces,
    /// Another account to run as.
    pub(crate) account: Option<Account>,
    /// Whether Landlock's allow-list is the wall.
    pub(crate) landlock: bool,
}

/// How mount and PID namespaces come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Namespaces {
    /// Not at all.
    None,
    /// By right of the host's own capabilities.
    Privileged,
    /// Inside a user namespace.
    Unprivileged,
}

/// An account of the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// User number, never 0.
    pub(crate) uid: u32,
    /// Primary group.
    pub(crate) gid: u32,
    /// All groups.
    pub(crate) groups: Vec<u32>,
}

/// The host, as a probe would recognize it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Its process id, seen from outside.
    pub(crate) pid: i32,
    /// When it started, in clock ticks since boot: another process may bear the same id inside.
    pub(crate) started: u64,
}

/// What the launcher tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The program runs.
    Started,
    /// It does not.
    Failed(Failure),
    /// What a probe managed that it must not: one sentence each.
    Probed(Vec<String>),
    /// The program has ended.
    Exited(Exit),
    /// And so has everything that it started.
    Gone,
}

/// Why a program does not run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// There is none.
    Missing,
    /// It may not be run.
    Denied,
    /// A sentence.
    Other(String),
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Raw {
    pub(crate) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

impl From<&Path> for Raw {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<OsString> for Raw {
    fn from(text: OsString) -> Self {
        Self(text.into_vec())
    }
}

impl From<PathBuf> for Raw {
    fn from(path: PathBuf) -> Self {
        Self(path.into_os_string().into_vec())
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().copied().map(char::from).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.chars()
            .map(u8::try_from)
            .collect::<Result<Vec<u8>, _>>()
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Sends `spec`, and with its first byte the program's standard input.
pub(crate) fn send(socket: &UnixStream, spec: &Spec, stdin: BorrowedFd<'_>) -> io::Result<()> {
    let json = serde_json::to_vec(spec)?;
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    if json.len() > SPEC_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "arguments and environment are larger than any system takes",
        ));
    }
    let message = [&length.to_le_bytes()[..], &json].concat();
    let descriptors = [stdin];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let first = [io::IoSlice::new(&message)];
    let sent = rustix::net::sendmsg(socket, &first, &mut ancillary, SendFlags::NOSIGNAL)?;
    io::Write::write_all(&mut &*socket, &message[sent..])
}

/// Receives what [`send`] sent; nothing, where the host is gone already.
pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(Spec, OwnedFd)>> {
    let mut stdin = None;
    let mut header = [0u8; 4];
    if !fill(socket, &mut header, &mut stdin)? {
        return Ok(None);
    }
    let length = usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX);
    if length > SPEC_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the spec is too long"));
    }
    let mut json = vec![0; length];
    if !fill(socket, &mut json, &mut stdin)? {
        return Ok(None);
    }
    let stdin = stdin.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "the spec came without a standard input")
    })?;
    Ok(Some((serde_json::from_slice(&json)?, stdin)))
}

/// Tells the host `report`. Where the host is gone there is nobody to tell.
pub(crate) fn report(socket: impl AsFd, report: &Report) {
    let Ok(mut line) = serde_json::to_vec(report) else { return };
    line.push(b'\n');
    let mut rest = &line[..];
    while !rest.is_empty() {
        match rustix::net::send(&socket, rest, SendFlags::NOSIGNAL) {
            Ok(sent) => rest = &rest[sent..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn fill(socket: BorrowedFd<'_>, mut buffer: &mut [u8], passed: &mut Option<OwnedFd>) -> io::Result<bool> {
    while !buffer.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(buffer)];
        let received =
            match rustix::net::recvmsg(socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(message) => message.bytes,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                *passed = descriptors.last().or_else(|| passed.take());
            }
        }
        if received == 0 {
            return Ok(false);
        }
        buffer = &mut buffer[received..];
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() {
        let all = Raw((0..=255).collect());
        let json = serde_json::to_string(&all).expect("a string");
        assert_eq!(serde_json::from_str::<Raw>(&json).expect("the same"), all);
        assert!(serde_json::from_str::<Raw>("\"\u{100}\"").is_err());
    }
}
