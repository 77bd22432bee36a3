//! `overlord component`: what an author needs besides a compiler.

use std::path::{Path, PathBuf};

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
    /// Make a component of a core module, with its cases inside
    ///
    /// The module is what a compiler writes for wasm32-unknown-unknown with the bindings of one of
    /// the worlds in wit/. A file that is the same already is left as it is.
    New {
        /// The core module
        #[arg(value_name = "CORE.wasm")]
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

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Inspect { component } => inspect(component),
        Command::New { module, output, cases } => new(module, output, cases.as_deref()),
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
    // Written beside its place and renamed into it, so that a watching host never sees half a file.
    let beside = output.with_extension("wasm.new");
    std::fs::write(&beside, &component)
        .and_then(|()| std::fs::rename(&beside, output))
        .with_context(|| format!("cannot write {}", output.display()))?;
    say(&format!("{} ({} KiB)", output.display(), component.len().div_ceil(1024)))
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

/// All case files of a folder one after another, in the order of their names.
fn cases_below(folder: &Path) -> anyhow::Result<String> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut cases = String::new();
    for file in &files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        toml::from_str::<toml::Table>(&text).with_context(|| format!("{} is no TOML", file.display()))?;
        cases.push_str(&text);
        cases.push('\n');
    }
    Ok(cases)
}
