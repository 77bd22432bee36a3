//! Makes the components, each once for all tests and again only where something has changed that it is
//! made of. Knows the tools' command lines, and nothing of what the components must do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use overlord::sandbox::package::{Digest, component_of};
use overlord::sandbox::{CodeCache, Instances, Loader, Sandbox, Terms, Wasi};
use overlord_tests::host::{built, checkout};

/// Where what was made lies, from one run to the next.
const FOLDER: &str = "target/foreign";

/// How many components are kept there, and how many compiled: those of two states of the sources, and
/// the ones in Rust. Compiled, one takes tens of megabytes.
const KEPT_MAX: (usize, usize) = (2 * ALL.len(), 2 * (ALL.len() + 2));

/// What the components are made with, and what this crate pins of it.
const PINS: [&str; 2] = ["javascript/package-lock.json", "python/requirements.txt"];

/// A component in another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The limiter, by componentize-js without any of its WASI features.
    JavaScriptLimiter,
    /// The limiter, by componentize-py with `--stub-wasi`.
    PythonLimiter,
    /// The audit format, by componentize-js without any of its WASI features.
    JavaScriptAudit,
    /// The audit format, by componentize-py with `--stub-wasi`.
    PythonAudit,
    /// The same, with all the imports that componentize-py gives by default.
    PythonAuditWithWasi,
}

use Made::{JavaScriptAudit, JavaScriptLimiter, PythonAudit, PythonAuditWithWasi, PythonLimiter};

/// All of them, the ones that take longest first.
const ALL: [Made; 5] = [JavaScriptLimiter, JavaScriptAudit, PythonLimiter, PythonAudit, PythonAuditWithWasi];

/// Those that fit the limiter's slot.
pub const LIMITERS: [Made; 2] = [JavaScriptLimiter, PythonLimiter];

/// Those that fit the audit's slot.
pub const AUDITS: [Made; 3] = [JavaScriptAudit, PythonAudit, PythonAuditWithWasi];

impl Made {
    /// What its file is called.
    pub fn name(self) -> &'static str {
        match self {
            JavaScriptLimiter => "limit-javascript",
            PythonLimiter => "limit-python",
            JavaScriptAudit => "audit-javascript",
            PythonAudit => "audit-python",
            PythonAuditWithWasi => "audit-python-wasi",
        }
    }

    /// The component in Rust that it does the same as.
    pub fn original(self) -> &'static str {
        if LIMITERS.contains(&self) { "limit-window" } else { "audit-jsonl" }
    }

    /// How a slot is set up for it.
    pub fn terms(self, instances: Instances) -> Terms {
        let wasi = if self == PythonAuditWithWasi { Wasi::Empty } else { Wasi::default() };
        Terms { instances, wasi, ..Terms::default() }
    }

    /// Its bytes, with the original's cases inside. Whoever asks first has all of them made.
    #[track_caller]
    pub fn bytes(self) -> Vec<u8> {
        static MADE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(make_all);
        MADE[ALL.iter().position(|one| *one == self).expect("it is one of them")].clone()
    }

    fn with_cases(self) -> Vec<u8> {
        let file = self.file();
        let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let cases = case_files(self.original()).concat();
        component_of(&bytes, Some(&cases)).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    }

    fn is_javascript(self) -> bool {
        matches!(self, JavaScriptLimiter | JavaScriptAudit)
    }

    /// The command line that makes it, as docs/authors.md has it.
    fn command(self, output: &Path) -> Command {
        let wit = checkout().join("wit");
        let world = if LIMITERS.contains(&self) { "limit-policy" } else { "audit-policy" };
        let module = if LIMITERS.contains(&self) { "limiter" } else { "audit" };
        let mut command;
        if self.is_javascript() {
            let installed = built("target/languages/javascript");
            command = Command::new(installed.join("node"));
            command.arg(installed.join("node_modules/@bytecodealliance/componentize-js/src/cli.js"));
            command.arg(format!("{module}.js")).arg("--wit").arg(wit).args(["--world-name", world]);
            command.args(["--disable", "stdio", "random", "clocks", "http", "fetch-event"]);
            command.arg("--out").arg(output);
        } else {
            command = Command::new(built("target/languages/python/bin/componentize-py"));
            command.arg("--wit-path").arg(wit).args(["--world", world, "componentize"]);
            if self != PythonAuditWithWasi {
                command.arg("--stub-wasi");
            }
            command.arg(module).arg("--output").arg(output);
        }
        command
    }

    /// Where it lies: under a name for everything that it is made of.
    fn file(self) -> PathBuf {
        let mut ingredients = format!("{:?}", self.command(Path::new("")));
        for folder in [sources().join("javascript"), sources().join("python"), checkout().join("wit")] {
            for file in files(&folder) {
                ingredients.push_str(&std::fs::read_to_string(&file).expect("the sources are text"));
            }
        }
        let digest = Digest::of(ingredients.as_bytes()).short();
        built(FOLDER).join(format!("{}-{digest}.wasm", self.name()))
    }

    /// Makes it, if it has not been made.
    fn make(self) {
        let file = self.file();
        if file.exists() {
            return;
        }
        let beside = file.with_extension("new");
        // A copy of the sources: componentize-py leaves what it has compiled beside them.
        let copy = tempfile::tempdir_in(built(FOLDER)).expect("making a folder below target");
        let language = if self.is_javascript() { "javascript" } else { "python" };
        for source in files(&sources().join(language)) {
            let name = source.file_name().expect("a file has a name");
            std::fs::copy(&source, copy.path().join(name)).expect("copying a source");
        }
        let made = self.command(&beside).current_dir(copy.path()).output();
        let made = made.expect("it was installed just now");
        assert!(
            made.status.success() && beside.exists(),
            "{:?} gave {}: {}{}",
            self.command(&beside),
            made.status,
            String::from_utf8_lossy(&made.stdout),
            String::from_utf8_lossy(&made.stderr)
        );
        std::fs::rename(&beside, &file).expect("it was made beside its place");
    }
}

/// The case files of a component of the project, in order.
pub fn case_files(name: &str) -> Vec<String> {
    let folder = checkout().join("components").join(name).join("cases");
    files(&folder).iter().map(|file| std::fs::read_to_string(file).expect("cases are text")).collect()
}

/// The host's own way from bytes to a policy; what is compiled is kept, since it takes seconds.
pub fn loader() -> Loader {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    let sandbox = SANDBOX.get_or_init(|| Arc::new(Sandbox::new().expect("an engine can be set up here")));
    Loader::new(Arc::clone(sandbox), CodeCache::at(&code()))
}

/// Where compiled code is kept: a host finds it there as its own.
pub fn code() -> PathBuf {
    built(FOLDER).join("code")
}

fn sources() -> PathBuf {
    checkout().join("tests/foreign")
}

/// Installs what is missing, makes and compiles what has changed, as many at once as there are
/// processors, at most two: each takes a processor and half a gigabyte.
fn make_all() -> Vec<Vec<u8>> {
    let script = built("tests/install-languages.sh");
    let status = Command::new(&script).status().expect("the script is part of the checkout");
    assert!(status.success(), "{} says why there are no components in other languages", script.display());
    for pins in PINS {
        assert!(sources().join(pins).exists(), "tests/foreign/{pins} is missing: it is part of the checkout");
    }
    std::fs::create_dir_all(code()).expect("making a folder below target");
    let waiting = Mutex::new(ALL.to_vec());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |count| count.get().min(2)) {
            scope.spawn(|| {
                loop {
                    let next = {
                        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                        if waiting.is_empty() { None } else { Some(waiting.remove(0)) }
                    };
                    let Some(next) = next else { break };
                    next.make();
                    compile(&next.with_cases());
                }
            });
        }
    });
    trim(&built(FOLDER), KEPT_MAX.0);
    trim(&code(), KEPT_MAX.1);
    ALL.iter().map(|made| made.with_cases()).collect()
}

/// Compiles it before any test does: that takes seconds, and tests beside each other would compile the
/// same one at the same time. Not to be called from within a runtime.
fn compile(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let compiled = runtime.block_on(loader().compile(Digest::of(bytes), bytes));
    compiled.expect("a component that was made just now can be compiled");
}

/// Removes what was made first, where there is more than two states of the sources need.
fn trim(folder: &Path, most: usize) {
    let dated = |file: PathBuf| Some((file.metadata().ok()?.modified().ok()?, file));
    let mut kept: Vec<(SystemTime, PathBuf)> = files(folder).into_iter().filter_map(dated).collect();
    kept.sort();
    for (_, file) in kept.iter().take(kept.len().saturating_sub(most)) {
        // Another run may have removed it.
        std::fs::remove_file(file).ok();
    }
}

/// The files of a folder, in order; what lies in folders below it is not looked at.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}
