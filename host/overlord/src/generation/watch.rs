//! Notices that a component's file has changed and has come to rest. Looks at each file on its own, so
//! that one which keeps changing holds up no other, and at nothing but `NAME.wasm` of a component that
//! some slot names.
#![expect(clippy::disallowed_methods, reason = "looks at the components' files")]

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::time::{Instant, MissedTickBehavior};

use super::publish::Publisher;

/// How often the files are looked at. Five `stat` calls; it works on every file system and when the
/// folder itself is replaced.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// For how long a file must not have changed before it is tried, if whoever wrote it has closed it.
const REST: Duration = Duration::from_millis(100);

/// The same where nobody was seen closing it: the writer may only be slow.
const REST_UNCLOSED: Duration = Duration::from_millis(600);

/// Which file it is and which state of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug)]
struct Seen {
    signature: Option<Signature>,
    since: Instant,
    tried: bool,
}

/// Whether somebody is in the middle of writing a file, as far as the kernel tells.
type Writing = Arc<Mutex<HashMap<String, bool>>>;

/// Watches until the task is dropped.
pub async fn watch(publisher: Arc<Publisher>) {
    let folder = publisher.shelf().components.clone();
    let writing = Writing::default();
    let mut watcher = listen(&folder, &writing);
    let mut home = Signature::of(&folder);
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let now = Signature::of(&folder);
        if now.map(|at| (at.device, at.inode)) != home.map(|at| (at.device, at.inode)) {
            // Another folder has taken its place: what was heard of was the old one.
            watcher = listen(&folder, &writing);
            home = now;
        }
        let names = publisher.names().await;
        seen.retain(|name, _| names.contains(name));
        for name in names {
            let signature = Signature::of(&publisher.shelf().path(&name));
            // One that is seen for the first time may have changed since it was loaded: it is looked at
            // too, and costs nothing more where it has not.
            let anew = Seen { signature, since: Instant::now(), tried: false };
            let known = seen.entry(name.clone()).or_insert(anew);
            if known.signature != signature {
                *known = Seen { signature, since: Instant::now(), tried: false };
            }
            let open = writing.lock().unwrap_or_else(PoisonError::into_inner).get(&name) == Some(&true);
            let closed = watcher.is_some() && !open;
            // One that is gone may only be on its way out to let another in.
            let rest = if closed && signature.is_some() { REST } else { REST_UNCLOSED };
            if !known.tried && known.since.elapsed() >= rest {
                known.tried = true;
                writing.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                publisher.file_changed(&name).await;
            }
        }
    }
}

impl Signature {
    fn of(path: &Path) -> Option<Self> {
        let data = std::fs::metadata(path).ok()?;
        Some(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

/// Asks the kernel to tell who writes and who has closed.
fn listen(folder: &Path, writing: &Writing) -> Option<RecommendedWatcher> {
    let writing = Arc::clone(writing);
    let note = move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let open = match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(_) => true,
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => false,
            _ => return,
        };
        let Some(path) = event.paths.last() else { return };
        if path.extension().is_some_and(|extension| extension == "wasm")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            writing.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), open);
        }
    };
    let watcher = notify::recommended_watcher(note).and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watcher
        .inspect_err(|error| {
            tracing::warn!(
                "cannot listen to {} ({error}); changes are noticed a little later",
                folder.display()
            );
        })
        .ok()
}
