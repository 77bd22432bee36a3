//! What every component has, and the contract that they are all written against.

use wit_parser::{Docs, Resolve, TypeDefKind, WorldItem, WorldKey};

use crate::checkout;
use crate::nothing_found;

/// The file that makes a crate below `components/` a component.
const GUEST: &str = "src/guest.rs";

#[test]
fn every_component_carries_cases() {
    let found: Vec<_> = checkout::folders("components", GUEST)
        .into_iter()
        .filter(|name| {
            let cases = checkout::root().join("components").join(name).join("cases");
            let files = cases.read_dir().map(|files| files.flatten().collect::<Vec<_>>()).unwrap_or_default();
            !files.iter().any(|file| file.path().extension().is_some_and(|extension| extension == "toml"))
        })
        .collect();
    nothing_found("a component has case files, cases/*.toml: the host runs them before it goes live", &found);
}

#[test]
fn every_component_has_a_contract_test() {
    let main = checkout::read("tests/contract/main.rs");
    let found: Vec<_> = checkout::folders("components", GUEST)
        .into_iter()
        .filter(|name| {
            let module = name.replace('-', "_");
            !main.lines().any(|line| line.trim() == format!("mod {module};"))
        })
        .map(|name| format!("{name}: tests/contract/{}.rs", name.replace('-', "_")))
        .collect();
    nothing_found("the real file of every component is tested alone, in tests/contract", &found);
}

#[test]
fn every_line_of_the_contract_is_documented() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(checkout::root().join("wit")).expect("the contract is WIT");
    let mut found = Vec::new();
    let mut look = |docs: &Docs, what: String| {
        if docs.contents.as_deref().is_none_or(|text| text.trim().is_empty()) {
            found.push(what);
        }
    };
    let own = |id: Option<wit_parser::PackageId>| id == Some(package);
    for (_, interface) in resolve.interfaces.iter().filter(|(_, interface)| own(interface.package)) {
        let name = interface.name.as_deref().expect("the contract's interfaces have names");
        look(&interface.docs, format!("interface {name}"));
        for function in interface.functions.values() {
            look(&function.docs, format!("{name}: {}", function.name));
        }
        for id in interface.types.values() {
            let ty = &resolve.types[*id];
            let type_name = format!("{name}: {}", ty.name.as_deref().unwrap_or("a type without a name"));
            match &ty.kind {
                // Imported by `use`: it is documented where it comes from.
                TypeDefKind::Type(wit_parser::Type::Id(_)) if ty.docs.contents.is_none() => continue,
                TypeDefKind::Record(record) => {
                    record
                        .fields
                        .iter()
                        .for_each(|field| look(&field.docs, format!("{type_name}.{}", field.name)));
                }
                TypeDefKind::Variant(variant) => {
                    variant
                        .cases
                        .iter()
                        .for_each(|case| look(&case.docs, format!("{type_name}.{}", case.name)));
                }
                TypeDefKind::Enum(cases) => {
                    cases
                        .cases
                        .iter()
                        .for_each(|case| look(&case.docs, format!("{type_name}.{}", case.name)));
                }
                TypeDefKind::Flags(flags) => {
                    flags
                        .flags
                        .iter()
                        .for_each(|flag| look(&flag.docs, format!("{type_name}.{}", flag.name)));
                }
                _ => {}
            }
            look(&ty.docs, type_name);
        }
    }
    for (_, world) in resolve.worlds.iter().filter(|(_, world)| own(world.package)) {
        look(&world.docs, format!("world {}", world.name));
    }
    assert!(
        resolve.worlds.len() == 6,
        "there are five worlds, one for each kind of component, and one of a limiter that migrates cells"
    );
    nothing_found("everything that the contract names has its `///`", &found);
}

#[test]
fn a_world_is_its_permissions() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(checkout::root().join("wit")).expect("the contract is WIT");
    let mut imports: Vec<_> = resolve
        .worlds
        .iter()
        .filter(|(_, world)| world.package == Some(package))
        .map(|(_, world)| {
            let functions = world.imports.iter().filter_map(|(key, item)| match (key, item) {
                // An interface of types alone lends nothing.
                (WorldKey::Interface(id), WorldItem::Interface { .. })
                    if !resolve.interfaces[*id].functions.is_empty() =>
                {
                    resolve.interfaces[*id].name.clone()
                }
                _ => None,
            });
            format!("{}: {}", world.name, functions.collect::<Vec<_>>().join(" "))
        })
        .collect();
    imports.sort();
    let expected = [
        "agent-adapter: process progress",
        "audit-policy: ",
        "auth-policy: ",
        "history-policy: files",
        "limit-policy-migrating: ",
        "limit-policy: ",
    ];
    assert_eq!(
        imports, expected,
        "what a world imports is what its components may do: nobody widens it in passing"
    );
}
