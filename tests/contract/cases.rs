//! The cases that a component carries are run before it serves: one that does not hold, cannot be
//! read or is one too many keeps it out, and the refusal names the case.

use overlord::sandbox::cases::CaseError;
use overlord::sandbox::{Limit, LoadError, Loaded, SlotName, Terms};

use crate::forge::{component, contract, counting_limiter, limiter_module};
use crate::stage::{COMPONENTS, built, forgetful_loader, loader, terms};

/// A call that a made-up limiter admits.
const CALL: &str =
    r#"admit([], {caller: {user: "alice", roles: []}, now: 1, running: 0, waiting: 0, facts: []}, [])"#;

/// What it answers.
const ADMITTED: &str = "ok({verdict: admit, cell: none})";

async fn load(body: &str, cases: &str) -> Result<Loaded<Limit>, LoadError> {
    let bytes = component(&contract(), "limit-policy", &limiter_module(body), Some(cases));
    forgetful_loader().load("made-up", &bytes, Terms::default()).await
}

/// Why a limiter with this body and these cases is refused.
async fn refusal(body: &str, cases: &str) -> (CaseError, String) {
    match load(body, cases).await {
        Err(LoadError::Case(error)) => {
            let said = error.to_string();
            (error, said)
        }
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(loaded) => panic!("it loads, with {} cases", loaded.cases),
    }
}

fn case(name: &str, call: &str, expect: &str) -> String {
    format!("[[case]]\nname = '{name}'\ncall = '''{call}'''\nexpect = '''{expect}'''\n")
}

#[track_caller]
fn assert_says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
    }
}

#[tokio::test]
async fn each_component_of_the_project_carries_cases_and_keeps_to_them() {
    for name in COMPONENTS {
        // What their slots cannot do without.
        let settings: &[_] = match name {
            "auth-cookie" => &[("secret", "secret")],
            "auth-jwt" => &[("secret", "secret"), ("key", "HS256 text:0123456789abcdef0123456789abcdef")],
            "auth-proxy" => &[("secret", "secret"), ("peers", "10.0.0.1")],
            "history-claude" => &[("cwd", "/w")],
            "limit-quota" => &[("day", "1")],
            _ => &[],
        };
        let (bytes, terms) = (built(name), terms(settings));
        let slot = SlotName::ALL.into_iter().find(|slot| name.starts_with(slot.as_str())).expect("a slot");
        let found = overlord::generation::Candidate::load(&loader(), slot, name, &bytes, terms).await;
        let (_, cases) = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(cases >= 5, "{name} carries {cases} cases");
    }
}

#[tokio::test]
async fn cases_that_hold_are_counted() {
    assert_eq!(load("", "").await.expect("none is fine").cases, 0);
    let two = case("one", CALL, ADMITTED) + &case("two", CALL, ADMITTED);
    assert_eq!(load("", &two).await.expect("they hold").cases, 2);
}

#[tokio::test]
async fn without_any_there_is_nothing_to_hold() {
    let bytes = crate::forge::limiter("");
    let loaded: Loaded<Limit> =
        forgetful_loader().load("made-up", &bytes, Terms::default()).await.expect("it fits");
    assert_eq!(loaded.cases, 0);
}

#[tokio::test]
async fn a_case_that_does_not_hold_is_named_with_both_values() {
    let cases =
        case("it admits", CALL, ADMITTED) + &case("it says wait", CALL, "ok({verdict: wait, cell: none})");
    let (error, said) = refusal("", &cases).await;
    assert!(matches!(error, CaseError::Differs { .. }), "{error:?}");
    assert_says(
        &said,
        &[
            "its case \"it says wait\" does not hold",
            "expected ok({verdict: wait",
            "found ok({verdict: admit",
        ],
    );
}

#[tokio::test]
async fn a_case_that_traps_is_named() {
    let (error, said) = refusal("unreachable", &case("a question", CALL, ADMITTED)).await;
    assert!(matches!(error, CaseError::Broken { .. }), "{error:?}");
    assert_says(&said, &["its case \"a question\" breaks", "unreachable", "; in admit"]);
}

#[tokio::test]
async fn a_case_that_loops_is_named() {
    let (error, said) = refusal("(loop $l (br $l))", &case("a question", CALL, ADMITTED)).await;
    assert!(matches!(error, CaseError::Broken { .. }), "{error:?}");
    assert_says(&said, &["its case \"a question\" breaks", "it computed for longer than 1s"]);
}

#[tokio::test]
async fn a_call_that_is_none_is_named() {
    for call in [" ", "admit(", "admit()", "admit([], 1, [])", "decide([])", "\u{0}", &"(".repeat(100_000)] {
        let cases = format!("[[case]]\nname = 'odd'\ncall = {call:?}\nexpect = '{ADMITTED}'\n")
            .replace("\\0", "\\u0000");
        let (error, said) = refusal("", &cases).await;
        assert!(matches!(error, CaseError::Call { .. }), "{call}: {error:?}");
        assert_says(&said, &["its case \"odd\" cannot be called"]);
    }
}

#[tokio::test]
async fn an_expectation_that_is_none_is_named() {
    for expect in [" ", "ok", "ok(", "ok({verdict: perhaps, cell: none})", "err(1)"] {
        let (error, said) = refusal("", &case("odd", CALL, expect)).await;
        assert!(matches!(error, CaseError::Call { .. }), "{expect}: {error:?}");
        assert_says(&said, &["its case \"odd\" cannot be called", "`expect`"]);
    }
}

#[tokio::test]
async fn cases_that_cannot_be_read_are_refused() {
    let good = case("one", CALL, ADMITTED);
    let unknown = format!("{good}files_ = 1\n");
    let cut_off = &good[..good.len() - 5];
    for cases in ["[[case]]", "case = 1", "[[cases]]", "\u{1}", &unknown, cut_off] {
        let (error, said) = refusal("", cases).await;
        assert!(matches!(error, CaseError::Unreadable(_)), "{cases}: {error:?}");
        assert_says(&said, &["its cases cannot be read"]);
    }
}

#[tokio::test]
async fn cases_that_are_no_text_are_refused() {
    let mut bytes = component(&contract(), "limit-policy", &limiter_module(""), Some("# text"));
    let at = bytes.windows(6).position(|part| part == b"# text").expect("the cases are in it");
    bytes[at] = 0xff;
    let outcome: Result<Loaded<Limit>, _> =
        forgetful_loader().load("made-up", &bytes, Terms::default()).await;
    let Err(error @ LoadError::Package(_)) = outcome else { panic!("{outcome:?}") };
    assert_says(&error.to_string(), &["`overlord:cases` is not UTF-8"]);
}

#[tokio::test]
async fn at_most_500_cases_are_run() {
    let good = case("one", CALL, ADMITTED);
    assert_eq!(load("", &good.repeat(500)).await.expect("they hold").cases, 500);
    let (error, said) = refusal("", &good.repeat(501)).await;
    assert!(matches!(error, CaseError::TooMany(501)), "{error:?}");
    assert_says(&said, &["it carries 501 cases", "at most 500"]);
}

#[tokio::test]
async fn each_case_has_an_instance_of_its_own() {
    // It tells how often its instance was called: once, whichever case asks.
    let first = "ok({verdict: refuse({event: \"\", message: \"\", retry-after-s: some(1)}), cell: none})";
    let module = counting_limiter("");
    let counted = case("first", CALL, first) + &case("second", CALL, first);
    let mut bytes = module;
    let section = component("package a:b;\nworld w {}\n", "w", "(module)", Some(&counted));
    // The cases are the first section of a component: all of it is moved over.
    let length = section.len() - component("package a:b;\nworld w {}\n", "w", "(module)", None).len();
    bytes.splice(8..8, section[8..8 + length].iter().copied());
    let loaded: Loaded<Limit> =
        forgetful_loader().load("made-up", &bytes, Terms::default()).await.expect("both hold");
    assert_eq!(loaded.cases, 2);
}
