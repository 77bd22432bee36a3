//! Components are swapped while requests are in flight: how a file may be written, what goes live and
//! when, and what a swap leaves untouched.

use std::fs::{self, File};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use overlord_tests::host::{Host, Setup, wait_until};
use rustix::process::{Signal, kill_process};

use crate::made::{
    Does, Shelf, broken, closed_limiter, digest, generation, generations, logged, real, remarked,
};
use crate::stand_in;

/// A host with a folder of components of its own.
fn house(change: impl FnOnce(Setup) -> Setup) -> (Host, Shelf) {
    let (setup, shelf) = Shelf::new(change(Setup::new()));
    (setup.start(), shelf)
}

/// Asks in a new session.
fn asked(host: &Host, user: &str, message: &str) -> (u16, String) {
    let caller = host.sign_in(user);
    let answer = caller.ask(&caller.new_session(), message);
    (answer.status, answer.text())
}

#[test]
fn a_component_that_is_renamed_into_its_place_goes_live() {
    let (host, shelf) = house(|setup| setup);
    generation(&host, 1);
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);

    let closed = closed_limiter("nobody may ask today");
    shelf.put("limit-window", &closed);
    let line = generation(&host, 2);
    assert!(line.contains(&format!("limit=limit-window@{}", digest(host.setup(), &closed))), "{line}");
    assert_eq!(asked(&host, "alice", "hello"), (429, r#"{"detail":"nobody may ask today"}"#.to_owned()));

    shelf.put("limit-window", &real("limit-window"));
    generation(&host, 3);
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
}

#[test]
fn a_component_that_is_copied_slowly_goes_live_only_when_it_is_whole() {
    let (host, shelf) = house(|setup| setup);
    let old = generation(&host, 1);
    let bytes = remarked("limit-window", "copied");
    let new = digest(host.setup(), &bytes);
    let mut file = File::create(shelf.file("limit-window")).expect("opening a component");
    for piece in bytes.chunks(bytes.len() / 20) {
        file.write_all(piece).expect("writing a piece");
        // Between two pieces the host looks at the file: it asks for what a copying program does.
        thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(asked(&host, "alice", "demo:fast demo:exit").0, 502);
    }
    drop(file);
    let line = generation(&host, 2);
    assert!(line.contains(&new), "something else than the whole went live: {line}, before: {old}");
    assert_eq!(generations(&host), 2);
}

#[test]
fn a_question_finishes_under_the_rules_that_it_began_with() {
    let (host, shelf) = house(stand_in::waiting);
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let asking = {
        let (alice, session) = (alice.clone(), session.clone());
        thread::spawn(move || alice.ask(&session, "hello"))
    };
    host.audited("ask_start", &session);
    shelf.put("agent-claude", &broken("agent-adapter", Does::Trap));
    shelf.put("audit-jsonl", &broken("audit-policy", Does::Trap));
    generation(&host, 3);

    // Whoever comes now gets the new rules, while the first question is still being answered.
    let (status, text) = asked(&host, "bob", "hello");
    assert_eq!(status, 502, "{text}");
    assert!(!asking.is_finished(), "nobody has let the first one go");
    stand_in::let_go(host.setup());
    let answer = asking.join().expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let ok = host.audited("ask_ok", &session);
    assert!(ok["result_preview"].is_string(), "the new format wrote the old question's line: {ok}");
}

#[test]
fn the_limiters_memory_survives_a_swap() {
    let (host, shelf) = house(|setup| setup.with("OVERLORD_LIMIT_SETTINGS_MAX", "2"));
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
    shelf.put("limit-window", &remarked("limit-window", "another build"));
    generation(&host, 2);
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
    let (status, text) = asked(&host, "alice", "demo:fast");
    assert_eq!(status, 429, "{text}");
    assert!(text.contains("Rate limit exceeded; retry in "), "{text}");
}

#[test]
fn files_that_no_slot_names_are_not_looked_at() {
    let (host, shelf) = house(|setup| setup);
    for name in
        ["notes.txt", "limit-window.wasm.bak", "limit-window.wasm~", ".limit-window.wasm.swp", "other.wasm"]
    {
        fs::write(shelf.folder().join(name), "no component").expect("writing a file");
    }
    fs::create_dir(shelf.folder().join("limit-window")).expect("making a folder");
    // By the time that this one is live, the others have been there for longer.
    shelf.put("audit-jsonl", &remarked("audit-jsonl", "the one that counts"));
    generation(&host, 2);
    assert_eq!(generations(&host), 2);
    let output = host.output();
    assert!(!output.contains("was not taken") && !output.contains("no component"), "{output}");
}

#[test]
fn a_component_goes_live_though_others_keep_changing() {
    let (host, shelf) = house(|setup| setup);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut noise = File::create(shelf.file("history-claude")).expect("opening a component");
            let mut count = 0_u32;
            while !done.load(Ordering::Relaxed) {
                noise.write_all(b"\0").expect("writing a piece");
                count += 1;
                fs::write(shelf.folder().join(format!("{}.wasm", count % 7)), "noise")
                    .expect("writing a file");
                thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let bytes = closed_limiter("closed");
        let new = digest(host.setup(), &bytes);
        shelf.put("limit-window", &bytes);
        logged(&host, &[" generation ", &format!("limit=limit-window@{new}")]);
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(asked(&host, "alice", "hello").0, 429);
}

#[test]
fn a_folder_that_takes_the_place_of_another_is_the_one_that_counts() {
    let (host, shelf) = house(|setup| setup);
    let (aside, next) = (host.setup().folder().join("aside"), host.setup().folder().join("next"));
    fs::create_dir(&next).expect("making a folder");
    for name in crate::made::NAMES {
        fs::copy(shelf.file(name), next.join(format!("{name}.wasm"))).expect("copying a component");
    }
    fs::write(next.join("limit-window.wasm"), closed_limiter("closed for now")).expect("writing a component");
    fs::rename(shelf.folder(), &aside).expect("moving a folder");
    fs::rename(&next, shelf.folder()).expect("moving a folder");
    generation(&host, 2);
    assert_eq!(asked(&host, "alice", "hello").0, 429);
    // And it is watched as the old one was.
    shelf.put("limit-window", &real("limit-window"));
    generation(&host, 3);
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
}

#[test]
fn a_changed_configuration_is_read_again_when_the_host_is_told_to() {
    let setup = Setup::new();
    let file = setup.folder().join("overlord.toml");
    fs::write(&file, "[limit.settings]\nmax = 1\n").expect("writing a configuration");
    let host = setup.with("OVERLORD_CONFIG", &file).start();
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
    assert_eq!(asked(&host, "alice", "demo:fast").0, 429);

    fs::write(&file, "[limit.settings]\nmax = 3\n").expect("writing a configuration");
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    logged(&host, &["the configuration was read again"]);
    generation(&host, 2);
    // The window remembers the question from before.
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_is_taken() {
    let setup = Setup::new();
    let (file, token) = (setup.folder().join("overlord.toml"), setup.folder().join("token"));
    fs::write(&token, "a-token-of-the-tests").expect("writing a token");
    fs::write(&file, "").expect("writing a configuration");
    let host = setup.with("OVERLORD_CONFIG", &file).start();
    let changed = [
        ("server", "stop_after_s = 7".to_owned()),
        ("sessions", "open = true".to_owned()),
        ("runs", "abandoned_after_s = 7".to_owned()),
        ("rules", "previous_max = 7".to_owned()),
        ("log", "level = \"debug\"".to_owned()),
        ("metrics", format!("token_file = \"{}\"", token.display())),
        ("otlp", "endpoint = \"http://127.0.0.1:9\"".to_owned()),
        ("decisions", "keep_days = 7".to_owned()),
    ];
    let lines: Vec<_> = changed.iter().map(|(section, line)| format!("[{section}]\n{line}\n")).collect();
    fs::write(&file, lines.concat() + "[limit.settings]\nmax = 0\n").expect("writing a configuration");
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    generation(&host, 2);
    for (section, _) in changed {
        logged(
            &host,
            &[&format!("`{section}` has changed in the configuration"), "needs a restart to count"],
        );
    }
    assert_eq!(asked(&host, "alice", "demo:fast").0, 429);
}

#[test]
fn a_bad_configuration_changes_nothing_and_says_everything_that_is_wrong() {
    let setup = Setup::new();
    let file = setup.folder().join("overlord.toml");
    fs::write(&file, "[limit.settings]\nmax = 7\n").expect("writing a configuration");
    let host = setup.with("OVERLORD_CONFIG", &file).start();
    let bad = [
        ("[limit.settings]\nmax = 0\n[limit]\ncomponent = \"no-such\"\n", "no-such.wasm"),
        (
            "[limit]\ncomponents = \"x\"\n[serve]\na = 1\n",
            "there is no key limit.components; did you mean component?",
        ),
        ("this is no TOML", "reading the file as TOML failed"),
        ("[limit.settings]\nmaxx = 7\n", "it does not take the settings of the slot `limit`: "),
        ("[limit]\ncomponent = \"audit-jsonl\"\n", "it does not export `overlord:policy/limiter@0.1.0`"),
    ];
    for (text, why) in bad {
        fs::write(&file, text).expect("writing a configuration");
        kill_process(host.pid(), Signal::HUP).expect("the host runs");
        logged(&host, &["the configuration was not taken, everything stays as it was"]);
        wait_until(why, || host.output().contains(why).then_some(()));
    }
    assert_eq!(generations(&host), 1);
    assert_eq!(asked(&host, "alice", "demo:fast").0, 200);
}

#[test]
fn a_cookie_name_that_needs_a_restart_locks_nobody_out_before_it() {
    let setup = Setup::new();
    let file = setup.folder().join("overlord.toml");
    fs::write(&file, "[auth]\nown_cookie = \"first\"\n").expect("writing a configuration");
    let host = setup.with("OVERLORD_CONFIG", &file).start();
    let alice = host.sign_in("alice");
    fs::write(&file, "[auth]\nown_cookie = \"second\"\n[limit.settings]\nmax = 7\n")
        .expect("writing a configuration");
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    logged(&host, &["`auth.own_cookie` has changed", "restart"]);
    generation(&host, 2);
    alice.new_session();
}
