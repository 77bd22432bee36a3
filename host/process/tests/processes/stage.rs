//! What every test needs: a place to play, a supervisor, a shell script as the program.

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::Trial;
use overlord_process::{Child, Command, Event, Kind, Launcher, Limits, Options, Supervisor, WallRequest};
use tempfile::TempDir;
use uuid::Uuid;

/// What makes this binary a launcher.
pub(crate) const LAUNCH: &str = "launch";

/// Long enough that only a hanging test sees it.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Stage {
    pub(crate) supervisor: Supervisor,
    pub(crate) data_id: Uuid,
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data_id = Uuid::new_v4();
        let supervisor = Supervisor::start(options(kind, data_id)).await.expect("this wall was tried before");
        Self { supervisor, data_id, folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn shell(&self, script: &str, limits: Limits) -> Child {
        let command = shell(script, self.path());
        self.supervisor.spawn(command, limits).await.expect("a shell")
    }
}

pub(crate) fn options(kind: Kind, data_id: Uuid) -> Options {
    Options {
        launcher: Launcher {
            program: PathBuf::from("/proc/self/exe"),
            arguments: vec![OsString::from(LAUNCH)],
        },
        data_id,
        wall: WallRequest::Only(kind),
        agent_user: (kind == Kind::User).then(|| "nobody".to_owned()),
        hidden: Vec::new(),
        read_only: Vec::new(),
    }
}

pub(crate) fn shell(script: &str, folder: &Path) -> Command {
    Command {
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: vec![("PATH".into(), "/usr/bin:/bin:/usr/sbin:/sbin".into())],
        directory: folder.to_path_buf(),
        stdin: Vec::new(),
        run: Uuid::new_v4(),
        writable: vec![folder.to_path_buf()],
    }
}

/// Limits that no test reaches by accident.
pub(crate) fn wide() -> Limits {
    Limits {
        time: PATIENCE,
        idle: PATIENCE,
        output_bytes: 1 << 30,
        line_bytes: 64 << 20,
        stderr_bytes: 8 << 10,
        grace: [PATIENCE; 2],
        linger: PATIENCE,
    }
}

/// Everything that the program says, to its end.
pub(crate) async fn all(child: &mut Child) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        match child.next().await {
            Event::End => return events,
            event => events.push(event),
        }
    }
}

/// The next line as text.
pub(crate) async fn line(child: &mut Child) -> String {
    match child.next().await {
        Event::Line(line) => String::from_utf8(line).expect("text"),
        event => panic!("{event:?} instead of a line; its errors: {}", child.stderr_tail()),
    }
}

/// Processes that carry this data folder's tag, by reading `/proc` as anybody would.
pub(crate) fn tagged(data_id: Uuid) -> Vec<i32> {
    let tag = format!("AGENT_TAG={data_id}:");
    std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(tag.as_bytes()))
            })
        })
        .collect()
}

/// Waits until `condition` holds; a test that waits in vain fails by its patience.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited for {what}"));
}

/// Runs one test to its end, or to that of its patience.
pub(crate) fn play<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await });
    outcome.expect("the test takes too long");
}

/// One trial that needs no particular wall.
pub(crate) fn plain<F, T>(name: &str, test: T) -> Trial
where
    F: Future<Output = ()>,
    T: FnOnce() -> F + Send + 'static,
{
    Trial::test(name, move || {
        play(test());
        Ok(())
    })
}

/// One trial for each kind of process tree: with a PID namespace and without. A wall that this
/// machine does not have is named, and its trial shows as ignored.
pub(crate) fn each_wall<F, T>(name: &'static str, test: T) -> Vec<Trial>
where
    F: Future<Output = ()>,
    T: Fn(Kind) -> F + Send + Copy + 'static,
{
    [Kind::Namespace, Kind::Landlock, Kind::None]
        .into_iter()
        .map(|kind| {
            let trial = plain(&format!("{name} ({kind})"), move || test(kind));
            trial.with_ignored_flag(!available(kind))
        })
        .collect()
}

/// Whether this machine has the wall for the user who runs the tests; where not, says why, once.
pub(crate) fn available(kind: Kind) -> bool {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    static KNOWN: Mutex<BTreeMap<Kind, bool>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().expect("no test panics in here");
    *known.entry(kind).or_insert_with(|| {
        let mut found = false;
        play(async {
            match Supervisor::start(options(kind, Uuid::new_v4())).await {
                Ok(_) => found = true,
                Err(reason) => eprintln!("NOT TRIED HERE, no wall of kind {kind}: {reason}"),
            }
        });
        found
    })
}
