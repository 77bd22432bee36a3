//! `overlord component check` and `test`: what an author and an operator see of a file before any host
//! does, and the exit codes that a script goes by.

use std::fs;
use std::path::Path;

use overlord_tests::host::{Setup, built};
use serde_json::Value;

use crate::made::{self, Does, broken_at_once, closed_limiter, faulting_limiter, real, with_cases};

/// A case of the closed limiter that holds, one that does not, and one that cannot be called.
const CASES: &str = r#"
[[case]]
name = "nobody may ask"
input = '{caller: {user: "alice", roles: []}, now: 1, running: 0, waiting: 0, facts: []}'
settings = { max = 1, list = ["a", "b"] }
cell = [1, 2]
verdict = 'refuse({event: "rate_limited", message: "closed"})'

[[case]]
name = "somebody may ask"
call = 'admit([], {caller: {user: "alice", roles: []}, now: 1, running: 0, waiting: 0, facts: []}, [])'
expect = 'ok({verdict: refuse({event: "rate_limited", message: "closer"}), cell: none})'

[[case]]
name = "<nonsense>"
call = 'admit()'
expect = 'ok'
"#;

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

fn component(setup: &Setup, arguments: &[&str]) -> Said {
    let ended = setup.command(["component"]).args(arguments).output().expect("running overlord");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { code: ended.status.code(), out: text(ended.stdout), error: text(ended.stderr) }
}

fn file(setup: &Setup, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = setup.folder().join(name);
    fs::write(&path, bytes).expect("writing a file");
    path.display().to_string()
}

#[test]
fn all_cases_are_run_and_the_last_line_counts_them() {
    let setup = Setup::new();
    let closed = file(&setup, "limit-closed.wasm", closed_limiter("closed"));
    let cases = file(&setup, "cases.toml", CASES);
    let xml = setup.folder().join("out.xml").display().to_string();
    let said = component(&setup, &["test", &closed, "--cases", &cases, "--junit", &xml]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(said.out.ends_with("\n3 cases, 2 failed\n"), "{}", said.out);
    let lines: Vec<_> = said.out.lines().map(str::trim).collect();
    for line in ["- expected   + found", "it cannot be called: ", "cases.toml"] {
        assert!(lines.iter().any(|found| found.starts_with(line)), "{line}: {}", said.out);
    }
    let marked =
        said.out.contains("-       message: \"closer\",") || said.out.contains("message: \"closer\"");
    assert!(marked && said.out.contains('^') && !said.out.contains('\u{1b}'), "{}", said.out);
    let report = fs::read_to_string(&xml).expect("a report");
    for part in ["tests=\"3\" failures=\"1\" errors=\"1\"", "name=\"&lt;nonsense&gt;\"", "<failure message="]
    {
        assert!(report.contains(part), "{part}: {report}");
    }

    let said = component(&setup, &["test", &closed, "--cases", &cases, "--filter", "nobody"]);
    assert_eq!((said.code, said.out.ends_with("\n1 case, 0 failed\n")), (Some(0), true), "{}", said.out);
    let said = component(&setup, &["test", &closed, "--cases", &cases, "--json"]);
    let json: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&json["total"], &json["failed"], &json["slot"]), (&3.into(), &2.into(), &"limit".into()));
    assert_eq!(json["cases"][1]["outcome"], "differs");
}

#[test]
fn the_bundled_components_pass_their_own_files_one_by_one_and_as_folders() {
    let setup = Setup::new();
    for name in made::NAMES {
        let wasm = built(&format!("target/components/{name}.wasm")).display().to_string();
        let cases = overlord_tests::host::checkout().join("components").join(name).join("cases");
        let said = component(&setup, &["test", &wasm, "--cases", &cases.display().to_string()]);
        assert_eq!(said.code, Some(0), "{name}: {}{}", said.out, said.error);
        assert!(said.out.ends_with(" cases, 0 failed\n"), "{}", said.out);
    }
}

#[test]
fn what_cannot_be_tested_is_exit_code_two() {
    let setup = Setup::new();
    let closed = file(&setup, "limit-closed.wasm", closed_limiter("closed"));
    let letter = file(&setup, "letter.wasm", "Dear sir");
    let wasi = file(&setup, "wasi.wasm", made::wants_wasi());
    let cases = file(&setup, "cases.toml", CASES);
    let no_case = file(&setup, "no.toml", "[[case]]\nname = 'x'\ncall = 'admit()'\n");
    let both = file(&setup, "both.toml", format!("{CASES}\ninput = '1'\n"));
    let empty = setup.folder().join("empty");
    fs::create_dir(&empty).expect("making a folder");
    for (arguments, words) in [
        (&["test", "/no/such.wasm"][..], "cannot read /no/such.wasm"),
        (&["test", &letter, "--cases", &cases], "this is no WebAssembly"),
        (&["test", &wasi, "--cases", &cases], "none of Overlord's interfaces"),
        (&["test", &closed], "none of 0 cases is to be run"),
        (&["test", &closed, "--cases", &empty.display().to_string()], "none of 0 cases is to be run"),
        (&["test", &closed, "--cases", &cases, "--filter", "x!"], "none of 3 cases is to be run"),
        (&["test", &closed, "--cases", "/no/such"], "cannot read the cases /no/such"),
        (&["test", &closed, "--cases", &no_case], "must have either `call` and `expect`, or `input`"),
        (&["test", &closed, "--cases", &both], "must have either `call` and `expect`, or `input`"),
        (&["check", "/no/such.wasm"], "cannot read /no/such.wasm"),
        (&["check", &closed, "--slot", "door"], "there are auth, limit, history, audit and agent"),
        (&["check", &closed, "--config", "/no/such.toml"], "cannot read the configuration"),
        (&["verify", &closed], "there is no key to verify with"),
    ] {
        let said = component(&setup, arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.error);
        assert!(said.error.contains(words), "{arguments:?}: {}", said.error);
    }
}

#[test]
fn files_of_cases_have_limits() {
    let setup = Setup::new();
    let closed = file(&setup, "limit-closed.wasm", closed_limiter("closed"));
    let one = CASES.split("\n[[case]]").nth(1).expect("a case");
    let whole = format!("[[case]]{one}");
    let test = |cases: &Path| {
        component(&setup, &["test", &closed, "--json", "--cases", &cases.display().to_string()])
    };
    let path = setup.folder().join("long.toml");
    let padded = |length: usize| format!("{whole}#{}", " ".repeat(length - whole.len() - 1));
    fs::write(&path, padded(4 << 20)).expect("writing cases");
    assert_eq!(test(&path).code, Some(0));
    fs::write(&path, padded((4 << 20) + 1)).expect("writing cases");
    let said = test(&path);
    assert!(
        said.code == Some(2) && said.error.contains("a file of cases may have 4194304"),
        "{}",
        said.error
    );

    let folder = setup.folder().join("many");
    fs::create_dir(&folder).expect("making a folder");
    for number in 0..256 {
        fs::write(folder.join(format!("{number}.toml")), &whole).expect("writing cases");
    }
    assert_eq!(test(&folder).code, Some(0));
    fs::write(folder.join("one-more.toml"), &whole).expect("writing cases");
    let said = test(&folder);
    assert!(said.code == Some(2) && said.error.contains("257 files of cases"), "{}", said.error);

    fs::write(&path, whole.repeat(10_000)).expect("writing cases");
    assert_eq!(test(&path).code, Some(0));
    fs::write(&path, whole.repeat(10_001)).expect("writing cases");
    let said = test(&path);
    assert!(said.code == Some(2) && said.error.contains("more than 10000 cases"), "{}", said.error);
}

#[test]
fn a_check_says_what_a_component_may_use_and_what_it_costs() {
    let setup = Setup::new();
    let wasm = built("target/components/limit-window.wasm").display().to_string();
    let said = component(&setup, &["check", &wasm]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.error);
    for line in [
        "world      limit-policy (slot limit)",
        "imports    overlord:policy/types@0.1.0  granted",
        "limits     64 MiB of memory, 1000 ms of computing, 1 MiB handed over in a call; fresh instances, WASI none",
        "signature  none",
        "settings   taken (defaults and environment)",
        "memory     64 KiB when it has started, 64 KiB after a call",
        "it may serve",
    ] {
        assert!(said.out.lines().any(|found| found == line), "{line}: {}", said.out);
    }
    let json: Value =
        serde_json::from_str(&component(&setup, &["check", &wasm, "--json"]).out).expect("JSON");
    assert!(json["cost"]["fresh"]["median_us"].as_f64() > Some(0.0), "{json}");
    assert!(json["cost"]["warm"]["calls"].as_u64() > Some(0), "{json}");
    assert_eq!((&json["problems"], &json["settings_taken"]), (&Value::Array(Vec::new()), &true.into()));
    assert!(json["cases"].as_array().is_some_and(|cases| cases.len() > 20));
}

#[test]
fn a_check_says_everything_that_keeps_a_component_from_serving() {
    let setup = Setup::new();
    let pin = "0".repeat(64);
    let key = component(&setup, &["keygen", &setup.folder().join("k.pem").display().to_string()]).out;
    let config = file(
        &setup,
        "overlord.toml",
        format!(
            "[signing]\nkeys = [\"{}\"]\nrequired = [\"all\"]\n[limit]\ndigest = \"{pin}\"\n",
            key.trim()
        ),
    );
    let closed = |name: &str, bytes: Vec<u8>| file(&setup, name, bytes);
    let failing = closed("limit-failing.wasm", with_cases(faulting_limiter("not these"), &CASES.repeat(2)));
    let said = component(&setup, &["check", &failing, "--config", &config]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    for words in [
        "pins 000",
        "it carries no signature",
        "not these",
        "\"nobody may ask\" does not hold",
        "\"<nonsense>\" cannot be called",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(said.out.contains("it may not serve, for 9 reasons:"), "{}", said.out);

    let foreign = built("target/components/history-claude.wasm").display().to_string();
    let said = component(&setup, &["check", &foreign, "--slot", "limit"]);
    assert!(
        said.code == Some(1) && said.out.contains("overlord:policy/files@0.1.0  NOT granted"),
        "{}",
        said.out
    );
    assert!(said.out.contains("for 2 reasons:") && said.out.contains("does not export"), "{}", said.out);

    let loops = closed("limit-loop.wasm", broken_at_once("limit-policy", Does::Trap));
    let said = component(&setup, &["check", &loops]);
    assert!(
        said.code == Some(1) && said.out.contains("it breaks when it is asked something harmless"),
        "{}",
        said.out
    );
    for (name, bytes, words) in [
        ("core.wasm", b"\0asm\x01\0\0\0".to_vec(), "this is a core module"),
        ("half.wasm", real("limit-window")[..9000].to_vec(), "it is damaged"),
        ("wasi.wasm", made::wants_wasi(), "exports none of the interfaces"),
    ] {
        let said = component(&setup, &["check", &closed(name, bytes)]);
        assert!(said.code == Some(1) && said.out.contains(words), "{name}: {}{}", said.out, said.error);
    }
}
