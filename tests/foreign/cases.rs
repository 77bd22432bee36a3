//! The promise: what holds for the components in Rust, case by case, holds for those in JavaScript and in
//! Python, to the byte of a cell and of a line.

use overlord::sandbox::cases::parse;
use overlord::sandbox::{Audit, Instances, Limit, LoadError, SlotName, Terms};

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

#[tokio::test]
async fn the_one_that_imports_wasi_needs_the_slot_to_say_so() {
    let bytes = Made::PythonAuditWithWasi.bytes();
    let refused = loader().load::<Audit>("audit-python-wasi", &bytes, Terms::default()).await;
    let Err(error) = refused else { panic!("it loads") };
    assert!(matches!(error, LoadError::Import { slot: SlotName::Audit, .. }), "{error:?}");
    assert!(error.to_string().contains("set `wasi = \"empty\"` for the slot"), "{error}");
}
