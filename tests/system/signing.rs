//! Whose components may serve: a host that asks for signatures or for a digest takes nothing else,
//! whichever way it comes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::shelf::custom_section;
use rustix::process::{Signal, kill_process};

use crate::made::{Shelf, closed_limiter, digest, generation, logged, real, remarked};

/// The exit code and everything that is said.
fn run(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = setup.command(["component"]).args(arguments).output().expect("running overlord");
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(said).expect("text"))
}

fn path(setup: &Setup, name: &str) -> String {
    setup.folder().join(name).display().to_string()
}

/// A key in the setup's folder; its public half.
fn key(setup: &Setup, name: &str) -> String {
    let (code, said) = run(setup, &["keygen", &path(setup, name)]);
    assert_eq!(code, Some(0), "{said}");
    said.trim().to_owned()
}

/// The bytes, signed.
fn signed(setup: &Setup, bytes: &[u8], key: &str) -> Vec<u8> {
    let file = path(setup, "to-sign.wasm");
    fs::write(&file, bytes).expect("writing a component");
    let (code, said) = run(setup, &["sign", &file, "--key", &path(setup, key)]);
    assert_eq!(code, Some(0), "{said}");
    fs::read(&file).expect("it is there")
}

/// The configuration of a setup, read by every host and command in it.
fn configured(setup: &Setup, text: &str) {
    fs::write(setup.folder().join("overlord.toml"), text).expect("writing a configuration");
}

fn with_configuration(setup: Setup) -> Setup {
    let file = path(&setup, "overlord.toml");
    setup.with("OVERLORD_CONFIG", file)
}

#[test]
fn a_key_is_made_once_and_for_its_owner_alone() {
    let setup = Setup::new();
    let public = key(&setup, "release.pem");
    assert!(public.starts_with("release:") && public.len() == "release:".len() + 44, "{public}");
    let file = setup.folder().join("release.pem");
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::read_to_string(&file).expect("text").starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let (code, said) = run(&setup, &["keygen", &path(&setup, "release.pem")]);
    assert!(code == Some(1) && said.contains("none is ever overwritten"), "{said}");
}

#[test]
fn what_is_signed_is_told_from_what_is_not() {
    let setup = Setup::new();
    let (one, two) = (key(&setup, "one.pem"), key(&setup, "two.pem"));
    let file = path(&setup, "limit.wasm");
    let verify = |bytes: &[u8], key: &str| {
        fs::write(&file, bytes).expect("writing a component");
        run(&setup, &["verify", &file, "--key", key])
    };
    let bare = real("limit-window");
    let good = signed(&setup, &bare, "one.pem");
    let both = signed(&setup, &good, "two.pem");
    for (bytes, public, code, words) in [
        (&good, &one, 0, "signed with one"),
        (&both, &one, 0, "signed with one"),
        (&both, &two, 0, "signed with two"),
        (&good, &two, 1, "signed with none of the keys, but with "),
        (&bare, &one, 1, "it carries no signature"),
        (&[good.clone(), custom_section("remark", b"x")].concat(), &one, 1, "is not the last of the file"),
        (&[&real("audit-jsonl")[..], &good[bare.len()..]].concat(), &one, 1, "is not one of these bytes"),
    ] {
        let (found, said) = verify(bytes, public);
        assert!(found == Some(code) && said.contains(words), "{words}: {said}");
    }
    let (code, said) = verify(&good, "one:hello");
    assert!(code == Some(2) && said.contains("it is no public key"), "{said}");
    let (code, said) = run(&setup, &["sign", &path(&setup, "one.pem"), "--key", &path(&setup, "one.pem")]);
    assert!(code == Some(1) && said.contains("this is no WebAssembly"), "{said}");
}

/// A host that asks for the limiter's signature by `release`, and one that is signed.
fn house() -> (Host, Shelf) {
    let (setup, shelf) = Shelf::new(with_configuration(Setup::new()));
    let public = key(&setup, "release.pem");
    key(&setup, "stranger.pem");
    configured(&setup, &format!("[signing]\nkeys = [\"{public}\"]\nrequired = [\"limit\"]\n"));
    shelf.put("limit-window", &signed(&setup, &real("limit-window"), "release.pem"));
    (setup.start(), shelf)
}

#[test]
fn a_slot_that_asks_for_a_signature_takes_nothing_without() {
    let (host, shelf) = house();
    generation(&host, 1);
    let closed = closed_limiter("closed");
    let good = signed(host.setup(), &closed, "release.pem");
    for (bytes, words) in [
        (closed.clone(), "it carries no signature, and `signing.required`"),
        (signed(host.setup(), &closed, "stranger.pem"), "none of them is in `signing.keys`"),
        ([good.clone(), custom_section("remark", b"x")].concat(), "is not the last of the file"),
        (b"\0asm\x01\0\0\0".to_vec(), "this is a core module"),
    ] {
        shelf.put("limit-window", &bytes);
        logged(&host, &["generation 1 serves on", words]);
    }
    // Other slots are not asked.
    shelf.put("audit-jsonl", &remarked("audit-jsonl", "unsigned"));
    generation(&host, 2);
    shelf.put("limit-window", &good);
    generation(&host, 3);
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "hello").status, 429);
}

#[test]
fn neither_a_start_nor_the_last_good_copy_gets_round_it() {
    let (setup, shelf) = Shelf::new(with_configuration(Setup::new()));
    let public = key(&setup, "release.pem");
    configured(&setup, "");
    // What is kept from now on is not signed.
    let host = setup.start();
    generation(&host, 1);
    configured(host.setup(), &format!("[signing]\nkeys = [\"{public}\"]\nrequired = [\"limit\"]\n"));
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    logged(&host, &["the configuration was not taken", "it carries no signature"]);
    let (_, setup) = host.stop();
    let ended = setup.command(["serve"]).output().expect("running overlord");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let twice = said.matches("it carries no signature").count();
    assert_eq!((twice, said.contains("the last good copy cannot serve either")), (2, true), "{said}");
    shelf.put("limit-window", &signed(&setup, &real("limit-window"), "release.pem"));
    generation(&setup.start(), 1);
}

#[test]
fn a_pinned_digest_wins_over_the_name() {
    let (setup, shelf) = Shelf::new(with_configuration(Setup::new()));
    let old = real("limit-window");
    let pin = |setup: &Setup, bytes: &[u8]| {
        let file = path(setup, "pinned.wasm");
        fs::write(&file, bytes).expect("writing a component");
        let (_, said) = run(setup, &["check", &file, "--slot", "limit", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        configured(setup, &format!("[limit]\ndigest = [{}]\n", report["digest"]));
    };
    pin(&setup, &old);
    let host = setup.start();
    let short = digest(host.setup(), &old);
    assert!(generation(&host, 1).contains(&format!("limit=limit-window@{short}")));
    // Another file under the name changes nothing: what is pinned is kept.
    shelf.put("limit-window", &closed_limiter("closed"));
    shelf.put("audit-jsonl", &remarked("audit-jsonl", "later"));
    generation(&host, 2);
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);
    let (_, setup) = host.stop();
    let host = setup.start();
    assert!(generation(&host, 1).contains(&format!("limit=limit-window@{short}")));
    logged(&host, &["limit-window.wasm has none of the digests", "a kept copy", "is taken instead"]);

    // One that lies there under any name serves as soon as it is pinned.
    let new = remarked("limit-window", "new");
    shelf.put("limit-next", &new);
    pin(host.setup(), &new);
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    let line = generation(&host, 2);
    assert!(line.contains(&format!("limit=limit-window@{}", digest(host.setup(), &new))), "{line}");
    logged(&host, &["limit-next.wasm has one and is taken instead"]);

    // One that nobody has is not taken.
    configured(host.setup(), &format!("[limit]\ndigest = \"{}\"\n", "0".repeat(64)));
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
    logged(&host, &["the configuration was not taken", "`limit.digest` in the configuration pins 000"]);
    wait_until("an answer", || Some(alice.ask(&alice.new_session(), "demo:fast").status == 200));
}
