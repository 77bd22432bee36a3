//! `overlord component keygen`, `sign` and `verify`: who vouches for a component's file.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::Verdict;
use crate::cli::{ConfigFile, say};
use crate::sandbox::signature::{self, PublicKey, SecretKey};

/// The largest file that is read as a key.
const KEY_BYTES_MAX: u64 = 16 << 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct Keygen {
    /// Where the secret key goes, readable by you alone; its name without the ending is the key's
    #[arg(value_name = "OUT.pem")]
    output: PathBuf,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Sign {
    /// The component
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// The secret key, as `overlord component keygen` or `openssl genpkey -algorithm ed25519` writes it
    #[arg(short, long, value_name = "KEY.pem")]
    key: PathBuf,
    /// Where the signed component goes; the file itself where it is left out
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The component
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// A public key, as `overlord component keygen` prints it; several by saying it again. Without any,
    /// those in `signing.keys` of the configuration
    #[arg(short, long, value_name = "NAME:BASE64")]
    key: Vec<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn keygen(command: &Keygen) -> anyhow::Result<()> {
    let out = &command.output;
    let key = SecretKey::generate().map_err(|error| anyhow::anyhow!("there is no randomness: {error}"))?;
    let name = out.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let public = key.public(&name);
    // What is printed goes into a configuration: it must be taken there.
    PublicKey::parse(&public.to_string()).with_context(|| format!("{name:?} cannot name a key"))?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .and_then(|mut file| file.write_all(key.to_pem().as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("cannot make the key {}; none is ever overwritten", out.display()))?;
    say(&public.to_string())
}

pub(super) fn sign(command: &Sign) -> anyhow::Result<()> {
    let bytes = super::read(&command.component)?;
    let pem = text_of(&command.key)?;
    let key = SecretKey::from_pem(&pem).with_context(|| format!("{}", command.key.display()))?;
    let signed = signature::sign(&bytes, &key).with_context(|| format!("{}", command.component.display()))?;
    let output = command.output.as_ref().unwrap_or(&command.component);
    super::put(output, &signed)?;
    let count = signature::signers(&signed)?.count();
    say(&format!("{} ({count} signature{})", output.display(), if count == 1 { "" } else { "s" }))
}

pub(super) fn verify(command: &Verify) -> anyhow::Result<Verdict> {
    let bytes = super::read(&command.component)?;
    let keys = if command.key.is_empty() {
        command.config.load()?.0.signing.keys
    } else {
        let read = |text: &String| PublicKey::parse(text).with_context(|| text.clone());
        command.key.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?
    };
    if keys.is_empty() {
        bail!("there is no key to verify with: give one with --key, or list it in `signing.keys`");
    }
    let file = command.component.display();
    let signers = match signature::signers(&bytes) {
        Ok(signers) => signers,
        Err(error @ signature::SignatureError::Package(_)) => return Err(error).context(file.to_string()),
        Err(error) => {
            say(&format!("{file}  BAD: {error}"))?;
            return Ok(Verdict::Bad);
        }
    };
    if let Some(key) = signers.known(&keys) {
        say(&format!("{file}  signed with {}", key.name()))?;
        return Ok(Verdict::Good);
    }
    match signers.count() {
        0 => say(&format!("{file}  BAD: it carries no signature"))?,
        _ => say(&format!(
            "{file}  BAD: signed with none of the keys, but with {}",
            signers.shown(&[]).join(", ")
        ))?,
    }
    Ok(Verdict::Bad)
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    let about = || format!("cannot read the key {}", file.display());
    if std::fs::metadata(file).with_context(about)?.len() > KEY_BYTES_MAX {
        bail!("{} has more than {KEY_BYTES_MAX} bytes and is no key", file.display());
    }
    std::fs::read_to_string(file).with_context(about)
}
