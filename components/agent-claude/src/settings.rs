//! The slot's settings: which keys there are, what their values may be, what holds without them.
//! Refuses to guess: an unknown key or a value that makes no sense is a fault that names it.

/// How the client is to be driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `permission_mode`: what the client does when a tool needs permission.
    pub permission_mode: String,
    /// `argument`, once an argument: added after this policy's own.
    pub arguments: Vec<String>,
    /// `slash_commands`: whether a message that starts with `/` is a command to the client.
    pub slash_commands: bool,
    /// `read_outside`: whether messages and file tools may reach outside the workspace.
    pub read_outside: bool,
    /// `tools`: what the client keeps of its tools while reads outside are denied.
    pub tools: String,
    /// `cleanup_period_days`: after how long without use the client deletes a session.
    pub cleanup_period_days: u32,
    /// `setting_sources`: which of its settings files the client reads.
    pub setting_sources: String,
}

/// Ten years: the history belongs to those who asked, not to the client's housekeeping.
const CLEANUP_PERIOD_DAYS: u32 = 3650;

/// The longest period that can be set, a century: what the client makes of larger numbers is its own affair.
const CLEANUP_PERIOD_DAYS_MAX: u32 = 36_500;

/// What the client keeps under `--restricted`, which takes away whatever runs commands or fetches
/// unless it is named. Everything that works without a terminal; a name that a version of the
/// client does not know is passed over by it.
const TOOLS: &str =
    "Bash,Edit,Glob,Grep,NotebookEdit,Read,Skill,Task,TaskStop,TodoWrite,ToolSearch,WebFetch,WebSearch,Write";

/// Arguments that are this policy's own business: with another value of one of them the client
/// would answer another session, or in a form that is not understood here.
const RESERVED: [&str; 12] = [
    "--session-id",
    "--resume",
    "-r",
    "--continue",
    "-c",
    "--fork-session",
    "--from-pr",
    "--output-format",
    "--input-format",
    "--permission-mode",
    "--setting-sources",
    "--no-session-persistence",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            permission_mode: "default".into(),
            arguments: Vec::new(),
            slash_commands: false,
            read_outside: false,
            tools: TOOLS.into(),
            cleanup_period_days: CLEANUP_PERIOD_DAYS,
            setting_sources: "user".into(),
        }
    }
}

impl Settings {
    /// Reads the slot's pairs; of a key that may not be repeated the last one holds. The error is
    /// a sentence for the operator.
    pub fn read<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> Result<Self, String> {
        let mut settings = Self::default();
        for (key, value) in pairs {
            settings.set(key.as_ref(), value.as_ref())?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "permission_mode" => self.permission_mode = word(key, value)?,
            "argument" => self.arguments.push(argument(self.arguments.is_empty(), value)?),
            "slash_commands" => self.slash_commands = choice(key, value, "true", "false")?,
            "read_outside" => self.read_outside = choice(key, value, "allow", "deny")?,
            "tools" => self.tools = word(key, value)?,
            "cleanup_period_days" => self.cleanup_period_days = days(key, value)?,
            "setting_sources" => self.setting_sources = sources(key, value)?,
            // Told to every agent; this one's program finds out for itself.
            "cwd" => {}
            _ => {
                return Err(format!(
                    "reading the settings of agent-claude: unknown key `{key}`; it knows permission_mode, argument, \
                     slash_commands, read_outside, tools, cleanup_period_days, setting_sources and cwd"
                ));
            }
        }
        Ok(())
    }
}

/// Commas and all, but nothing that the client could take for something else.
fn word(key: &str, value: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b",_-:.*()".contains(&byte);
    if value.is_empty() || value.starts_with('-') || !value.bytes().all(plain) {
        return Err(format!(
            "reading the setting `{key}` of agent-claude: `{value}` is not a name or names joined by commas"
        ));
    }
    Ok(value.to_owned())
}

/// An empty value is how the client is told to read no settings file at all.
fn sources(key: &str, value: &str) -> Result<String, String> {
    if value.is_empty() { Ok(String::new()) } else { word(key, value) }
}

fn choice(key: &str, value: &str, yes: &str, no: &str) -> Result<bool, String> {
    if value == yes {
        Ok(true)
    } else if value == no {
        Ok(false)
    } else {
        Err(format!("reading the setting `{key}` of agent-claude: `{value}` is neither `{yes}` nor `{no}`"))
    }
}

fn days(key: &str, value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(days @ 1..=CLEANUP_PERIOD_DAYS_MAX) => Ok(days),
        _ => Err(format!(
            "reading the setting `{key}` of agent-claude: `{value}` is not a number of days from 1 to {CLEANUP_PERIOD_DAYS_MAX}"
        )),
    }
}

fn argument(first: bool, value: &str) -> Result<String, String> {
    let name = value.split('=').next().unwrap_or(value);
    let why = if value.contains('\0') {
        "holds a NUL, which no argument can"
    } else if RESERVED.contains(&name) {
        "is set by agent-claude itself"
    } else if value == "--" || (first && !value.starts_with('-')) {
        "would be taken for the question, which goes in on standard input"
    } else {
        return Ok(value.to_owned());
    };
    Err(format!(
        "reading the setting `argument` of agent-claude: `{}` {why}; leave it out",
        value.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(key: &str, value: &str) -> String {
        Settings::read(&[(key, value)]).expect_err("refused")
    }

    #[test]
    fn without_any_the_careful_ones_hold() {
        let settings = Settings::read::<&str, &str>(&[]).expect("read");
        assert_eq!(settings, Settings::default());
        assert!(!settings.slash_commands && !settings.read_outside);
        assert_eq!((settings.permission_mode.as_str(), settings.cleanup_period_days), ("default", 3650));
    }

    #[test]
    fn each_key_is_read() {
        let settings = Settings::read(&[
            ("permission_mode", "acceptEdits"),
            ("argument", "--model=opus"),
            ("argument", "--allowedTools"),
            ("argument", "Bash(git log:*)"),
            ("slash_commands", "true"),
            ("read_outside", "allow"),
            ("tools", "Read,Bash"),
            ("cleanup_period_days", "36500"),
            ("setting_sources", "user,project"),
            ("cwd", "/srv/a place"),
        ]);
        let expected = Settings {
            permission_mode: "acceptEdits".into(),
            arguments: vec!["--model=opus".into(), "--allowedTools".into(), "Bash(git log:*)".into()],
            slash_commands: true,
            read_outside: true,
            tools: "Read,Bash".into(),
            cleanup_period_days: 36500,
            setting_sources: "user,project".into(),
        };
        assert_eq!(settings, Ok(expected));
        assert_eq!(
            Settings::read(&[("setting_sources", "")]).map(|read| read.setting_sources),
            Ok(String::new())
        );
    }

    #[test]
    fn an_unknown_key_is_named() {
        assert!(fault("permision_mode", "default").contains("`permision_mode`"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for value in ["0", "36501", "-1", "ten", "", "99999999999999999999"] {
            assert!(fault("cleanup_period_days", value).contains("cleanup_period_days"), "{value}");
        }
        for value in ["yes", "", "True", "1"] {
            assert!(fault("slash_commands", value).contains("slash_commands"), "{value}");
            assert!(fault("read_outside", value).contains("read_outside"), "{value}");
        }
        for value in ["", "--dangerously", "a b", "a\0"] {
            assert!(fault("permission_mode", value).contains("permission_mode"), "{value}");
            assert!(fault("tools", value).contains("tools"), "{value}");
        }
    }

    #[test]
    fn arguments_that_would_break_the_drive_are_refused() {
        for value in
            ["--resume=x", "--session-id", "-r", "-c", "--output-format=text", "--", "prompt", "a\0b", ""]
        {
            assert!(fault("argument", value).contains("`argument`"), "{value}");
        }
        assert!(Settings::read(&[("argument", "--settings={}"), ("argument", "value")]).is_ok());
    }
}
