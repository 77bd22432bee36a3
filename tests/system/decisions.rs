//! What is recorded of decisions, and what a replay makes of it: through HTTP, on a real host.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;

use overlord_tests::caller::Caller;
use overlord_tests::host::{Host, Setup, built, wait_until};
use overlord_tests::stand_in;
use serde_json::Value;
use uuid::Uuid;

use crate::made::{self, Does};

/// Texts that must be found nowhere, as a user asks and as the agent answers them.
const QUESTION: &str = "the-launch-code-is-7291";
const ANSWER: &str = "nobody-shall-know-4417";

fn folder(setup: &Setup) -> PathBuf {
    setup.data().join("decisions")
}

/// All recorded decisions of a slot.
fn recorded(setup: &Setup, slot: &str) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder(setup))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(slot)));
    files.sort();
    let text: String = files.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect();
    let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    whole.lines().map(|line| serde_json::from_str(line).expect("a decision")).collect()
}

fn ask(caller: &Caller) -> u16 {
    caller.ask(&Uuid::new_v4().to_string(), "hi").status
}

fn component(name: &str) -> PathBuf {
    built(&format!("target/components/{name}.wasm"))
}

fn replay(setup: &Setup, slot: &str, candidate: &Path, more: &[&str]) -> Output {
    let mut command = setup.command(["replay", "--slot", slot, "--candidate"]);
    command.arg(candidate).args(more);
    command.output().expect("running `overlord replay`")
}

#[track_caller]
fn ends(output: &Output, code: i32, last: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.lines().last(), Some(last), "{text}{error}");
    assert_eq!(output.status.code(), Some(code), "{text}{error}");
}

#[track_caller]
fn could_not(output: &Output, why: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(why), "{error}");
}

/// Everything in a folder, names and sizes.
fn inventory(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("readable").flatten() {
        let about = entry.metadata().expect("there");
        if about.is_dir() {
            found.extend(inventory(&entry.path()));
        }
        found.push((entry.path(), about.len(), about.modified().expect("a time")));
    }
    found.sort();
    found
}

/// A host that has decided a few hundred times: admitted, refused by the window, blocked by the cap,
/// queued and decided again. With how many limiter decisions.
fn a_day(queue: &str) -> (Setup, usize) {
    let host = stand_in::counting(Setup::new())
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "12")
        .with("OVERLORD_LIMIT_SETTINGS_QUEUE", queue)
        .with("OVERLORD_AGENT_RUNNING_MAX", "3")
        .start();
    let users: Vec<_> = (0..8).map(|n| host.sign_in(&format!("user-{n}"))).collect();
    thread::scope(|scope| {
        for user in &users {
            // Three at a time: so there are always some who are in each other's way.
            for _ in 0..3 {
                scope.spawn(move || {
                    for _ in 0..10 {
                        ask(user);
                    }
                });
            }
        }
    });
    let (status, setup) = host.stop();
    assert!(status.success(), "{status}");
    let decisions = recorded(&setup, "limit");
    (setup, decisions.len())
}

#[test]
fn the_same_component_makes_of_a_day_what_was_made_of_it() {
    let (setup, decisions) = a_day("3");
    assert!(decisions >= 240, "{decisions}");
    let kinds: Vec<_> =
        recorded(&setup, "limit").iter().map(|d| d["limit"]["verdict"]["kind"].to_string()).collect();
    for kind in ["admitted", "waits", "refused"] {
        assert!(kinds.iter().any(|found| found.contains(kind)), "none was {kind}");
    }
    let before = inventory(&setup.data());
    let output = replay(&setup, "limit", &component("limit-window"), &[]);
    ends(&output, 0, &format!("{decisions} decisions, 0 differ"));
    // Bit for bit: the cells too, which a replay does not hold against a candidate.
    let output = replay(&setup, "limit", &component("limit-window"), &["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["decisions"], decisions);
    assert_eq!(
        (&report["differ"], &report["cells_differ"], &report["holes"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_eq!(report["same_settings"], true);
    assert!(report["median_us"]["beside"].as_f64().is_some_and(|us| us > 0.0), "{report}");
    let lines = recorded(&setup, "audit").len();
    let output = replay(&setup, "audit", &component("audit-jsonl"), &[]);
    ends(&output, 0, &format!("{lines} decisions, 0 differ"));
    assert_eq!(inventory(&setup.data()), before, "a replay writes nothing");
}

#[test]
fn other_settings_differ_in_just_the_decisions_that_they_change() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "5").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let answers: Vec<_> = (0..7).map(|_| ask(&alice)).collect();
    assert_eq!(answers, [200, 200, 200, 200, 200, 429, 429]);
    assert_eq!((ask(&bob), ask(&bob)), (200, 200));
    wait_until("nine recorded decisions", || (recorded(host.setup(), "limit").len() == 9).then_some(()));
    // Beside the host that runs, and without a word to it.
    let same = replay(host.setup(), "limit", &component("limit-window"), &[]);
    ends(&same, 0, "9 decisions, 0 differ");
    let config = host.setup().folder().join("stricter.toml");
    std::fs::write(&config, "[limit.settings]\nmax = 2\n").expect("written");
    let (_, setup) = host.stop();
    let setup = setup.without("OVERLORD_LIMIT_SETTINGS_MAX");
    let config = config.to_str().expect("text");
    let output = replay(&setup, "limit", &component("limit-window"), &["--config", config, "--since", "1h"]);
    // Alice's third to fifth question. What is refused after them waits for the same first question.
    ends(&output, 1, "9 decisions, 3 differ");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("alice        3  admitted → refused rate_limited\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 3, "{text}");
    assert!(!text.lines().any(|line| line.starts_with("bob")), "{text}");
    assert!(text.contains("settings   those of the configuration at hand, others than"), "{text}");
    // With a window of its own that ends before the questions nothing is left.
    could_not(
        &replay(&setup, "limit", &component("limit-window"), &["--since", "2100-01-01T00:00:00Z"]),
        "no decision of this slot is that young",
    );
}

#[test]
fn what_another_cap_changes_is_counted_to_the_number() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "9").start();
    let alice = host.sign_in("alice");
    for _ in 0..9 {
        assert_eq!(ask(&alice), 200);
    }
    wait_until("nine recorded decisions", || (recorded(host.setup(), "limit").len() == 9).then_some(()));
    let (_, setup) = host.stop();
    let setup = setup.with("OVERLORD_LIMIT_SETTINGS_MAX", "6");
    ends(&replay(&setup, "limit", &component("limit-window"), &[]), 1, "9 decisions, 3 differ");
}

#[test]
fn whom_a_component_that_differs_or_fails_touches() {
    let host = stand_in::counting(Setup::new()).start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    assert_eq!((ask(&alice), ask(&alice), ask(&bob)), (200, 200, 200));
    let (_, setup) = host.stop();
    let candidate = setup.folder().join("candidate.wasm");
    for (bytes, change, words) in [
        (
            made::closed_limiter("Nobody"),
            "admitted → refused rate_limited",
            "    candidate  refused rate_limited, \"Nobody\", no time to retry",
        ),
        (made::broken("limit-policy", Does::Trap), "admitted → trap", "    candidate  trap: wasm trap:"),
    ] {
        std::fs::write(&candidate, bytes).expect("written");
        let output = replay(&setup, "limit", &candidate, &[]);
        ends(&output, 1, "3 decisions, 3 differ");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for row in [format!("alice        2  {change}"), format!("bob          1  {change}")] {
            assert!(text.lines().any(|line| line == row), "no {row}: {text}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with(words)).count(), 3, "{text}");
    }
    let output = replay(&setup, "limit", &candidate, &["--json", "--show", "1"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["differences"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["changes"][0]["times"], 2);
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("3 decisions, 3 differ\n"));
    // A cell that the candidate cannot read, as another component would have left it.
    let file = folder(&setup).join("limit-00000000000000000000.jsonl");
    let text = std::fs::read_to_string(&file).expect("readable");
    let foreign = text.replace(r#""key":"user:bob","before":"""#, r#""key":"user:bob","before":"AA==""#);
    assert_ne!(foreign, text);
    std::fs::write(&file, foreign).expect("written");
    let output = replay(&setup, "limit", &component("limit-window"), &[]);
    ends(&output, 1, "3 decisions, 1 differ");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("bob: admitted → fault"), "{text}");
}

#[test]
fn no_text_and_no_secret_is_found_in_what_is_recorded() {
    let script = format!("cat >\"$HOME/question\"\nanswer {ANSWER}\n");
    let failing = "cat >\"$HOME/question\"\necho its-own-words-5521 >&2; exit 1\n";
    let setup = stand_in::instead(Setup::new(), &script)
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "58")
        .with("OVERLORD_AUTH_HEADERS", "x-token")
        .with("OVERLORD_DECISIONS_REDACT", "session_id");
    let host = setup.start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, QUESTION).status, 200);
    host.anyone().with_cookie(Some("overlord_session=a-forged-cookie-8812")).get("/agent/sessions");
    alice.send("GET", "/agent/sessions", &[("x-token", "a-header-of-hers-1190")], None);
    let host = stand_in::instead(host.stop().1, failing).start();
    assert_eq!(alice_of(&host).ask(&alice_of(&host).new_session(), QUESTION).status, 502);
    let (_, setup) = host.stop();
    for slot in ["auth", "limit", "audit"] {
        assert!(!recorded(&setup, slot).is_empty(), "nothing of {slot} is recorded");
    }
    let lines = recorded(&setup, "audit");
    let of =
        |event: &str| lines.iter().find(|line| line["audit"]["event"] == event).expect("recorded").clone();
    let message = &of("ask_start")["audit"]["fields"][2];
    assert_eq!(message[0], "message");
    assert_eq!(message[1]["stand_in"]["chars"], QUESTION.len());
    assert_eq!(of("ask_start")["audit"]["fields"][1][1]["stand_in"]["chars"], 36, "what else is redacted");
    let cookie = alice.cookie().and_then(|cookie| cookie.split_once('=')).expect("a cookie").1.to_owned();
    let key = std::fs::read_to_string(setup.data().join("decisions.key")).expect("a key");
    let auth = recorded(&setup, "auth");
    let seen = auth.iter().find(|line| !line["auth"]["headers"][0].is_null()).expect("a header was seen");
    assert_eq!(seen["auth"]["headers"][0]["bytes"], "a-header-of-hers-1190".len());
    let hidden = [
        QUESTION,
        ANSWER,
        &session,
        &cookie,
        key.trim(),
        "a-forged-cookie-8812",
        "a-header-of-hers-1190",
        "its-own-words-5521",
        "a secret of the tests",
    ];
    for entry in std::fs::read_dir(folder(&setup)).expect("there").flatten() {
        let bytes = std::fs::read(entry.path()).expect("readable");
        for hidden in hidden {
            // A session's id is in the path of a request, which auth's decisions have.
            if hidden == session && entry.file_name().to_string_lossy().starts_with("auth") {
                continue;
            }
            let found = bytes.windows(hidden.len()).any(|part| part == hidden.as_bytes());
            assert!(!found, "{hidden} is in {}", entry.path().display());
        }
    }
}

fn alice_of(host: &Host) -> Caller {
    host.sign_in("alice")
}

#[test]
fn a_host_that_is_killed_leaves_what_a_replay_and_the_next_host_can_read() {
    let host = stand_in::counting(Setup::new()).start();
    assert_eq!(ask(&host.sign_in("alice")), 200);
    wait_until("a recorded decision", || (recorded(host.setup(), "limit").len() == 1).then_some(()));
    let setup = host.kill();
    let file = std::fs::read_dir(folder(&setup)).expect("there").flatten().map(|entry| entry.path());
    let file = file.filter(|path| path.display().to_string().contains("limit-")).last().expect("a file");
    let text = std::fs::read_to_string(&file).expect("readable");
    std::fs::write(&file, format!("{text}{}", &text[..text.len() / 2])).expect("torn");
    ends(&replay(&setup, "limit", &component("limit-window"), &[]), 0, "1 decisions, 0 differ");
    let host = setup.start();
    assert_eq!(ask(&host.sign_in("alice")), 200);
    let (_, setup) = host.stop();
    let numbers: Vec<_> = recorded(&setup, "limit").iter().map(|line| line["number"].clone()).collect();
    assert_eq!(numbers, [0, 1]);
    ends(&replay(&setup, "limit", &component("limit-window"), &[]), 0, "2 decisions, 0 differ");
}

#[test]
fn what_cannot_be_replayed_says_so_and_the_way_out() {
    let setup = Setup::new();
    let limit = component("limit-window");
    could_not(&replay(&setup, "limit", &limit, &[]), "nothing is recorded of this slot in ");
    could_not(&replay(&setup, "auth", &limit, &[]), "decisions of the slot auth cannot be made again");
    could_not(&replay(&setup, "limit", &limit, &["--since", "yesterday"]), "write how long ago");
    could_not(&replay(&setup, "agent", &limit, &[]), "possible values: auth, limit, audit");
    let host = stand_in::counting(setup).start();
    assert_eq!(ask(&host.sign_in("alice")), 200);
    let (_, setup) = host.stop();
    could_not(&replay(&setup, "limit", Path::new("/nonexistent.wasm"), &[]), "cannot read /nonexistent.wasm");
    could_not(&replay(&setup, "limit", &component("audit-jsonl"), &[]), "it does not export");
    could_not(&replay(&setup, "limit", &limit, &["--entry", "other"]), "these have: limit-window");
    let setup = setup.with("OVERLORD_LIMIT_SETTINGS_MAXX", "1");
    could_not(&replay(&setup, "limit", &limit, &[]), "it does not take the settings of the slot `limit`");
}

#[test]
fn nothing_is_recorded_where_nobody_wants_it() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_DECISIONS_RECORD", "false").start();
    assert_eq!(ask(&host.sign_in("alice")), 200);
    let (_, setup) = host.stop();
    assert!(!folder(&setup).exists() && !setup.data().join("decisions.key").exists());
}

#[test]
fn a_folder_that_cannot_be_written_to_breaks_no_question() {
    let setup = stand_in::counting(Setup::new());
    std::fs::write(folder(&setup), "in the way").expect("written");
    let host = setup.start();
    let alice = host.sign_in("alice");
    assert_eq!((ask(&alice), ask(&alice)), (200, 200));
    let said = wait_until("a word about it", || {
        Some(host.output()).filter(|said| said.contains("cannot record decisions in "))
    });
    assert_eq!(said.matches("cannot record decisions in ").count(), 1, "it is said once");
}
