//! What does not fit its slot never serves: each way of not fitting has a refusal of its own, and its
//! sentence says what was expected and what was found.

use overlord::sandbox::{
    Agent, Audit, Auth, History, Limit, LoadError, Loaded, SlotName, Terms, Wasi, World,
};

use crate::forge::{component, contract, contract_but, limiter, limiter_module};
use crate::stage::{COMPONENTS, built, forgetful_loader, loader, terms};

/// Loads as the host does before it publishes.
async fn load<W: World>(bytes: &[u8], terms: Terms) -> Result<Loaded<W>, LoadError> {
    forgetful_loader().load("made-up", bytes, terms).await
}

/// The refusal of a component for the slot of the limiter.
async fn refusal(bytes: &[u8]) -> LoadError {
    match load::<Limit>(bytes, Terms::default()).await {
        Err(error) => error,
        Ok(_) => panic!("it loads"),
    }
}

#[track_caller]
fn assert_says(error: &LoadError, words: &[&str]) {
    let sentence = error.to_string();
    for word in words {
        assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
    }
    assert!(!sentence.contains('\n'), "a log line is one line: {sentence:?}");
}

#[tokio::test]
async fn each_component_fits_the_slot_that_it_is_made_for_and_no_other() {
    for name in COMPONENTS {
        let bytes = built(name);
        for slot in SlotName::ALL {
            let loader = loader();
            let outcome = match slot {
                SlotName::Auth => loader.prepare::<Auth>(name, &bytes, Terms::default()).await.map(drop),
                SlotName::Limit => loader.prepare::<Limit>(name, &bytes, Terms::default()).await.map(drop),
                SlotName::History => {
                    loader.prepare::<History>(name, &bytes, Terms::default()).await.map(drop)
                }
                SlotName::Audit => loader.prepare::<Audit>(name, &bytes, Terms::default()).await.map(drop),
                SlotName::Agent => loader.prepare::<Agent>(name, &bytes, Terms::default()).await.map(drop),
            };
            match outcome {
                Ok(()) => assert!(name.starts_with(slot.as_str()), "{name} fits the slot {slot}"),
                Err(LoadError::Export { .. } | LoadError::Import { .. }) => {
                    assert!(!name.starts_with(slot.as_str()), "{name} does not fit the slot {slot}");
                }
                Err(other) => panic!("{name} in the slot {slot}: {other}"),
            }
        }
    }
}

#[tokio::test]
async fn another_worlds_component_is_told_what_was_expected_and_what_was_found() {
    let error = refusal(&built("audit-jsonl")).await;
    assert!(matches!(error, LoadError::Export { slot: SlotName::Limit, .. }), "{error:?}");
    assert_says(
        &error,
        &[
            "does not export `overlord:policy/limiter@0.1.0`",
            "the world `limit-policy` of the slot `limit`",
            "it exports `overlord:policy/audit@0.1.0`",
        ],
    );
}

#[tokio::test]
async fn a_component_that_offers_nothing_is_told_so() {
    let nothing = component("package a:b;\nworld w {}\n", "w", "(module)", None);
    assert_says(
        &refusal(&nothing).await,
        &["does not export `overlord:policy/limiter@0.1.0`", "it exports nothing"],
    );
}

#[tokio::test]
async fn an_import_that_the_slot_does_not_grant_is_named() {
    let contract = contract_but(
        "world limit-policy { export limiter; }",
        "world limit-policy { import files; export limiter; }",
    );
    let open = r#"(import "overlord:policy/files@0.1.0" "open" (func (param i32 i32 i32)))"#;
    let module = limiter_module("").replacen("(module", &format!("(module {open}"), 1);
    let error = refusal(&component(&contract, "limit-policy", &module, None)).await;
    assert!(matches!(error, LoadError::Import { slot: SlotName::Limit, .. }), "{error:?}");
    assert_says(
        &error,
        &[
            "it imports `overlord:policy/files@0.1.0`",
            "the world `limit-policy` of the slot `limit` does not grant",
            "granted: `overlord:policy/types`",
        ],
    );
}

#[tokio::test]
async fn a_record_of_another_shape_is_told_what_was_expected_and_what_was_found() {
    let contract = contract_but(
        "    /// How many of the caller's questions wait their turn before this one.\n    waiting: u32,\n",
        "",
    );
    let module = limiter_module("").replace("(param $waiting i32) ", "");
    let error = refusal(&component(&contract, "limit-policy", &module, None)).await;
    assert!(matches!(error, LoadError::Shape { world: "limit-policy", .. }), "{error:?}");
    assert_says(
        &error,
        &["does not fit the world `limit-policy`", "expected record of 5 fields, found 4 fields"],
    );
}

#[tokio::test]
async fn another_type_of_a_field_is_told() {
    let contract = contract_but("    retry-after-s: option<u32>,", "    retry-after-s: option<s32>,");
    let error = refusal(&component(&contract, "limit-policy", &limiter_module(""), None)).await;
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
    assert_says(&error, &["expected `u32` found `s32`"]);
}

#[tokio::test]
async fn a_function_that_is_missing_is_named() {
    let contract = contract_but(
        "  admit: func(settings: settings, demand: demand, cell: list<u8>) -> result<outcome, fault>;",
        "  decide: func(settings: settings, demand: demand, cell: list<u8>) -> result<outcome, fault>;",
    );
    let module = limiter_module("").replace("#admit", "#decide");
    let error = refusal(&component(&contract, "limit-policy", &module, None)).await;
    assert!(matches!(error, LoadError::Shape { .. }), "{error:?}");
    assert_says(&error, &["admit"]);
}

#[tokio::test]
async fn another_version_of_the_contract_is_another_world() {
    let contract = contract().replace("overlord:policy@0.1.0", "overlord:policy@0.2.0");
    let module = limiter_module("").replace("@0.1.0", "@0.2.0");
    let error = refusal(&component(&contract, "limit-policy", &module, None)).await;
    assert!(matches!(error, LoadError::Export { .. }), "{error:?}");
    assert_says(
        &error,
        &["does not export `overlord:policy/limiter@0.1.0`", "it exports `overlord:policy/limiter@0.2.0`"],
    );
}

#[tokio::test]
async fn a_core_module_is_told_how_to_become_a_component() {
    let module = wat::parse_str(limiter_module("")).expect("it is a module");
    let error = refusal(&module).await;
    assert!(matches!(error, LoadError::Package(_)), "{error:?}");
    assert_says(&error, &["this is a core module", "overlord component new"]);
}

#[tokio::test]
async fn what_is_no_wasm_is_told_so() {
    for bytes in [&b""[..], b"\0", b"\0asm", b"#!/bin/sh\nexit 0\n", b"\x7fELF\x02\x01\x01", &[0xff; 4096]] {
        let error = refusal(bytes).await;
        assert!(matches!(error, LoadError::Package(_)), "{bytes:?}: {error:?}");
        assert_says(&error, &["this is no WebAssembly"]);
    }
}

#[tokio::test]
async fn a_component_with_a_damaged_byte_never_stops_the_host() {
    let good = built("limit-window");
    let mut random = fastrand::Rng::with_seed(7);
    let mut refused = 0;
    for _ in 0..200 {
        let mut bytes = good.clone();
        let at = random.usize(8..bytes.len());
        bytes[at] ^= 1 << random.u8(..8);
        // What is loaded all the same has kept to its own cases.
        refused += u32::from(load::<Limit>(&bytes, Terms::default()).await.is_err());
    }
    assert!(refused > 0, "each of them loads");
}

#[tokio::test]
async fn a_component_that_is_cut_off_never_serves_as_less_than_it_is() {
    for name in ["limit-window", "audit-jsonl"] {
        let bytes = built(name);
        let whole = load_any(name, &bytes).await.expect("it is whole");
        assert!(whole > 0, "{name} carries its cases");
        let steps = (0..bytes.len()).step_by(997);
        for end in steps.chain(section_ends(&bytes)).chain([bytes.len() - 1]) {
            if let Ok(cases) = load_any(name, &bytes[..end]).await {
                assert_eq!(cases, whole, "{name}, cut off after {end} of {} bytes", bytes.len());
            }
        }
    }
}

#[tokio::test]
async fn a_component_that_is_cut_off_within_a_section_is_refused() {
    for name in COMPONENTS {
        let bytes = built(name);
        let ends = section_ends(&bytes);
        let within = ends.iter().map(|end| end + 1).chain(ends.iter().skip(1).map(|end| end - 1));
        for end in within.filter(|end| *end < bytes.len()) {
            let error = load_any(name, &bytes[..end]).await.expect_err(name);
            assert!(
                matches!(error, LoadError::Damaged(_) | LoadError::Package(_)),
                "{name}, cut off after {end} of {} bytes: {error:?}",
                bytes.len()
            );
        }
    }
}

#[tokio::test]
async fn a_file_is_looked_at_up_to_64_mib() {
    const MAX: usize = 64 << 20;
    let padded = |length: usize| {
        let mut bytes = limiter("");
        // A custom section of zeros: its id, its length in five bytes, an empty name.
        let rest = u32::try_from(length - bytes.len() - 6).expect("it is less than 4 GiB");
        bytes.push(0);
        bytes.extend([0, 7, 14, 21].map(|shift| (rest >> shift).to_le_bytes()[0] | 0x80));
        bytes.extend([(rest >> 28).to_le_bytes()[0]]);
        bytes.resize(length, 0);
        bytes
    };
    load::<Limit>(&padded(MAX), Terms::default()).await.expect("it is as large as one may be");
    for length in [MAX + 1, 100 << 20] {
        let error = refusal(&padded(length)).await;
        assert!(matches!(error, LoadError::TooLarge(found) if found == length as u64), "{error:?}");
        assert_says(&error, &[&format!("it has {length} bytes"), "a component may have 67108864"]);
    }
}

#[tokio::test]
async fn a_component_that_traps_while_it_starts_is_refused() {
    let start = "(func $begin unreachable) (start $begin)";
    let module = limiter_module("").replacen("(func $admit", &format!("{start} (func $admit"), 1);
    let error = refusal(&component(&contract(), "limit-policy", &module, None)).await;
    assert!(matches!(error, LoadError::Start(_)), "{error:?}");
    assert_says(&error, &["it cannot be started", "unreachable", "; in begin"]);
}

#[tokio::test]
async fn a_component_that_never_finishes_starting_is_refused() {
    let start = "(func $begin (loop $for_ever (br $for_ever))) (start $begin)";
    let module = limiter_module("").replacen("(func $admit", &format!("{start} (func $admit"), 1);
    let error = refusal(&component(&contract(), "limit-policy", &module, None)).await;
    assert!(matches!(error, LoadError::Start(_)), "{error:?}");
    assert_says(&error, &["it cannot be started", "it computed for longer than 1s and was stopped"]);
}

#[tokio::test]
async fn a_component_that_begins_with_more_memory_than_allowed_is_refused() {
    let with = |pages: u32| {
        let memory = format!(r#"(memory (export "memory") {pages})"#);
        let module = limiter_module("").replacen(r#"(memory (export "memory") 1)"#, &memory, 1);
        component(&contract(), "limit-policy", &module, None)
    };
    load::<Limit>(&with(1024), Terms::default()).await.expect("64 MiB are allowed");
    let error = refusal(&with(1025)).await;
    assert!(matches!(error, LoadError::Start(_)), "{error:?}");
    assert_says(&error, &["it cannot be started", "more than its 64 MiB of memory"]);
    let error = refusal(&with(65536)).await;
    assert_says(&error, &["memory"]);
}

#[tokio::test]
async fn a_component_that_begins_with_a_table_larger_than_the_pools_is_refused() {
    let with = |elements: u32| {
        let table = format!("(table {elements} funcref)");
        let module = limiter_module("").replacen("(func $admit", &format!("{table} (func $admit"), 1);
        component(&contract(), "limit-policy", &module, None)
    };
    load::<Limit>(&with(65536), Terms::default()).await.expect("65,536 elements are allowed");
    assert_says(&refusal(&with(65537)).await, &["table"]);
}

#[tokio::test]
async fn wasi_is_refused_where_it_is_not_granted() {
    let bytes = crate::empty_wasi::printing_audit("hello\n");
    let Err(error) = load::<Audit>(&bytes, terms(&[])).await else { panic!("it loads") };
    assert!(matches!(error, LoadError::Import { slot: SlotName::Audit, .. }), "{error:?}");
    assert_says(&error, &["it imports `wasi:", "set `wasi = \"empty\"` for the slot"]);
    let granted = Terms { wasi: Wasi::Empty, ..Terms::default() };
    load::<Audit>(&bytes, granted).await.expect("it is granted");
}

#[tokio::test]
async fn an_invented_wasi_is_refused_even_where_wasi_is_granted() {
    let contract = contract_but(
        "world limit-policy { export limiter; }",
        "world limit-policy { import wasi: interface { everything: func(); } export limiter; }",
    );
    let import = r#"(import "wasi" "everything" (func))"#;
    let module = limiter_module("").replacen("(module", &format!("(module {import}"), 1);
    let bytes = component(&contract, "limit-policy", &module, None);
    let granted = Terms { wasi: Wasi::Empty, ..Terms::default() };
    let Err(error) = load::<Limit>(&bytes, granted).await else { panic!("it loads") };
    assert!(matches!(error, LoadError::Import { .. }), "{error:?}");
}

/// How many cases a component of the project carries, if it may serve.
async fn load_any(name: &str, bytes: &[u8]) -> Result<usize, LoadError> {
    Ok(match name.split('-').next() {
        Some("limit") => load::<Limit>(bytes, Terms::default()).await?.cases,
        Some("audit") => load::<Audit>(bytes, Terms::default()).await?.cases,
        Some("auth") => load::<Auth>(bytes, Terms::default()).await?.cases,
        Some("history") => load::<History>(bytes, Terms::default()).await?.cases,
        _ => load::<Agent>(bytes, Terms::default()).await?.cases,
    })
}

/// Where the sections of a component end, the preamble first and the whole file left out.
fn section_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    let mut at = 8;
    while at < bytes.len() {
        let (mut length, mut shift) = (0, 0);
        loop {
            at += 1;
            length |= usize::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            if bytes[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + length;
        ends.push(at);
    }
    assert_eq!(ends.pop(), Some(bytes.len()), "the sections fill the file");
    ends
}
