//! The promise: what holds for the components in Rust, case by case, holds for those in JavaScript and in
//! Python, to the byte of a cell and of a line.

use overlord::sandbox::cases::parse;
use overlord::sandbox::{Audit, Instances, Limit, LoadError, SlotName, Terms};
use overlord_tests::host::{Setup, checkout};

use crate::made::{AUDITS, LIMITERS, Made, case_files, loader};

/// How many cases the component in Rust has.
fn cases_of(original: &str) -> usize {
    let cases = case_files(original).iter().map(|text| parse(text).expect("they can be read").len()).sum();
    assert!(cases >= 10, "{original} has {cases} cases");
    cases
}

#[tokio::test]
async fn each_limiter_keeps_to_every_case_of_limit_window() {
    for made in LIMITERS {
        for instances in [Instances::Fresh, Instances::Warm] {
            let loaded = loader().load::<Limit>(made.name(), &made.bytes(), made.terms(instances)).await;
            let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}", made.name()));
            assert_eq!(loaded.cases, cases_of(made.original()), "{}", made.name());
        }
    }
}

#[tokio::test]
async fn each_audit_keeps_to_every_case_of_audit_jsonl() {
    for made in AUDITS {
        for instances in [Instances::Fresh, Instances::Warm] {
            let loaded = loader().load::<Audit>(made.name(), &made.bytes(), made.terms(instances)).await;
            let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}", made.name()));
            assert_eq!(loaded.cases, cases_of(made.original()), "{}", made.name());
        }
    }
}

/// As authors run them: the same case files from their folder, with the WASI that the slot would grant.
#[test]
fn from_the_command_line_the_cases_hold_with_the_wasi_that_the_component_needs() {
    let setup = Setup::new();
    for (made, wasi) in [(Made::JavaScriptLimiter, "none"), (Made::PythonAuditWithWasi, "empty")] {
        let file = setup.folder().join(format!("{}.wasm", made.name()));
        std::fs::write(&file, made.bytes()).expect("writing a component");
        let cases = checkout().join("components").join(made.original()).join("cases");
        let tried = |wasi: &str| {
            let mut command = setup.command(["component", "test", "--wasi", wasi, "--cases"]);
            command.arg(&cases).arg(&file).output().expect("running overlord")
        };
        let said = tried(wasi);
        let text = String::from_utf8_lossy(&said.stdout);
        let last = format!("{} cases, 0 failed", cases_of(made.original()));
        assert_eq!((said.status.code(), text.lines().last()), (Some(0), Some(last.as_str())), "{text}");
        if wasi == "empty" {
            let said = tried("none");
            let text = String::from_utf8_lossy(&said.stderr);
            assert!(said.status.code() == Some(2) && text.contains("wasi:"), "{text}");
        }
    }
}

#[tokio::test]
async fn the_one_that_imports_wasi_needs_the_slot_to_say_so() {
    let bytes = Made::PythonAuditWithWasi.bytes();
    let refused = loader().load::<Audit>("audit-python-wasi", &bytes, Terms::default()).await;
    let Err(error) = refused else { panic!("it loads") };
    assert!(matches!(error, LoadError::Import { slot: SlotName::Audit, .. }), "{error:?}");
    assert!(error.to_string().contains("set `wasi = \"empty\"` for the slot"), "{error}");
}
