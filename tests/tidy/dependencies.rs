//! Licences and sources of all that the project is built from, as deny.toml has them. Knows no
//! licence by name; advisories are `advisories`' own.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::checkout;
use crate::nothing_found;

/// deny.toml. A key that is not read here is refused: a rule that nobody checks is none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    graph: Graph,
    licenses: Licenses,
    /// What is known and does not concern us.
    pub advisories: Advisories,
    sources: Sources,
}

/// Which advisories are passed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisories {
    /// These.
    pub ignore: Vec<Ignored>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    /// Its number.
    pub id: String,
    /// Why.
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: Verdict,
    unknown_git: Verdict,
}

/// The only one that is understood here.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Deny,
}

/// What cargo says about the project.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolved,
}

#[derive(Debug, Deserialize)]
struct Resolved {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

/// Cargo.lock.
#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

/// A package that Cargo.lock pins.
#[derive(Debug, Deserialize)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: semver::Version,
    /// Where it comes from; none for the project's own.
    pub source: Option<String>,
    checksum: Option<String>,
}

#[test]
fn every_licence_is_an_allowed_one_and_each_of_those_is_needed() {
    let deny = deny();
    let allowed: Vec<Licensee> = deny
        .licenses
        .allow
        .iter()
        .map(|name| Licensee::parse(name).unwrap_or_else(|error| panic!("deny.toml allows {name}: {error}")))
        .collect();
    let mut needed = BTreeSet::new();
    let mut found = Vec::new();
    for package in built(&deny.graph.targets) {
        let about = format!("{} {}", package.name, package.version);
        let Some(license) = package.license else {
            found.push(format!("{about} names no licence"));
            continue;
        };
        // `MIT/Apache-2.0` is how crates wrote it before they took to SPDX.
        match Expression::parse_mode(&license, ParseMode::LAX) {
            Err(error) => found.push(format!("{about}: {license}: {}", error.reason)),
            Ok(expression) => match expression.minimized_requirements(&allowed) {
                Ok(least) => needed.extend(least.into_iter().map(|wanted| wanted.to_string())),
                Err(_) => found.push(format!("{about}: {license}")),
            },
        }
    }
    nothing_found("whatever is built in has a licence that deny.toml allows", &found);
    let idle: Vec<_> = deny.licenses.allow.into_iter().filter(|name| !needed.contains(name)).collect();
    nothing_found("a licence that nothing needs is taken off deny.toml", &idle);
}

#[test]
fn everything_comes_from_one_registry_and_is_pinned_by_content() {
    let sources = deny().sources;
    assert_eq!((sources.unknown_registry, sources.unknown_git), (Verdict::Deny, Verdict::Deny));
    let own: BTreeSet<_> = checkout::files("toml")
        .into_iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
        .map(|file| package_name(&file.text).unwrap_or_else(|| panic!("{} names no package", file.path)))
        .collect();
    let mut registries = BTreeSet::new();
    let mut found = Vec::new();
    for package in locked() {
        let about = format!("{} {}", package.name, package.version);
        match package.source {
            None if own.contains(&package.name) => {}
            None => found.push(format!("{about} lies on this disk and is none of the project's own")),
            Some(source) if source.starts_with("registry+") && package.checksum.is_some() => {
                registries.insert(source);
            }
            Some(source) => found.push(format!("{about} comes from {source}, with no content to compare")),
        }
    }
    nothing_found("a dependency comes from the registry, pinned by its content", &found);
    assert_eq!(registries.len(), 1, "there is one registry: {registries:?}");
}

#[test]
fn every_version_is_written_in_one_place() {
    let found: Vec<_> = checkout::files("toml")
        .into_iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
        .flat_map(|file| {
            let table: toml::Table =
                file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
            let mut found = Vec::new();
            scattered(&table, &file.path, &mut found);
            found
        })
        .collect();
    nothing_found(
        "versions of dependencies stand in the workspace's Cargo.toml, each with its reason",
        &found,
    );
}

/// deny.toml, as far as it is understood; all of it, or it is an error.
#[track_caller]
pub fn deny() -> Deny {
    toml::from_str(&checkout::read("deny.toml")).unwrap_or_else(|error| panic!("deny.toml: {error}"))
}

/// All that Cargo.lock pins.
#[track_caller]
pub fn locked() -> Vec<Locked> {
    let lock: Lock =
        toml::from_str(&checkout::read("Cargo.lock")).unwrap_or_else(|error| panic!("Cargo.lock: {error}"));
    lock.package
}

/// What is built for `targets`: cargo leaves out what only other platforms need.
fn built(targets: &[String]) -> Vec<Package> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--locked", "--format-version", "1"]).current_dir(checkout::root());
    for target in targets {
        command.args(["--filter-platform", target]);
    }
    let output = command.output().expect("cargo runs these tests, so it can be run");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let used: BTreeSet<_> = metadata.resolve.nodes.into_iter().map(|node| node.id).collect();
    metadata.packages.into_iter().filter(|package| used.contains(&package.id)).collect()
}

/// Dependencies in `table` that say a version or a repository of their own.
fn scattered(table: &toml::Table, path: &str, found: &mut Vec<String>) {
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if !key.ends_with("dependencies") {
            scattered(inner, path, found);
            continue;
        }
        for (name, value) in inner {
            let own = value.as_table().is_some_and(|table| {
                table.get("workspace").and_then(toml::Value::as_bool) == Some(true)
                    || (table.contains_key("path") && !table.contains_key("version"))
            });
            if !own {
                found.push(format!("{path}: {name} = {value}"));
            }
        }
    }
}

fn package_name(manifest: &str) -> Option<String> {
    let table: toml::Table = manifest.parse().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.to_owned())
}
