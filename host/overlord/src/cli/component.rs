//! `overlord component`: what an author needs besides a compiler.

mod check;
mod difference;
mod junit;
mod report;
mod sign;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::say;
use crate::sandbox::package::{self, COMPONENT_BYTES_MAX, Digest};
use crate::sandbox::{Sandbox, cases, in_one_line, names_of};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what a component is: its world, imports, exports, size, hash and cases
    Inspect {
        /// The component
        #[arg(value_name = "FILE")]
        component: PathBuf,
    },
    /// Say everything that would keep a component from serving, and what it costs
    Check(check::Check),
    /// Run cases against a component, all of them, and show what differs
    Test(test::Test),
    /// Make a key to sign components with, and print its public half
    Keygen(sign::Keygen),
    /// Sign a component
    Sign(sign::Sign),
    /// Say who signed a component
    Verify(sign::Verify),
    /// Make a component of a core module, with its cases inside; or put cases into a component
    ///
    /// The module is what a compiler writes for wasm32-unknown-unknown with the bindings of one of
    /// the worlds in wit/. A component, as tools of other languages write it, gets the cases in the
    /// place of those that it carries. A file that is the same already is left as it is.
    New {
        /// The core module, or the component
        #[arg(value_name = "FILE.wasm")]
        module: PathBuf,
        /// Where the component goes
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// A folder of case files (*.toml) to carry along; the host runs them before it lets the
        /// component serve
        #[arg(long, value_name = "DIR")]
        cases: Option<PathBuf>,
    },
}

/// Whether an answer is a good one. Where there is none the command says why.
pub(super) enum Verdict {
    Good,
    Bad,
}

/// Runs a command: 0 done or good, 1 it failed or is not good, 2 a check or test could not be made.
pub(super) fn run(command: &Command) -> ExitCode {
    let done = |outcome: anyhow::Result<()>| (outcome.map(|()| Verdict::Good), 1);
    let (outcome, in_vain) = match command {
        Command::Inspect { component } => done(inspect(component)),
        Command::New { module, output, cases } => done(new(module, output, cases.as_deref())),
        Command::Keygen(command) => done(sign::keygen(command)),
        Command::Sign(command) => done(sign::sign(command)),
        Command::Verify(command) => (sign::verify(command), 2),
        Command::Check(command) => (check::run(command), 2),
        Command::Test(command) => (test::run(command), 2),
    };
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("overlord: {error:#}");
            ExitCode::from(in_vain)
        }
    }
}

fn new(module: &Path, output: &Path, cases: Option<&Path>) -> anyhow::Result<()> {
    let core = read(module)?;
    let cases = cases.map(cases_below).transpose()?;
    let component =
        package::component_of(&core, cases.as_deref()).with_context(|| format!("{}", module.display()))?;
    if std::fs::read(output).is_ok_and(|old| old == component) {
        return say(&format!("{} is up to date", output.display()));
    }
    put(output, &component)?;
    say(&format!("{} ({} KiB)", output.display(), component.len().div_ceil(1024)))
}

/// Writes a component beside its place and renames it into it, so that a watching host never sees half
/// a file.
fn put(output: &Path, component: &[u8]) -> anyhow::Result<()> {
    let beside = output.with_extension("wasm.new");
    std::fs::write(&beside, component)
        .and_then(|()| std::fs::rename(&beside, output))
        .with_context(|| format!("cannot write {}", output.display()))
}

fn inspect(file: &Path) -> anyhow::Result<()> {
    let bytes = read(file)?;
    let about = || format!("{}", file.display());
    package::expect_component(&bytes).with_context(about)?;
    let sandbox = Sandbox::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let names = names_of(&sandbox, &bytes).with_context(about)?;
    let cases = match package::cases_of(&bytes).with_context(about)? {
        Some(text) => cases::parse(&text)
            .map_or_else(|error| in_one_line(&error.to_string()), |cases| cases.len().to_string()),
        None => "none".to_owned(),
    };
    let world = names
        .world()
        .map_or_else(|| "none of Overlord's".to_owned(), |slot| format!("{} (slot {slot})", slot.world()));
    say(&format!("file     {}", file.display()))?;
    say(&format!("size     {} bytes", bytes.len()))?;
    say(&format!("sha256   {}", Digest::of(&bytes)))?;
    say(&format!("world    {world}"))?;
    list("imports", &names.imports)?;
    list("exports", &names.exports)?;
    say(&format!("cases    {cases}"))
}

fn list(what: &str, names: &[String]) -> anyhow::Result<()> {
    if names.is_empty() {
        say(&format!("{what:<8} nothing"))?;
    }
    for (place, name) in names.iter().enumerate() {
        say(&format!("{:<8} {name}", if place == 0 { what } else { "" }))?;
    }
    Ok(())
}

/// A component's or module's file, if it is not absurdly large.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    if size > COMPONENT_BYTES_MAX {
        bail!("{} has {size} bytes; a component may have {COMPONENT_BYTES_MAX}", file.display());
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The case files of a folder, in the order of their names.
fn case_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let about = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(about)? {
        let path = entry.with_context(about)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// All case files of a folder one after another, in the order of their names.
fn cases_below(folder: &Path) -> anyhow::Result<String> {
    let mut cases = String::new();
    for file in &case_files(folder)? {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        toml::from_str::<toml::Table>(&text).with_context(|| format!("{} is no TOML", file.display()))?;
        cases.push_str(&text);
        cases.push('\n');
    }
    Ok(cases)
}
