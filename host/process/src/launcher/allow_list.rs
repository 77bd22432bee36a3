//! What Landlock allows. As the wall it lists everything beside the hidden paths, since Landlock
//! cannot forbid; beside another wall it only closes abstract sockets and signals.

use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::wire::{Failure, Spec};

/// The least that is a wall: below this version a hidden file can still be truncated.
const NEEDED: ABI = ABI::V3;

/// The newest version whose rights this file was written for; an older kernel gives what it can.
const KNOWN: ABI = ABI::V6;

/// Devices that every program may need; no others, not even terminals.
const DEVICES: [&str; 7] = ["null", "zero", "full", "random", "urandom", "tty", "shm"];

/// Places besides the given ones where a program may write.
const WRITABLE: [&str; 2] = ["/tmp", "/var/tmp"];

/// How far down a hidden path may lie: one folder's entries are listed for each level.
const DEPTH: usize = 64;

/// Restricts the calling process for good.
pub(super) fn restrict(spec: &Spec) -> Result<(), Failure> {
    let outcome = if spec.isolation.landlock { wall(spec) } else { scopes() };
    match outcome {
        Ok(RulesetStatus::NotEnforced) if spec.isolation.landlock => {
            Err(Failure::Other("this kernel enforces no Landlock rules".to_owned()))
        }
        Err(error) if spec.isolation.landlock => {
            Err(Failure::Other(format!("could not set up Landlock: {error}")))
        }
        // Beside another wall it is a second lock, which old kernels lack.
        _ => Ok(()),
    }
}

/// Abstract sockets belong to no folder, so no mount hides them.
fn scopes() -> Result<RulesetStatus, RulesetError> {
    let status =
        Ruleset::default().scope(Scope::AbstractUnixSocket | Scope::Signal)?.create()?.restrict_self()?;
    Ok(status.ruleset)
}

fn wall(spec: &Spec) -> Result<RulesetStatus, RulesetError> {
    let reads = AccessFs::from_read(KNOWN);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    let hidden = existing(spec.hidden.iter().map(|path| path.path().to_path_buf()));
    let mut unreadable = hidden.clone();
    // Devices are listed one by one below.
    unreadable.push(PathBuf::from("/dev"));
    let devices = DEVICES.iter().map(|name| Path::new("/dev").join(name));
    let places = existing(
        spec.writable
            .iter()
            .map(|path| path.path().to_path_buf())
            .chain(WRITABLE.iter().map(PathBuf::from))
            .chain(devices),
    );
    let mut unwritable = hidden;
    unwritable.extend(existing(spec.read_only.iter().map(|path| path.path().to_path_buf())));
    rules = allow(rules, Path::new("/"), reads, &unreadable, DEPTH)?;
    for place in places {
        // A writable place may lie below a hidden one, but not the other way round.
        let within: Vec<PathBuf> =
            unwritable.iter().filter(|path| path.starts_with(&place)).cloned().collect();
        rules = allow(rules, &place, AccessFs::from_all(KNOWN), &within, DEPTH)?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Allows `rights` at and below `path`, except at and below each of `excepted`.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    rights: BitFlags<AccessFs>,
    excepted: &[PathBuf],
    depth: usize,
) -> Result<RulesetCreated, RulesetError> {
    if excepted.iter().any(|exception| exception == path) || depth == 0 {
        return Ok(rules);
    }
    // A link would allow what it points to, which may be hidden; its target has a rule of its own.
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(rules) };
    if found.is_symlink() {
        return Ok(rules);
    }
    if excepted.iter().any(|exception| exception.starts_with(path)) {
        let Ok(entries) = fs::read_dir(path) else { return Ok(rules) };
        return entries
            .flatten()
            .try_fold(rules, |rules, entry| allow(rules, &entry.path(), rights, excepted, depth - 1));
    }
    let rights = if found.is_dir() { rights } else { rights & AccessFs::from_file(KNOWN) };
    // What cannot be opened is closed to the program as well.
    let Ok(opened) = PathFd::new(path) else { return Ok(rules) };
    rules.add_rule(PathBeneath::new(opened, rights))
}

fn existing(paths: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    paths.filter_map(|path| fs::canonicalize(path).ok()).collect()
}
