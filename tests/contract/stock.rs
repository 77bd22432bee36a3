//! The policies that import nothing, called by the stock `wasmtime` command line: the shortest test
//! of a policy alone, and the one that the README shows.

use overlord::sandbox::cases::{Case, parse};

use crate::tools::{text_of, wasmtime};

/// What `wasmtime run --invoke CALL target/components/NAME.wasm` prints.
#[track_caller]
fn invoke(name: &str, call: &str) -> String {
    let output = wasmtime(["run", "--invoke", call, &format!("target/components/{name}.wasm")]);
    text_of(&output).trim_end().to_owned()
}

/// The cases of a component, as its author wrote them.
fn cases(name: &str) -> Vec<Case> {
    let folder = overlord_tests::host::checkout().join("components").join(name).join("cases");
    let files = std::fs::read_dir(folder).expect("the cases are part of the checkout");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("text"));
    texts.flat_map(|text| parse(&text).expect("the cases can be read")).collect()
}

#[test]
fn the_limiter_decides_on_the_command_line() {
    let asked = |cell: &str| {
        format!(
            r#"admit([("max","1")], {{caller:{{user:"alice",roles:[]}},now:1000000,running:0,waiting:0,facts:[]}}, {cell})"#
        )
    };
    let first = invoke("limit-window", &asked("[]"));
    let remembered =
        first.strip_prefix("ok({verdict: admit, cell: some(").and_then(|rest| rest.strip_suffix(")})"));
    let again = invoke("limit-window", &asked(remembered.expect("it admits, and remembers")));
    assert_eq!(
        again,
        r#"ok({verdict: refuse({event: "rate_limited", message: "Rate limit exceeded; retry in 3601s", retry-after-s: some(3601)})})"#
    );
}

#[test]
fn what_the_command_line_issues_the_command_line_admits() {
    let issued = invoke(
        "auth-cookie",
        r#"issue([("secret", "s")], {user: "alice", roles: ["admin"]}, 1700000000000)"#,
    );
    let value = issued.split('"').nth(3).expect("name and value are text");
    let call = format!(
        r#"authenticate([("secret", "s")], {{method: "GET", path: "/", headers: [], cookies: [{{name: "session", value: "{value}"}}], peer: "::1"}}, 1700000001000)"#
    );
    assert_eq!(invoke("auth-cookie", &call), r#"ok(admitted({user: "alice", roles: ["admin"]}))"#);
}

#[test]
fn a_line_is_written_on_the_command_line() {
    let call = r#"format([], {name: "ask_start", at: 1700000000000, fields: [{name: "user", value: text("Ægir")}]})"#;
    let line =
        r#"ok("{\"event\": \"ask_start\", \"user\": \"Ægir\", \"timestamp\": \"2023-11-14T22:13:20Z\"}")"#;
    assert_eq!(invoke("audit-jsonl", call), line);
}

#[test]
fn every_case_of_the_limiter_and_of_audit_and_auth_holds_on_the_command_line() {
    for name in [
        "limit-window",
        "limit-bucket",
        "limit-quota",
        "audit-jsonl",
        "audit-ecs",
        "audit-cef",
        "auth-cookie",
        "auth-jwt",
        "auth-proxy",
    ] {
        let cases = cases(name);
        assert!(cases.len() >= 10, "{name} has {} cases", cases.len());
        for case in cases {
            // The way in which WAVE is written is free; the stock command line has one.
            let (found, expected) = (invoke(name, &case.call), case.expect.replace("\\'", "'"));
            assert_eq!(found.replace("\\'", "'"), expected, "{name}: {}", case.name);
        }
    }
}

#[test]
fn the_form_of_a_limiters_cells_is_told_on_the_command_line() {
    assert_eq!(invoke("limit-bucket", "form()"), r#""bucket-1""#);
    assert_eq!(invoke("limit-quota", "form()"), r#""quota-1""#);
}

#[test]
fn a_policy_that_wants_something_is_refused_by_the_stock_command_line() {
    let call = r#"sessions([("cwd", "/w")], 1)"#;
    let output = wasmtime(["run", "--invoke", call, "target/components/history-claude.wasm"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("overlord:policy/files@0.1.0"));
}

#[test]
fn each_call_that_the_readme_shows_works_as_it_stands() {
    let readme =
        std::fs::read_to_string(overlord_tests::host::checkout().join("README.md")).expect("there is one");
    let calls: Vec<_> =
        readme.lines().filter_map(|line| line.trim().strip_prefix("target/tools/wasmtime ")).collect();
    assert!(calls.len() >= 2, "the README shows {} calls", calls.len());
    let mut shown = 0;
    for call in calls {
        let quoted: Vec<_> = call.split('\'').collect();
        let [before, invoked, after] = quoted[..] else { panic!("one argument is quoted: {call}") };
        let words = before.split_whitespace().chain([invoked]).chain(after.split_whitespace());
        let answer = text_of(&wasmtime(words)).trim_end().to_owned();
        assert!(answer.starts_with("ok("), "{call}: {answer}");
        shown += usize::from(readme.contains(&format!("`{answer}`")));
    }
    assert!(shown >= 1, "no answer that the README shows is the one that comes");
}
