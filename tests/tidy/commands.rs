//! The Makefile is the only list of commands: whatever else names one names one of its own.

use crate::checkout;
use crate::nothing_found;

#[test]
fn every_command_is_listed_and_explained() {
    let makefile = checkout::read("Makefile");
    let phony =
        makefile.lines().find_map(|line| line.strip_prefix(".PHONY:")).expect("the Makefile has .PHONY");
    let listed = listed(&makefile);
    // What the others need, and nobody asks for by itself.
    let inner = ["host", "toolchain"];
    let found: Vec<_> = phony
        .split_whitespace()
        .filter(|name| !inner.contains(name) && !listed.iter().any(|listed| listed == name))
        .map(str::to_owned)
        .collect();
    nothing_found(
        "a target of the Makefile has its line `## NAME: what it does`, which `make help` prints",
        &found,
    );
}

#[test]
fn the_readme_names_every_command() {
    let readme = checkout::read("README.md");
    let makefile = checkout::read("Makefile");
    let found: Vec<_> =
        listed(&makefile).into_iter().filter(|name| !readme.contains(&format!("make {name}"))).collect();
    nothing_found("a target of the Makefile stands in the README", &found);
}

#[test]
fn documents_name_no_command_that_there_is_not() {
    let makefile = checkout::read("Makefile");
    let listed = listed(&makefile);
    let mut found = Vec::new();
    for path in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/authors.md", "docs/operators.md", ".ci/run"]
    {
        let text = checkout::read(path);
        // In a document a command stands between backticks or begins a line of a block.
        let starts = ["`make ", "\nmake ", "\n    make ", "\nstep make "];
        for rest in starts.iter().flat_map(|start| text.split(start).skip(1)) {
            let name = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            if !listed.iter().any(|listed| listed == name) {
                found.push(format!("{path}: make {name}"));
            }
        }
    }
    nothing_found("documents and CI name only targets of the Makefile", &found);
}

/// The targets that `make help` prints.
fn listed(makefile: &str) -> Vec<String> {
    let lines = makefile.lines().filter_map(|line| line.strip_prefix("## "));
    let names: Vec<_> = lines.filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect();
    assert!(!names.is_empty(), "the Makefile explains no target");
    names
}
