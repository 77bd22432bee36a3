//! Where values come from: defaults, the file, the original's variables, Overlord's own.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::super::keys::{Preset, Shape};
use super::super::table::keys;
use super::super::{
    AgentCommand, FailMode, Instances, LogFormat, LogLevel, Secrets, Unowned, WallChoice, Wasi,
    annotated_defaults,
};
use super::{Config, assert_error, from_environment, from_file, path, surroundings};

#[test]
fn nothing_said_is_a_whole_configuration() {
    let config = from_environment(&[]).expect("no file and no variable are needed");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8767");
    assert_eq!(config.data, path("/nonexistent/you/.local/state/overlord"));
    assert_eq!(config.workspace, path("/nonexistent/you/.local/share/overlord/workspace"));
    assert_eq!(config.components, path("/nonexistent/opt/components"));
    assert_eq!(config.secrets, Secrets::Generated);
    assert_eq!(config.server.stop_after, Duration::from_secs(30));
    assert_eq!(config.server.connections_max, 1024);
    assert_eq!((config.sessions.unowned, config.sessions.open), (Unowned::Anyone, false));
    assert_eq!((config.log.level, config.log.format), (LogLevel::Info, LogFormat::Text));
    assert_eq!(config.log.level.word(), "info");
    assert_eq!(
        (config.auth.cookie.as_str(), config.auth.own_cookie.as_str()),
        ("session", "overlord_session")
    );
    assert!(config.auth.headers.is_empty());
    let slots =
        [&config.auth.slot, &config.limit.slot, &config.history, &config.audit.slot, &config.agent.slot];
    let names: Vec<_> = slots.iter().map(|slot| slot.component.as_str()).collect();
    assert_eq!(names, ["auth-cookie", "limit-window", "history-claude", "audit-jsonl", "agent-claude"]);
    assert!(slots.iter().all(|slot| slot.instances == Instances::Fresh && slot.wasi == Wasi::None));
    let open: Vec<_> = slots.iter().map(|slot| slot.fail == FailMode::Open).collect();
    assert_eq!(open, [false, false, false, true, false]);
    let limits = [("window_s", "3600"), ("max", "60"), ("concurrency", "1"), ("queue", "0")];
    assert_eq!(config.limit.slot.settings.0, limits.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        config.audit.file.as_deref(),
        Some(path("/nonexistent/you/.local/state/overlord/audit.jsonl"))
    );
    assert_eq!(config.agent.command, AgentCommand::Auto);
    assert_eq!(config.agent.home, None);
    assert_eq!((config.agent.user, config.agent.wall), (None, WallChoice::Auto));
    assert_eq!(config.agent.running_max, 8);
    assert_eq!(config.agent.time_limit, Duration::from_hours(1));
    assert_eq!(config.agent.idle_limit, Duration::from_mins(10));
    assert_eq!(config.agent.output_max_bytes, 64 * 1024 * 1024);
    assert_eq!((config.file, config.secret_key_file, config.warnings), (None, None, Vec::<String>::new()));
}

#[test]
fn the_printed_defaults_are_the_defaults() {
    let printed = from_file(&annotated_defaults(), &[]).expect("the printed defaults are a configuration");
    let nothing = from_environment(&[]).expect("nothing is a configuration");
    assert_eq!(Config { file: None, ..printed }, nothing);
}

#[test]
fn the_printed_defaults_name_every_key_and_its_variables() {
    let printed = annotated_defaults();
    for key in keys() {
        let (section, name) = key.parts();
        let header = format!("[{section}]\n");
        let from = if section.is_empty() { 0 } else { printed.find(&header).expect(section) + header.len() };
        let within = printed[from..].split("\n[").next().expect("a split has a first part");
        let variables = match key.original {
            Some(original) => format!("# {}, or {original}\n", key.variable()),
            None => format!("# {}\n", key.variable()),
        };
        let line = match key.preset {
            Preset::Value(value) => format!("{name} = {value}\n"),
            Preset::Found(value) => format!("# {name} = {value}\n"),
        };
        assert!(within.contains(&(variables + &line)), "{} is not printed with its variables", key.path);
        assert!(!key.about.is_empty() && key.about.lines().all(|line| line.len() < 100), "{}", key.path);
    }
}

/// What each shape cannot be, as a variable's text and in TOML.
fn wrong(shape: &Shape) -> (&'static str, &'static str) {
    match shape {
        Shape::Address => ("localhost:8767", "8767"),
        Shape::Path => ("~/x", "[]"),
        Shape::Origin => ("https://a/b", "1"),
        Shape::Hosts => ("a:80", "[1]"),
        Shape::Networks => ("0.0.0.0/0", "true"),
        Shape::Text => ("a\0b", "1"),
        Shape::Token => ("a;b", r#""""#),
        Shape::Tokens => ("a b", r#"[""]"#),
        Shape::Component => ("../x", r#""X.wasm""#),
        Shape::Name => ("A b", "[]"),
        Shape::Cell => ("everybody", "[]"),
        Shape::Flag => ("yes", r#""true""#),
        Shape::Number { .. } => ("1.5", r#""1""#),
        Shape::Choice(_) | Shape::Closed(_) => ("perhaps", "true"),
        Shape::Secrets => ("", "[]"),
        Shape::Patterns => ("A,B-C", r#"["A", 1]"#),
        Shape::PublicKeys => ("release", r#"["release"]"#),
        Shape::Slots => ("everywhere", r#"["everywhere"]"#),
        Shape::Digests => ("abc", r#"["abc"]"#),
        Shape::Setting => ("many", "{}"),
    }
}

#[test]
fn every_key_is_read_and_checked_wherever_it_is_said() {
    for key in keys() {
        let (bare, toml) = wrong(&key.shape);
        let error = from_environment(&[(&key.variable(), bare)]).expect_err(key.path);
        assert!(error.contains(&key.variable()) && error.contains(key.path), "{}: {error}", key.path);
        if let Some(original) = key.original {
            let error = from_environment(&[(original, bare)]).expect_err(key.path);
            assert!(error.contains(original) && error.contains(key.path), "{}: {error}", key.path);
        }
        let (section, name) = key.parts();
        let header = if section.is_empty() { "# top".to_owned() } else { format!("[{section}]") };
        let error = from_file(&format!("\n{header}\n{name} = {toml}\n"), &[]).expect_err(key.path);
        assert!(error.contains("DIR/overlord.toml:3: "), "{}: {error}", key.path);
        assert!(error.contains(key.path), "{}: {error}", key.path);
    }
}

#[test]
fn numbers_are_limited_on_both_sides() {
    let mut seen = 0;
    for key in keys() {
        let Shape::Number { min, max } = key.shape else { continue };
        for (number, allowed) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
            let result = from_environment(&[(&key.variable(), &number.to_string())]);
            assert_eq!(result.is_ok(), allowed, "{} = {number}", key.path);
        }
        seen += 1;
    }
    assert!(seen >= 6, "only {seen} numbers in the table");
    assert_error(
        from_environment(&[("OVERLORD_AGENT_RUNNING_MAX", "0")]),
        "OVERLORD_AGENT_RUNNING_MAX: agent.running_max is \"0\", which is not a whole number from 1 to 128",
    );
}

#[test]
fn own_variables_outrank_the_originals_and_those_the_file() {
    let file = "workspace = '/nonexistent/file'\n[limit.settings]\nmax = 1\n[audit]\nfile = '/nonexistent/file.jsonl'";
    let original =
        [("CLAUDE_CWD", "/nonexistent/original"), ("AGENT_RATE_MAX", "2"), ("AGENT_AUDIT_LOG", "/dev/null")];
    let own = [
        ("OVERLORD_WORKSPACE", "/nonexistent/own"),
        ("OVERLORD_LIMIT_SETTINGS_MAX", "3"),
        ("OVERLORD_AUDIT_FILE", "/nonexistent/own.jsonl"),
    ];
    let all: Vec<_> = own.into_iter().chain(original).collect();
    for (environment, workspace, max, audit) in [
        (&[][..], "/nonexistent/file", "1", Some("/nonexistent/file.jsonl")),
        (&original, "/nonexistent/original", "2", None),
        (&all, "/nonexistent/own", "3", Some("/nonexistent/own.jsonl")),
    ] {
        let config = from_file(file, environment).expect(workspace);
        assert_eq!(config.workspace, path(workspace));
        assert!(config.limit.slot.settings.0.contains(&("max".to_owned(), max.to_owned())), "{max}");
        assert_eq!(config.audit.file.as_deref(), audit.map(path));
    }
}

#[test]
fn the_original_services_limits_are_honoured() {
    let environment =
        [("AGENT_RATE_WINDOW_S", "10"), ("AGENT_RATE_MAX", "2"), ("AGENT_CONCURRENCY_PER_USER", "3")];
    let config = from_environment(&environment).expect("the original's names");
    let settings: Vec<_> = config.limit.slot.settings.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(settings, ["window_s=10", "max=2", "concurrency=3", "queue=0"]);
    assert_error(
        from_environment(&[("AGENT_RATE_MAX", "")]),
        "AGENT_RATE_MAX: limit.settings.max is empty, which is not a whole number",
    );
}

#[test]
fn what_there_is_not_is_refused_with_what_was_meant() {
    for (variable, way_out) in [
        ("OVERLORD_LISTEM", "did you mean OVERLORD_LISTEN?"),
        ("OVERLORD_AGENT_COMAND", "did you mean OVERLORD_AGENT_COMMAND?"),
        ("OVERLORD_CONFG", "did you mean OVERLORD_CONFIG?"),
        ("OVERLORD_AGENT_SETTINGS_", "unset it; `overlord config` names all there are"),
        ("OVERLORD_XYZZY", "unset it; `overlord config` names all there are"),
        ("OVERLORD_", "unset it; `overlord config` names all there are"),
    ] {
        let expected = format!("{variable}: there is no such variable; {way_out}");
        assert_error(from_environment(&[(variable, "a secret")]), &expected);
    }
    for (file, key, way_out) in [
        ("lisen = 1", "lisen", "did you mean listen?"),
        ("[agnet]\nx = 1", "agnet", "did you mean agent?"),
        ("[agent]comand = 1", "agent.comand", "did you mean command?"),
        ("[limit]\nmax = 1", "limit.max", "did you mean limit.settings.max?"),
        ("command = 'x'", "command", "did you mean agent.command?"),
        ("xyzzy = 1", "xyzzy", "`overlord config` prints all there are"),
        ("'' = 1", "", "`overlord config` prints all there are"),
        ("[log.settings]\nx = 1", "log.settings", "`overlord config` prints all there are"),
    ] {
        let file = file.replacen(']', "]\n", 1).replace("\n\n", "\n");
        let line = if key.starts_with("agent.") || key == "limit.max" { 2 } else { 1 };
        let expected = format!("DIR/overlord.toml:{line}: there is no key {key}; {way_out}");
        assert_error(from_file(&file, &[]), &expected);
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    let file = "listen = 'here'\nlisten_on = 1\n[agent]\nrunning_max = 0\n[limit]\nfail = 'open'\n";
    let environment = [("OVERLORD_LOG_LEVEL", "loud"), ("OVERLORD_LOUD", "1"), ("AGENT_RATE_MAX", "x")];
    let error = from_file(file, &environment).expect_err("six errors");
    let lines: Vec<_> =
        error.lines().map(|line| line.trim().split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines[0], "the configuration has 7 errors:");
    let mut places = lines[1..].to_vec();
    places.sort_unstable();
    let expected = [
        "AGENT_RATE_MAX",
        "DIR/overlord.toml:1",
        "DIR/overlord.toml:2",
        "DIR/overlord.toml:4",
        "DIR/overlord.toml:6",
        "OVERLORD_LOG_LEVEL",
        "OVERLORD_LOUD",
    ];
    assert_eq!(places, expected, "{error}");
}

#[test]
fn bad_syntax_is_told_by_line_without_quoting_it() {
    let error =
        from_file("listen = '127.0.0.1:1'\nsecret_key = \"swordfish\nx = [\n", &[]).expect_err("no TOML");
    assert!(error.contains("DIR/overlord.toml:2: reading the file as TOML failed: "), "{error}");
    assert!(!error.contains("swordfish"), "{error}");
    let twice = from_file("listen = '127.0.0.1:1'\nlisten = '127.0.0.1:1'", &[]).expect_err("said twice");
    assert!(twice.contains("DIR/overlord.toml:2: ") && twice.contains("duplicate"), "{twice}");
}

#[test]
fn the_environment_is_checked_though_the_file_cannot_be_read() {
    let environment = [("OVERLORD_CONFIG", "missing.toml"), ("OVERLORD_LOG_LEVEL", "loud")];
    let error = from_environment(&environment).expect_err("there is no such file");
    assert!(error.contains("OVERLORD_CONFIG: reading /nonexistent/here/missing.toml failed: "), "{error}");
    assert!(error.contains("OVERLORD_LOG_LEVEL: "), "{error}");
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let at = usize::try_from(super::super::read::FILE_MAX_BYTES).expect("fits");
    assert!(from_file(&"\n".repeat(at), &[]).is_ok());
    let error = from_file(&"\n".repeat(at + 1), &[]).expect_err("one byte more");
    assert!(error.contains("it is larger than 1048576 bytes"), "{error}");
    let directory = tempfile::TempDir::new().expect("a directory");
    let error = Config::load(Some(directory.path()), &surroundings(&[])).expect_err("a directory is no file");
    assert!(error.to_string().contains("it is not a regular file"), "{error}");
}

#[test]
fn the_file_may_be_named_by_a_variable_and_outranked_by_an_argument() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let one = super::write(&directory, "one.toml", "listen = '127.0.0.1:1'");
    let two = super::write(&directory, "two.toml", "listen = '127.0.0.1:2'");
    let named = surroundings(&[("OVERLORD_CONFIG", one.to_str().expect("UTF-8"))]);
    let config = Config::load(None, &named).expect("the variable's file");
    assert_eq!((config.listen.port(), config.file), (1, Some(one)));
    let config = Config::load(Some(&two), &named).expect("the argument's file");
    assert_eq!((config.listen.port(), config.file), (2, Some(two)));
}

#[test]
fn a_variable_that_is_not_utf8_is_refused_and_one_of_others_ignored() {
    let bad = OsString::from_vec(vec![b'/', 0xff]);
    let mut surroundings = surroundings(&[]);
    surroundings.environment.push(("SOMETHING_ELSE".into(), bad.clone()));
    surroundings.environment.push((bad.clone(), "x".into()));
    assert!(Config::load(None, &surroundings).is_ok());
    surroundings.environment.push(("OVERLORD_DATA".into(), bad));
    let error = Config::load(None, &surroundings).expect_err("not UTF-8").to_string();
    assert!(error.contains("OVERLORD_DATA: its value is not UTF-8; set it to a text that is"), "{error}");
}
