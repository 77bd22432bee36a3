//! The configuration as a person writes it: what is wrong is said all at once with the way out, what
//! outranks what, and that the printed defaults are a file that works.

use std::fs;

use overlord_tests::host::{Host, Setup, wait_until};
use serde_json::json;

/// What `overlord check` says of a configuration that it does not take.
#[track_caller]
fn refused(setup: &Setup) -> String {
    let ended = setup.command(["check"]).output().expect("running overlord");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.starts_with("overlord: the configuration has ") && !said.contains("panicked"), "{said}");
    said
}

/// A setup with a configuration file.
fn with_file(setup: Setup, text: &str) -> Setup {
    let file = setup.folder().join("overlord.toml");
    fs::write(&file, text).expect("writing a configuration");
    setup.with("OVERLORD_CONFIG", &file)
}

/// How many questions a host answers before it says that it was asked too often.
fn answered(host: &Host) -> usize {
    let alice = host.sign_in("alice");
    let answered = (0..9).take_while(|_| alice.ask(&alice.new_session(), "demo:fast").status == 200).count();
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 429);
    answered
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place_and_the_way_out() {
    let text = "lissten = \"x\"\n[agent]\nrunning_max = 0\ntime_limit = 5\n[limit]\nfail = \"open\"\n[no.such]\na = 1\n";
    let setup = with_file(Setup::new(), text)
        .with("OVERLORD_LISTEN", "everywhere")
        .with("OVERLORD_LOG_LEVEL", "loud");
    let said = refused(&setup.with("OVERLORD_AGENT_COMAND", "demo"));
    assert!(said.contains("the configuration has 8 errors:"), "{said}");
    for words in [
        "overlord.toml:1: there is no key lissten; did you mean listen?",
        "overlord.toml:3: agent.running_max is 0, which is not a whole number from 1 to 128",
        "overlord.toml:4: there is no key agent.time_limit; did you mean time_limit_s?",
        "overlord.toml:6: ",
        "a component that breaks would lift every limit",
        "there is no key no;",
        "OVERLORD_LISTEN: listen is \"everywhere\", which is not an IP address and a port",
        "OVERLORD_LOG_LEVEL: log.level is \"loud\", which is not \"error\" or \"warn\"",
        "OVERLORD_AGENT_COMAND: there is no such variable; did you mean OVERLORD_AGENT_COMMAND?",
    ] {
        assert!(said.contains(words), "{words} is missing: {said}");
    }
}

#[test]
fn serve_and_cookie_refuse_what_check_refuses() {
    let setup = Setup::new().with("OVERLORD_LISTN", "127.0.0.1:0");
    let expected = refused(&setup);
    assert!(expected.contains("did you mean OVERLORD_LISTEN?"), "{expected}");
    for arguments in [&["serve"][..], &["cookie", "alice"]] {
        let ended = setup.command(arguments).output().expect("running overlord");
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(String::from_utf8(ended.stderr).expect("text"), expected, "{arguments:?}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let secret = "the-secret-that-nobody-shall-see";
    let text = format!("secret_key = [\"{secret}\", 5]\n");
    let said = refused(&with_file(Setup::new().without("OVERLORD_SECRET_KEY"), &text));
    assert!(said.contains("secret_key") && !said.contains(secret), "{said}");
    let said = refused(&with_file(Setup::new(), &format!("secret_key = \"{secret}\"\nx = = {secret}\n")));
    assert!(!said.contains(secret), "{said}");
}

#[test]
fn overlords_own_variables_outrank_the_originals_and_those_the_file() {
    let file = "[limit.settings]\nmax = 1\n";
    assert_eq!(answered(&with_file(Setup::new(), file).start()), 1);
    assert_eq!(answered(&with_file(Setup::new(), file).with("AGENT_RATE_MAX", "2").start()), 2);
    let all =
        with_file(Setup::new(), file).with("AGENT_RATE_MAX", "2").with("OVERLORD_LIMIT_SETTINGS_MAX", "3");
    assert_eq!(answered(&all.start()), 3);
}

#[test]
fn the_originals_names_mean_what_they_meant() {
    let setup = Setup::new().without("OVERLORD_WORKSPACE");
    let (cwd, log) = (setup.folder().join("their workspace"), setup.folder().join("their log/audit.jsonl"));
    let setup = setup.with("CLAUDE_CWD", &cwd).with("AGENT_AUDIT_LOG", &log);
    let setup = setup.with("AGENT_RATE_WINDOW_S", "60").with("AGENT_CONCURRENCY_PER_USER", "1");
    let host = setup.start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    assert_eq!(host.anyone().get("/agent/health").json()["claude_cwd"], json!(cwd));
    let lines = fs::read_to_string(&log).expect("the audit log is where it was asked for");
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(!host.setup().data().join("audit.jsonl").exists());
}

#[test]
fn the_printed_defaults_are_a_configuration_that_changes_nothing() {
    let setup = Setup::new();
    let printed = setup.command(["config"]).output().expect("running overlord").stdout;
    let printed = String::from_utf8(printed).expect("text");
    for variable in
        ["OVERLORD_LISTEN", "OVERLORD_AGENT_COMMAND", "CLAUDE_CWD", "AGENT_RATE_MAX", "AGENT_AUDIT_LOG"]
    {
        assert!(printed.contains(variable), "{variable} is not named");
    }
    let setup = with_file(setup, &printed);
    let checked = setup.command(["check"]).output().expect("running overlord");
    let said = String::from_utf8(checked.stdout).expect("text");
    assert!(checked.status.success() && said.contains("overlord.toml  good"), "{said}");

    let host = setup.start();
    let alice = host.sign_in("alice");
    assert_eq!(alice.ask(&alice.new_session(), "demo:fast").status, 200);

    // And what stands behind a # there can be said too: here with an example's values.
    let data = host.setup().folder().join("elsewhere");
    let uncommented =
        printed.replace("# data = \"/home/you/.local/state/overlord\"", &format!("data = {data:?}"));
    assert_ne!(uncommented, printed);
    let host = with_file(Setup::new().without("OVERLORD_DATA"), &uncommented).start();
    host.sign_in("alice").new_session();
    assert!(data.join("state.redb").is_file());
}

#[test]
fn a_relative_path_is_relative_to_the_file_that_says_it() {
    let setup = Setup::new().without("OVERLORD_DATA").without("OVERLORD_WORKSPACE");
    let folder = setup.folder().to_owned();
    let host = with_file(setup, "data = \"my data\"\nworkspace = \"my work\"\n").start();
    let health = host.anyone().get("/agent/health").json();
    assert_eq!(health["claude_cwd"], json!(folder.join("my work")));
    assert!(folder.join("my data/state.redb").is_file());
}

#[test]
fn what_lies_where_the_agent_could_change_it_is_refused() {
    let setup = Setup::new();
    let data = setup.workspace().join("data");
    let said = refused(&setup.with("OVERLORD_DATA", data));
    assert!(
        said.contains("lies in the workspace") && said.contains("where the agent can change it"),
        "{said}"
    );
    let setup = Setup::new();
    let inside = setup.workspace().join("overlord.toml");
    fs::write(&inside, "").expect("writing a configuration");
    let said = refused(&setup.with("OVERLORD_CONFIG", inside));
    assert!(said.contains("holds the configuration file"), "{said}");
}

#[test]
fn to_be_reached_by_strangers_takes_a_secret() {
    let setup = Setup::new().without("OVERLORD_SECRET_KEY").with("OVERLORD_LISTEN", "0.0.0.0:0");
    let said = refused(&setup);
    assert!(said.contains("which others can reach, and no secret is given"), "{said}");
    assert!(said.contains("OVERLORD_SECRET_KEY"), "{said}");
}

#[test]
fn a_setting_that_its_component_does_not_take_is_said_before_anybody_asks() {
    for (variable, value, component, words) in [
        ("OVERLORD_AUTH_SETTINGS_DIGEST", "md5", "auth-cookie", "digest"),
        ("OVERLORD_LIMIT_SETTINGS_MAXX", "5", "limit-window", "maxx"),
        ("OVERLORD_LIMIT_SETTINGS_MAX", "100000", "limit-window", "a whole number from 0 to 8000"),
        ("OVERLORD_HISTORY_SETTINGS_PLACE", "here", "history-claude", "place"),
        ("OVERLORD_AUDIT_SETTINGS_COLOUR", "red", "audit-jsonl", "colour"),
        ("OVERLORD_AGENT_SETTINGS_SLASH_COMMANDS", "perhaps", "agent-claude", "slash_commands"),
    ] {
        let setup = Setup::new().with(variable, value);
        let slot = variable.split('_').nth(1).expect("a slot").to_lowercase();
        let checked = setup.command(["check"]).output().expect("running overlord");
        assert_eq!(checked.status.code(), Some(1), "{variable}");
        let said = String::from_utf8(checked.stdout).expect("text");
        let line = said.lines().find(|line| line.contains("BAD: ")).expect("a bad component");
        let expected = format!("{component}.wasm: it does not take the settings of the slot `{slot}`: ");
        assert!(line.starts_with(&slot) && line.contains(&expected) && line.contains(words), "{line}");

        let ended = setup.command(["serve"]).output().expect("running overlord");
        assert_eq!(ended.status.code(), Some(1), "{variable}");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert!(said.contains(&expected) && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_secret_that_the_host_made_itself_does_not_open_it_to_others() {
    let setup = Setup::new().without("OVERLORD_SECRET_KEY").with("OVERLORD_LISTEN", "0.0.0.0:0");
    // There is one already.
    let made = setup.command(["cookie", "alice"]).env("OVERLORD_LISTEN", "127.0.0.1:0").output();
    assert!(made.expect("running overlord").status.success() && setup.data().join("secret").is_file());
    let ended = setup.command(["serve"]).output().expect("running overlord");
    let said = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("which others can reach, and no secret is given"), "{said}");
    // With one of its own it starts, and says under which names it is not reached.
    let host = setup.with("OVERLORD_SECRET_KEY", "a secret of the tests and of nothing else").start();
    wait_until("a warning", || host.output().contains("their requests are answered with 421").then_some(()));
}
