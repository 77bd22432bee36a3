//! Known weaknesses of what Cargo.lock pins, where the machine has a copy of the advisory database.
//! Fetches nothing: what is at hand is read, and where nothing is, that is said.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::dependencies::{deny, locked};
use crate::nothing_found;

/// Names a copy of the database.
const VARIABLE: &str = "ADVISORY_DB";

/// Where cargo-audit and cargo-deny keep theirs, seen from cargo's home.
const PLACES: [&str; 2] = ["advisory-db", "advisory-dbs"];

/// The head of an advisory's file.
#[derive(Debug, Deserialize)]
struct Advisory {
    advisory: About,
    versions: Versions,
}

#[derive(Debug, Deserialize)]
struct About {
    id: String,
    package: String,
    /// Not a weakness but news, such as that nobody looks after it.
    informational: Option<String>,
    withdrawn: Option<toml::Value>,
}

#[derive(Debug, Deserialize)]
struct Versions {
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
}

impl Advisory {
    /// Reads an advisory's file: TOML in a fenced block, then prose.
    fn parse(text: &str) -> Result<Self, String> {
        let head = text.strip_prefix("```toml\n").and_then(|text| text.split_once("\n```"));
        let (head, _) = head.ok_or("it does not begin with a block of TOML")?;
        toml::from_str(head).map_err(|error| error.to_string())
    }

    fn concerns(&self, version: &Version) -> bool {
        let fine = |versions: &[VersionReq]| versions.iter().any(|wanted| wanted.matches(version));
        self.advisory.withdrawn.is_none() && !fine(&self.versions.patched) && !fine(&self.versions.unaffected)
    }
}

#[test]
fn nothing_with_a_known_weakness_is_built_in() {
    let Some(database) = database() else {
        say(&format!(
            "advisories were not looked at: there is no copy of the RustSec database here; name one in {VARIABLE}, \
             or let `cargo audit` or `cargo deny fetch` bring it"
        ));
        return;
    };
    let ignored = deny().advisories.ignore;
    assert!(ignored.iter().all(|entry| !entry.reason.is_empty()), "an advisory is passed over with a reason");
    let mut found = Vec::new();
    let mut used = vec![false; ignored.len()];
    for package in locked().into_iter().filter(|package| package.source.is_some()) {
        for (path, advisory) in advisories(&database.join("crates").join(&package.name)) {
            let advisory = advisory.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let About { id, package: name, informational, .. } = &advisory.advisory;
            if *name != package.name || !advisory.concerns(&package.version) {
                continue;
            }
            let line = format!("{name} {}: {id}", package.version);
            if let Some(place) = ignored.iter().position(|entry| entry.id == *id) {
                used[place] = true;
            } else if informational.as_deref().is_none_or(|kind| kind == "unsound") {
                found.push(line);
            } else {
                say(&format!(
                    "for your information, {}: {line}",
                    informational.as_deref().unwrap_or_default()
                ));
            }
        }
    }
    nothing_found(
        "no dependency has a known weakness; update it, or say in deny.toml why it does not matter",
        &found,
    );
    let idle: Vec<_> =
        ignored.iter().zip(used).filter(|(_, used)| !used).map(|(entry, _)| entry.id.clone()).collect();
    nothing_found("an advisory that concerns nothing any more is taken off deny.toml", &idle);
}

#[test]
fn an_advisory_concerns_the_versions_between() {
    let text = |more: &str| {
        format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2020-0001\"\npackage = \"p\"\n{more}\n[versions]\n\
             patched = [\">= 1.2.3\", \"^1.0.9\"]\nunaffected = [\"< 0.5.0\"]\n```\n\n# p breaks\n"
        )
    };
    let advisory = Advisory::parse(&text("")).expect("it is one");
    let concerned = |version: &str| advisory.concerns(&version.parse().expect("a version"));
    assert!(concerned("0.5.0") && concerned("1.0.8"));
    assert!(!concerned("0.4.9") && !concerned("1.0.9") && !concerned("1.2.3") && !concerned("2.0.0"));
    let withdrawn = Advisory::parse(&text("withdrawn = \"2020-02-02\"")).expect("it is one");
    assert!(!withdrawn.concerns(&Version::new(1, 0, 0)));
    assert!(Advisory::parse("# p breaks").is_err() && Advisory::parse("```toml\nid = 1\n```").is_err());
}

/// The first copy of the database that there is. One that is named must be one.
fn database() -> Option<PathBuf> {
    let is_one = |folder: &Path| folder.join("crates").is_dir();
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        assert!(is_one(&named), "{VARIABLE} names {}, which holds no folder `crates`", named.display());
        return Some(named);
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    PLACES
        .iter()
        .map(|place| home.join(place))
        .flat_map(|place| {
            let below = fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
            let below: Vec<_> = below.collect();
            std::iter::once(place).chain(below)
        })
        .find(|folder| is_one(folder))
}

/// The advisories in the folder of one package, which most have none of.
fn advisories(folder: &Path) -> impl Iterator<Item = (PathBuf, Result<Advisory, String>)> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).map(|path| {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string());
        let advisory = text.and_then(|text| Advisory::parse(&text));
        (path, advisory)
    })
}

/// Says something though the test holds: what `println!` writes is kept back then.
fn say(sentence: &str) {
    let mut stderr = std::io::stderr();
    stderr.write_all(format!("{sentence}\n").as_bytes()).expect("standard error is open");
}
