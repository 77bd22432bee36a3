//! Paths: how they become absolute, and which must not lie within each other.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::super::{AgentCommand, Config, Inherited};
use super::{assert_error, from_environment, from_file, from_file_in, path, surroundings, write};

#[test]
fn a_relative_path_is_relative_to_who_says_it() {
    let directory = TempDir::new().expect("a directory");
    let config = from_file_in(
        &directory,
        "data = 'state'\n[agent]\ncommand = './run'",
        &[("OVERLORD_COMPONENTS", "c")],
    )
    .expect("relative paths");
    assert_eq!(config.data, directory.path().join("state"));
    assert_eq!(config.agent.command, AgentCommand::Path(directory.path().join("./run")));
    assert_eq!(config.components, path("/nonexistent/here/c"));
}

#[test]
fn the_xdg_directories_are_used_where_they_are_absolute() {
    let environment = [("XDG_STATE_HOME", "/nonexistent/s"), ("XDG_DATA_HOME", "relative")];
    let config = from_environment(&environment).expect("one absolute, one ignored");
    assert_eq!(config.data, path("/nonexistent/s/overlord"));
    assert_eq!(config.workspace, path("/nonexistent/you/.local/share/overlord/workspace"));
}

#[test]
fn without_a_home_the_places_must_be_given() {
    let mut homeless = surroundings(&[]);
    homeless.environment.clear();
    let error = Config::load(None, &homeless).expect_err("no home").to_string();
    assert!(error.contains("set OVERLORD_DATA to a directory"), "{error}");
    assert!(error.contains("set OVERLORD_WORKSPACE to a directory"), "{error}");
    for name in ["OVERLORD_DATA", "OVERLORD_WORKSPACE"] {
        homeless.environment.push((name.into(), format!("/nonexistent/{name}").into()));
    }
    assert!(Config::load(None, &homeless).is_ok());
}

#[test]
fn components_are_found_near_the_program() {
    let directory = TempDir::new().expect("a directory");
    let mut surroundings = surroundings(&[]);
    surroundings.program = directory.path().join("bin/overlord");
    let found = |surroundings| Config::load(None, surroundings).expect("defaults").components;
    assert_eq!(found(&surroundings), directory.path().join("components"), "where there are none");
    for place in ["lib/overlord/components", "components", "bin/components"] {
        fs::create_dir_all(directory.path().join(place)).expect("a directory");
        assert_eq!(found(&surroundings), directory.path().join(place));
    }
}

#[test]
fn nothing_of_the_house_lies_where_the_agent_can_change_it() {
    let workspace = ("OVERLORD_WORKSPACE", "/nonexistent/w");
    for (variable, place) in [
        ("OVERLORD_DATA", "/nonexistent/w/data"),
        ("OVERLORD_DATA", "/nonexistent/w"),
        ("OVERLORD_DATA", "/nonexistent/x/../w/data"),
        ("OVERLORD_COMPONENTS", "/nonexistent/w/components"),
        ("OVERLORD_AUDIT_FILE", "/nonexistent/w/audit.jsonl"),
    ] {
        let error = from_environment(&[workspace, (variable, place)]).expect_err(place);
        assert!(error.contains(&format!("{variable}: ")), "{error}");
        assert!(
            error.contains("lies in the workspace /nonexistent/w, where the agent can change it; "),
            "{error}"
        );
    }
    // A name that begins alike is another place.
    assert!(from_environment(&[workspace, ("OVERLORD_DATA", "/nonexistent/work")]).is_ok());
}

#[test]
fn a_workspace_in_the_data_directory_is_refused() {
    assert_error(
        from_environment(&[("OVERLORD_DATA", "/nonexistent/d"), ("CLAUDE_CWD", "/nonexistent/d/w")]),
        "CLAUDE_CWD: workspace is /nonexistent/d/w, which lies in the data directory /nonexistent/d, which is \
         hidden from the agent; move data or the workspace elsewhere",
    );
    let home = [("OVERLORD_DATA", "/nonexistent/d"), ("OVERLORD_AGENT_HOME", "/nonexistent/d/h/{user}/x")];
    let error = from_environment(&home).expect_err("homes in the data directory");
    assert!(error.contains("agent.home is /nonexistent/d/h/, which lies in the data directory"), "{error}");
}

#[test]
fn symbolic_links_are_followed_before_places_are_compared() {
    let directory = TempDir::new().expect("a directory");
    let place = |name: &str| directory.path().join(name).display().to_string();
    fs::create_dir(place("w")).expect("a directory");
    symlink(place("w"), place("link")).expect("a link");
    let environment = [("OVERLORD_WORKSPACE", place("w")), ("OVERLORD_DATA", place("link/data"))];
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let error = from_environment(&environment).expect_err("the link leads into the workspace");
    assert!(error.contains("OVERLORD_DATA: data is "), "{error}");
}

#[test]
fn the_configuration_file_does_not_lie_in_the_workspace() {
    let error = from_file("workspace = '.'", &[]).expect_err("it lies beside the file");
    assert!(
        error.contains("DIR/overlord.toml:1: the workspace DIR/. holds the configuration file"),
        "{error}"
    );
    let directory = TempDir::new().expect("a directory");
    fs::create_dir(directory.path().join("w")).expect("a directory");
    write(&directory, "secret", "0123456789abcdef");
    let file = "workspace = 'w'\nsecret_key_file = 'w/../secret'";
    assert!(from_file_in(&directory, file, &[]).is_ok());
}

#[test]
fn a_command_is_one_name_or_path() {
    for (text, command) in [
        ("", AgentCommand::Auto),
        ("demo", AgentCommand::Demo),
        ("claude", AgentCommand::Name("claude".to_owned())),
        ("claude --model x", AgentCommand::Name("claude --model x".to_owned())),
        ("/opt/my agent", AgentCommand::Path("/opt/my agent".into())),
    ] {
        let config = from_environment(&[("OVERLORD_AGENT_COMMAND", text)]).expect(text);
        assert_eq!(config.agent.command, command);
    }
}

#[test]
fn a_home_is_none_or_a_template() {
    let home =
        |text: &str| from_environment(&[("OVERLORD_AGENT_HOME", text)]).map(|config| config.agent.home);
    assert_eq!(home(""), Ok(None));
    assert_eq!(home("/srv/h"), Ok(Some("/srv/h".to_owned())));
    assert_eq!(home("h/{user}/home"), Ok(Some("/nonexistent/here/h/{user}/home".to_owned())));
    for bad in ["/srv/{name}", "/srv/{user}/{user}", "/srv/{user", "/srv/}", "/{user}", "/u-{user}/h"] {
        let error = home(bad).expect_err(bad);
        assert!(error.contains("OVERLORD_AGENT_HOME: agent.home is no template: "), "{error}");
    }
}

#[test]
fn the_program_never_inherits_the_hosts_own_variables() {
    let inherited = from_environment(&[]).expect("defaults").agent.environment;
    for (name, allowed) in [
        ("PATH", true),
        ("PATH_", false),
        ("path", false),
        ("LC_ALL", true),
        ("LC_", true),
        ("LC", false),
        ("ANTHROPIC_API_KEY", true),
        ("CLAUDE_CODE_MAX_RETRIES", true),
        ("CLAUDE_CONFIG_DIR", true),
        ("CLAUDE_CWD", false),
        ("https_proxy", true),
        ("OVERLORD_SECRET_KEY", false),
        ("AGENT_AUDIT_LOG", false),
        ("LD_PRELOAD", false),
        ("", false),
    ] {
        assert_eq!(inherited.allows(name), allowed, "{name}");
    }
    for wide in ["*", "O*", "OVER*"] {
        let inherited = Inherited::new(vec![wide.to_owned()]).expect(wide);
        assert!(inherited.allows("OVER") || wide == "O*", "{wide}");
        assert!(!inherited.allows("OVERLORD_SECRET_KEY"), "{wide}");
    }
    for bad in ["OVERLORD_LISTEN", "OVERLORD_*", "", "A B", "A*B", "**", "1A", "A=B", "É"] {
        assert!(Inherited::new(vec!["PATH".to_owned(), bad.to_owned()]).is_err(), "{bad}");
    }
    let listed =
        from_environment(&[("OVERLORD_AGENT_ENVIRONMENT", "PATH, X_*")]).expect("a list with commas");
    assert!(listed.agent.environment.allows("X_Y") && !listed.agent.environment.allows("HOME"));
}
