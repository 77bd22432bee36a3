//! What the documents say that can be looked up: where their links lead, which decisions there are,
//! which variables. Whether it is well said is for readers.

use std::collections::BTreeSet;
use std::path::Path;

use crate::checkout;
use crate::nothing_found;

/// The folder of decisions.
const DECISIONS: &str = "docs/decisions";

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut found = Vec::new();
    for path in documents() {
        let text = checkout::read(&path);
        let folder = Path::new(&path).parent().expect("a file lies in a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let there = if file.is_empty() { Path::new(&path).to_owned() } else { folder.join(file) };
            let exists = checkout::root().join(&there).exists();
            if !exists || !heading.is_empty() && !headings(&there).contains(heading) {
                found.push(format!("{path}: {link}"));
            }
        }
    }
    nothing_found("a link leads to a file of the checkout, and to a heading that it has", &found);
}

#[test]
fn decisions_are_numbered_without_a_gap_and_listed() {
    let list = checkout::read(&format!("{DECISIONS}/README.md"));
    let names: Vec<_> = names_in(DECISIONS).into_iter().filter(|name| name != "README.md").collect();
    let mut found = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let number = format!("{:04}", place + 1);
        let title = checkout::read(&format!("{DECISIONS}/{name}"));
        if !name.starts_with(&format!("{number}-")) || !title.starts_with(&format!("# {number}: ")) {
            found.push(format!("{name}: expected the number {number} in its name and its title"));
        }
        if !list.contains(&format!("[{number}]({name})")) {
            found.push(format!("{name}: not in {DECISIONS}/README.md"));
        }
    }
    nothing_found("decisions are numbered from 0001 on, and the list has them all", &found);
}

#[test]
fn documents_name_no_variable_that_there_is_not() {
    let known = variables();
    let mut found = Vec::new();
    for path in documents() {
        let text = checkout::read(&path);
        for rest in text.split("OVERLORD_").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            // `OVERLORD_` alone speaks of all of them; a setting's name is its component's.
            if !name.is_empty() && !known.contains(&name) && !name.contains("_SETTINGS_") {
                found.push(format!("{path}: OVERLORD_{name}"));
            }
        }
    }
    nothing_found("a variable in a document is one that the host takes", &found);
}

/// All documents, by path from the checkout on.
fn documents() -> Vec<String> {
    let mut paths = Vec::new();
    for folder in ["", "docs", DECISIONS] {
        let names = names_in(folder)
            .into_iter()
            .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"));
        paths.extend(names.map(|name| Path::new(folder).join(name).display().to_string()));
    }
    assert!(paths.iter().any(|path| path == "README.md"), "there is no README.md among {paths:?}");
    paths
}

/// The names in a folder, in order.
fn names_in(folder: &str) -> Vec<String> {
    let entries =
        std::fs::read_dir(checkout::root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut names: Vec<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The headings of a document as links name them: lower case, words joined by `-`.
fn headings(document: &Path) -> BTreeSet<String> {
    let text = checkout::read(&document.display().to_string());
    let lines = text.lines().filter_map(|line| line.strip_prefix('#'));
    lines
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// What follows `OVERLORD_` in the host's variables, from the table of its keys.
fn variables() -> BTreeSet<String> {
    let table: String = checkout::files("rs")
        .into_iter()
        .filter(|file| file.path.starts_with("host/overlord/src/config/table"))
        .map(|file| file.text)
        .collect();
    let mut names = BTreeSet::from(["CONFIG".to_owned()]);
    for start in ["path: \"", "component(\"", "instances(\"", "wasi(\""] {
        for key in table.split(start).skip(1).filter_map(|rest| rest.split('"').next()) {
            names.insert(key.replace('.', "_").to_uppercase());
        }
    }
    assert!(
        names.contains("LISTEN") && names.contains("AGENT_COMPONENT"),
        "the table reads otherwise: {names:?}"
    );
    names
}

#[test]
fn headings_are_what_links_name() {
    let headings = headings(Path::new("ARCHITECTURE.md"));
    assert!(headings.contains("the-way-of-a-question") && headings.contains("limits"), "{headings:?}");
}
