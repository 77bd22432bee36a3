//! An agent that is out to get what is another user's, or to read by way of the host what its own wall
//! closes. Owns those attempts and what must come of them; the wall's own tests are elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use overlord_tests::host::{Setup, wait_until};
use tempfile::TempDir;

use crate::processes_wall::missing;
use crate::stand_in;

/// Looks around in the homes of others, then leaves something in its own.
const NOSY: &str = r#"
cat >/dev/null
answer "$(cat "$HOME"/../*/kept "$HOME/../bob/kept" 2>/dev/null)$(ls -a "$HOME/.." 2>/dev/null | tr '\n' ' ')"
echo bobs-own >"$HOME/kept"
"#;

/// Reads the file whose place the test has left in the workspace.
const READER: &str = r#"
cat >/dev/null
answer "$(tr -d '"' <"$(cat place)" 2>/dev/null | tr '\n' ' ')"
"#;

/// A folder that no wall covers with one of its own, as it does `/tmp`.
fn uncovered() -> TempDir {
    TempDir::with_prefix_in("attack-", env!("CARGO_TARGET_TMPDIR")).expect("making a folder")
}

/// A host where each user has a home in `homes`.
fn with_homes(homes: &TempDir) -> Setup {
    Setup::new().with("OVERLORD_AGENT_HOME", homes.path().join("{user}"))
}

fn nobody_sees_another_home(wall: &str) {
    if let Some(why) = missing(wall) {
        eprintln!("NOT TRIED HERE, the wall `{wall}`: {why}");
        return;
    }
    let homes = uncovered();
    let host = stand_in::instead(with_homes(&homes).with("OVERLORD_AGENT_WALL", wall), NOSY).start();
    let said = |user: &str| {
        let caller = host.sign_in(user);
        let answer = caller.ask(&caller.new_session(), "look around");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["result"].as_str().expect("text").to_owned()
    };
    said("bob");
    assert!(homes.path().join("bob/kept").is_file(), "bob's agent has left nothing to find");
    let seen = said("alice");
    assert!(!seen.contains("bob"), "alice's agent saw: {seen}");
    assert!(said("bob").contains("bobs-own"), "bob's agent does not see its own home");
}

#[test]
fn behind_a_namespace_no_agent_sees_another_users_home() {
    nobody_sees_another_home("namespace");
}

#[test]
fn behind_landlock_no_agent_sees_another_users_home() {
    nobody_sees_another_home("landlock");
}

/// An agent may do what it likes in its home: here it makes its sessions' folder a link to the folder of
/// all homes, in which its user is called as a folder of sessions would be.
#[test]
fn no_link_in_an_agents_home_shows_another_users_conversation() {
    let homes = uncovered();
    let host = with_homes(&homes).start();
    let alice = host.sign_in("alice");
    let hers = alice.new_session();
    assert_eq!(alice.ask(&hers, "demo:fast what nobody else may read").status, 200);
    let sessions = homes.path().join("alice/.claude/projects");
    let workspace = fs::read_dir(&sessions).expect("her sessions").flatten().next().expect("one").file_name();

    let mallory = host.sign_in("projects");
    let his = mallory.new_session();
    let home = homes.path().join("projects");
    fs::create_dir_all(home.join(&workspace)).expect("making a folder");
    let file = PathBuf::from("../../alice/.claude/projects").join(&workspace).join(format!("{hers}.jsonl"));
    symlink(file, home.join(&workspace).join(format!("{his}.jsonl"))).expect("linking to her session");
    symlink(homes.path(), home.join(".claude")).expect("linking to all homes");

    let answer = mallory.get(&format!("/agent/sessions/{his}/history"));
    assert_eq!((answer.status, answer.text().as_str()), (500, r#"{"detail":"failed to read session"}"#));
    assert_eq!(alice.history(&hers).len(), 2);
    wait_until("a line that says why", || host.output().contains("CLAUDE_CONFIG_DIR").then_some(()));
}

/// Outside the data folder the audit log is there only once the host has made it.
#[test]
fn the_audit_log_is_hidden_from_the_first_start_on() {
    let folder = uncovered();
    let file = folder.path().join("log/audit.jsonl");
    let host = stand_in::instead(Setup::new().with("OVERLORD_AUDIT_FILE", &file), READER).start();
    fs::write(host.setup().workspace().join("place"), file.to_str().expect("text"))
        .expect("telling it where");
    let alice = host.sign_in("alice");
    let answer = alice.ask(&alice.new_session(), "read it");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["result"], "");
    assert!(fs::read_to_string(&file).expect("the host wrote it").contains("ask_start"));
}
