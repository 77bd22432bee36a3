//! Sign-in addresses that have not been used: a file each in the data folder, which agents cannot see,
//! so that the command that makes one needs no running host. Owns that each is good once and for a
//! while; knows neither cookies nor HTTP.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{Instant, Principal};

/// How many random bytes a token has: nobody guesses them.
const TOKEN_BYTES: usize = 32;

/// How many characters that is.
const TOKEN_CHARACTERS: usize = 43;

/// How long an address is good: to send it to somebody who opens it at once, and not to be found later.
pub const GOOD_FOR: Duration = Duration::from_hours(1);

/// How many may wait to be used: a script that makes them without end is told so.
pub const WAITING_MAX: usize = 1000;

/// The largest file that is read: a user with as many roles as there may be has less.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// The folder of the addresses of one data folder.
#[derive(Debug, Clone)]
pub struct SignIns {
    folder: PathBuf,
}

/// Whom an address signs in. Not used yet.
#[derive(Debug)]
pub struct SignIn {
    who: Principal,
    file: PathBuf,
}

/// Why there is no new address.
#[derive(Debug, thiserror::Error)]
pub enum NoSignIn {
    /// There are too many.
    #[error(
        "{WAITING_MAX} sign-in addresses wait to be used, and there may be no more; wait an hour, or remove files from {0}"
    )]
    TooMany(PathBuf),
    /// The file cannot be made.
    #[error("cannot keep a sign-in address in {0}: {1}; the folder must be writable for this user")]
    Kept(PathBuf, io::Error),
}

/// A file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    user: String,
    roles: Vec<String>,
    /// Milliseconds since the Unix epoch.
    expires: u64,
}

impl SignIns {
    /// Those of this data folder.
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join("sign-in") }
    }

    /// A token that signs `who` in, once, until [`GOOD_FOR`] after `now`.
    pub fn offer(&self, who: &Principal, now: Instant) -> Result<String, NoSignIn> {
        let failed = |error| NoSignIn::Kept(self.folder.clone(), error);
        if self.waiting().map_err(failed)? >= WAITING_MAX {
            return Err(NoSignIn::TooMany(self.folder.clone()));
        }
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).expect("Linux has random numbers");
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let expires = now.0.saturating_add(u64::try_from(GOOD_FOR.as_millis()).expect("an hour"));
        let kept = Kept { user: who.user.clone(), roles: who.roles.clone(), expires };
        let kept = serde_json::to_vec(&kept).expect("text and a number");
        self.put(&self.file(&token), &kept).map_err(failed)?;
        Ok(token)
    }

    /// Whom a token signs in, if it is good. Looking does not use it.
    pub fn look(&self, token: &str, now: Instant) -> io::Result<Option<SignIn>> {
        let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if token.len() != TOKEN_CHARACTERS || !token.bytes().all(alphabet) {
            return Ok(None);
        }
        // The name is a hash: how long it takes to find no such file says nothing of those there are.
        let file = self.file(token);
        let mut kept = Vec::new();
        match std::fs::File::open(&file) {
            Ok(open) => open.take(FILE_BYTES_MAX).read_to_end(&mut kept)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let kept: Kept = serde_json::from_slice(&kept)?;
        if kept.expires <= now.0 {
            let _ = std::fs::remove_file(&file);
            return Ok(None);
        }
        Ok(Some(SignIn { who: Principal { user: kept.user, roles: kept.roles }, file }))
    }

    /// How many wait, when those that were not used in time are taken away.
    fn waiting(&self) -> io::Result<usize> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut waiting = 0;
        for entry in entries {
            let entry = entry?;
            // One that was used in this moment is gone.
            let Ok(made) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
            if made.elapsed().is_ok_and(|age| age > GOOD_FOR) {
                let _ = std::fs::remove_file(entry.path());
            } else {
                waiting += 1;
            }
        }
        Ok(waiting)
    }

    fn file(&self, token: &str) -> PathBuf {
        self.folder.join(format!("{:x}", Sha256::digest(token)))
    }

    /// Makes a file that is there whole or not at all, and is the host's whoever runs the command.
    fn put(&self, file: &Path, content: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let data = self.folder.parent().unwrap_or(&self.folder).metadata()?;
        let hand_over = |path: &Path| {
            if path.metadata()?.uid() == data.uid() {
                return Ok(());
            }
            std::os::unix::fs::chown(path, Some(data.uid()), Some(data.gid()))
        };
        hand_over(&self.folder)?;
        let beside = file.with_extension("new");
        let mut new = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        new.write_all(content).and_then(|()| hand_over(&beside)).and_then(|()| std::fs::rename(&beside, file))
    }
}

impl SignIn {
    /// Whom.
    pub fn who(&self) -> &Principal {
        &self.who
    }

    /// Uses it up. Of all who try, one is told that it did.
    pub fn take(&self) -> io::Result<bool> {
        match std::fs::remove_file(&self.file) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        // Or it would be there again after a power cut.
        if let Some(folder) = self.file.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::SystemTime;

    use super::*;

    const NOW: Instant = Instant(1_000);

    fn alice() -> Principal {
        Principal { user: "alice".into(), roles: vec!["admin".into(), "x".into()] }
    }

    fn desk() -> (tempfile::TempDir, SignIns) {
        let data = tempfile::tempdir().expect("a folder");
        let desk = SignIns::of(data.path());
        (data, desk)
    }

    #[test]
    fn a_token_is_good_once_for_whom_it_was_made() {
        let (_data, desk) = desk();
        let token = desk.offer(&alice(), NOW).expect("made");
        assert_eq!(token.len(), TOKEN_CHARACTERS);
        assert_ne!(token, desk.offer(&alice(), NOW).expect("made"));
        let (one, other) = (desk.look(&token, NOW).expect("read"), desk.look(&token, NOW).expect("read"));
        let (one, other) = (one.expect("good"), other.expect("still good"));
        assert_eq!(*one.who(), alice());
        assert!(one.take().expect("taken") && !other.take().expect("gone"));
        assert!(desk.look(&token, NOW).expect("read").is_none());
    }

    #[test]
    fn a_token_is_good_for_an_hour() {
        let (data, desk) = desk();
        let hour = u64::try_from(GOOD_FOR.as_millis()).expect("small");
        let token = desk.offer(&alice(), NOW).expect("made");
        assert!(desk.look(&token, Instant(NOW.0 + hour - 1)).expect("read").is_some());
        assert!(desk.look(&token, Instant(NOW.0 + hour)).expect("read").is_none());
        let left = std::fs::read_dir(data.path().join("sign-in")).expect("listed").count();
        assert_eq!(left, 0, "what has expired is taken away");
    }

    #[test]
    fn what_is_no_token_is_not_looked_for() {
        let (_data, desk) = desk();
        let token = desk.offer(&alice(), NOW).expect("made");
        let hash = format!("{:x}", Sha256::digest(&token));
        for other in
            ["", "../secret", &token[1..], &format!("{token}A"), &hash, &"=".repeat(43), &"\u{e9}".repeat(43)]
        {
            assert!(desk.look(other, NOW).expect("nothing is read").is_none(), "{other}");
        }
    }

    #[test]
    fn nobody_else_can_read_who_is_to_be_signed_in_and_the_token_is_not_kept() {
        let (data, desk) = desk();
        let token = desk.offer(&alice(), NOW).expect("made");
        let folder = data.path().join("sign-in");
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in std::fs::read_dir(&folder).expect("listed") {
            let path = entry.expect("read").path();
            assert_eq!(mode(&path), 0o600);
            let kept = std::fs::read_to_string(&path).expect("text");
            assert!(kept.contains("alice") && !kept.contains(&token), "{kept}");
            assert!(!path.to_string_lossy().contains(&token));
        }
    }

    #[test]
    fn so_many_may_wait_and_old_ones_do_not_count() {
        let (data, desk) = desk();
        let folder = data.path().join("sign-in");
        std::fs::create_dir(&folder).expect("made");
        for number in 0..WAITING_MAX - 1 {
            std::fs::write(folder.join(number.to_string()), "{}").expect("written");
        }
        desk.offer(&alice(), NOW).expect("the last place");
        let error = desk.offer(&alice(), NOW).expect_err("no place");
        assert!(error.to_string().starts_with("1000 sign-in addresses wait to be used"), "{error}");
        let old = SystemTime::now() - GOOD_FOR - Duration::from_secs(1);
        let file = std::fs::File::options().write(true).open(folder.join("7")).expect("there");
        file.set_modified(old).expect("set");
        desk.offer(&alice(), NOW).expect("a place again");
        assert!(!folder.join("7").exists());
    }

    #[test]
    fn twenty_at_once_and_one_wins() {
        let (_data, desk) = desk();
        let token = desk.offer(&alice(), NOW).expect("made");
        let won: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..20)
                .map(|_| {
                    scope.spawn(|| {
                        desk.look(&token, NOW).expect("read").is_some_and(|s| s.take().expect("taken"))
                    })
                })
                .collect();
            tries.into_iter().map(|each| usize::from(each.join().expect("no panic"))).sum()
        });
        assert_eq!(won, 1);
    }
}
