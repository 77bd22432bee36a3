//! What cookies are signed with, from the configuration or a file of its own. Never printed, not even
//! for debugging; what is signed and how is the auth component's business.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The fewest bytes of a secret that no warning is given for: 128 bits, if they are random. Another
/// application chose the secret, so a shorter one is not refused.
pub(super) const SECRET_LENGTH_WISE: usize = 16;
/// The largest file that is read: room for a thousand secrets; more is another file by mistake.
pub(super) const SECRET_FILE_MAX_BYTES: u64 = 64 * 1024;
/// The permission bits of a group and of everybody.
const OTHERS: u32 = 0o077;

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who signs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What cookies are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secrets {
    /// These, at least one, the newest last: it signs, and all are accepted.
    Given(Vec<Secret>),
    /// One that the host makes and keeps in the data directory.
    Generated,
}

/// Reads a file of secrets, one a line. Blank lines do not count; blanks within a line do.
pub(super) fn read(path: &Path) -> io::Result<Vec<Secret>> {
    let text = read_limited(path, SECRET_FILE_MAX_BYTES)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let secrets: Vec<_> = lines.map(|line| Secret::new(line.to_owned())).collect();
    if secrets.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no secret in it"));
    }
    Ok(secrets)
}

/// Reads a text file that is a regular file of at most `max` bytes.
pub(super) fn read_limited(path: &Path, max: u64) -> io::Result<String> {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is larger than {max} bytes")));
    }
    Ok(text)
}

/// Whether the file's permissions let others than its owner have it.
pub(super) fn open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & OTHERS != 0)
}
