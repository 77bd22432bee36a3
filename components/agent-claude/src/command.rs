//! The client's command line and standard input for one question. Knows what was measured on the
//! published client (2.1.330); does not know how a program is started.
//!
//! Values are always joined to their flag with `=`: several flags take any number of values and
//! would swallow what follows. The message goes in on standard input, never as an argument, where
//! it would be visible to every user of the machine, limited in length, and read as an option
//! where it begins with `-`.

use crate::settings::Settings;

/// Whether the client makes the session or goes on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `--session-id`: fails where the session exists.
    New,
    /// `--resume`: fails where it does not.
    Resume,
}

impl Mode {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::New => Self::Resume,
            Self::Resume => Self::New,
        }
    }
}

/// Everything after the program's name.
pub fn arguments(settings: &Settings, session: &str, mode: Mode) -> Vec<String> {
    let session = match mode {
        Mode::New => format!("--session-id={session}"),
        Mode::Resume => format!("--resume={session}"),
    };
    let mut arguments = vec![
        "-p".into(),
        session,
        "--output-format=stream-json".into(),
        // Without it the client refuses stream-json.
        "--verbose".into(),
        "--include-partial-messages".into(),
        format!("--permission-mode={}", settings.permission_mode),
        // A hook in the workspace's own settings would run with no question asked.
        format!("--setting-sources={}", settings.setting_sources),
        format!("--settings={{\"cleanupPeriodDays\":{}}}", settings.cleanup_period_days),
    ];
    if !settings.read_outside {
        // The one mechanism that holds: `@path` in a message is read with no permission asked. A
        // rule in `permissions.deny` also stops it, but there is no exception to such a rule, so
        // the workspace's own files would be gone too. `--restricted` tells inside from outside,
        // symbolic links, `..`, `~` and quotes included, and keeps the tools that are named.
        arguments.push("--restricted".into());
        arguments.push(format!("--tools={}", settings.tools));
    }
    arguments.extend(settings.arguments.iter().cloned());
    arguments
}

/// What the client reads on its standard input. A `/` is a command to it only as the very first
/// character, so one space before it makes the message literal; `!`, `#`, `&`, a leading dash and
/// white space before a slash mean nothing to it there.
pub fn stdin(settings: &Settings, message: &str) -> Vec<u8> {
    let literal = !settings.slash_commands && message.starts_with('/');
    let mut bytes = Vec::with_capacity(message.len() + 1);
    if literal {
        bytes.push(b' ');
    }
    bytes.extend_from_slice(message.as_bytes());
    bytes
}

/// Whether the client would refuse the message for holding nothing but white space. JavaScript's
/// idea of that, which unlike Rust's has the byte order mark and not U+0085.
pub fn is_blank(message: &str) -> bool {
    message.chars().all(|c| c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}'))
}

/// Whether `text` is the 36-character form of a UUID, the one form of a session's name.
pub fn is_session_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

    #[test]
    fn a_new_session_by_default() {
        assert_eq!(
            arguments(&Settings::default(), SESSION, Mode::New),
            [
                "-p",
                "--session-id=3b241101-e2bb-4255-8caf-4136c566a962",
                "--output-format=stream-json",
                "--verbose",
                "--include-partial-messages",
                "--permission-mode=default",
                "--setting-sources=user",
                "--settings={\"cleanupPeriodDays\":3650}",
                "--restricted",
                "--tools=Bash,Edit,Glob,Grep,NotebookEdit,Read,Skill,Task,TaskStop,TodoWrite,ToolSearch,WebFetch,WebSearch,Write",
            ]
        );
    }

    #[test]
    fn settings_change_the_command_line_and_extra_arguments_come_last() {
        let settings = Settings::read(&[
            ("permission_mode", "plan"),
            ("read_outside", "allow"),
            ("cleanup_period_days", "7"),
            ("argument", "--model=opus"),
        ])
        .expect("read");
        assert_eq!(
            arguments(&settings, SESSION, Mode::Resume),
            [
                "-p",
                "--resume=3b241101-e2bb-4255-8caf-4136c566a962",
                "--output-format=stream-json",
                "--verbose",
                "--include-partial-messages",
                "--permission-mode=plan",
                "--setting-sources=user",
                "--settings={\"cleanupPeriodDays\":7}",
                "--model=opus",
            ]
        );
    }

    #[test]
    fn only_a_slash_at_the_very_beginning_gets_a_space() {
        let settings = Settings::default();
        for (message, sent) in [
            ("/clear", " /clear"),
            ("//", " //"),
            (" /clear", " /clear"),
            ("\n/clear", "\n/clear"),
            ("-p hello", "-p hello"),
            ("!ls", "!ls"),
            ("grüße 日本 🦀", "grüße 日本 🦀"),
        ] {
            assert_eq!(stdin(&settings, message), sent.as_bytes(), "{message:?}");
        }
        let commands = Settings::read(&[("slash_commands", "true")]).expect("read");
        assert_eq!(stdin(&commands, "/clear"), b"/clear");
    }

    #[test]
    fn blank_is_what_the_client_calls_blank() {
        for blank in ["", " ", "\n\t\r ", "\u{a0}\u{2028}\u{3000}", "\u{feff}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["a", " . ", "\u{200b}", "\u{85}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn session_ids_have_one_form() {
        assert!(is_session_id(SESSION) && is_session_id(&SESSION.to_uppercase()));
        let bare = SESSION.replace('-', "");
        for other in
            ["", "x", &bare, &SESSION[1..], "../../../../../../../../../etc/passwd0", &format!("{SESSION} ")]
        {
            assert!(!is_session_id(other), "{other}");
        }
    }
}
