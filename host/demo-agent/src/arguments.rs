//! The client's command line: which flags there are, what they take, and the words in which a
//! wrong one is refused. Measured on the client, version 2.1.330. Flags without a meaning for a
//! demo are accepted and let be.

use std::collections::VecDeque;
use std::ffi::OsString;
use uuid::Uuid;

/// What is wanted.
#[derive(Debug)]
pub(crate) enum Wish {
    /// An answer.
    Run(Arguments),
    /// The version.
    Version,
    /// What can be asked for.
    Help,
}

/// How the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The text alone.
    Text,
    /// The result as one object, or all events as a list.
    Json,
    /// One event a line.
    StreamJson,
}

/// The command line, as far as it matters.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The session, and whether it must exist already.
    pub(crate) session: Session,
    /// How the answer is wanted.
    pub(crate) format: Format,
    /// `--verbose`.
    pub(crate) verbose: bool,
    /// `--include-partial-messages`.
    pub(crate) partial: bool,
    /// `--permission-mode`.
    pub(crate) permission_mode: String,
    /// `--no-session-persistence` turns it off.
    pub(crate) persistent: bool,
    /// The question, where it does not come on standard input.
    pub(crate) prompt: Option<String>,
}

/// Which session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// One that must not exist.
    New(String),
    /// One that must.
    Resumed(String),
}

const FLAGS: &str = "--allow-dangerously-skip-permissions --ax-screen-reader --bare --brief --chrome \
    --dangerously-skip-permissions --disable-slash-commands --exclude-dynamic-system-prompt-sections \
    --forward-subagent-text --ide --include-hook-events --include-partial-messages --no-chrome \
    --no-session-persistence -p --print --replay-user-messages --restricted --safe-mode --strict-mcp-config --verbose \
    -h --help -v --version";

const WITH_A_VALUE: &str = "--agent --agents --append-system-prompt --autocompact --debug-file --effort \
    --fallback-model --input-format --json-schema --max-budget-usd --max-turns --model -n --name --output-format \
    --permission-mode --permission-prompts --plugin-dir --plugin-url --session-id --setting-sources --settings \
    --system-prompt --system-prompt-snapshot -r --resume";

const WITH_VALUES: &str = "--add-dir --allowedTools --allowed-tools --betas --disallowedTools --disallowed-tools --file \
    --mcp-config --tools";

/// Known to the client, and more than a demo can do.
const BEYOND: &str = "--bg --background --cloud -c --continue -d --debug --desktop --environment --fork-session --from-pr \
    --prompt-suggestions --remote-control --remote-control-session-name-prefix --teleport --tmux -w --worktree";

const PERMISSION_MODES: [&str; 7] =
    ["acceptEdits", "auto", "bypassPermissions", "default", "manual", "dontAsk", "plan"];

/// Reads everything after the program's name. The error is what the client would print.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Result<Wish, String> {
    let mut words: VecDeque<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut raw = Raw::default();
    while let Some(word) = words.pop_front() {
        if word == "--" {
            raw.prompt.extend(words.drain(..));
        } else if word.len() > 1 && word.starts_with('-') {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if word.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            raw.flag(&name, value, &mut words)?;
        } else {
            raw.prompt.push(word);
        }
    }
    raw.check()
}

#[derive(Default)]
struct Raw {
    /// Flags without a value.
    switches: Vec<String>,
    session_id: Option<String>,
    resume: Option<String>,
    format: Option<String>,
    permission_mode: Option<String>,
    prompt: Vec<String>,
}

impl Raw {
    fn flag(
        &mut self,
        name: &str,
        value: Option<String>,
        words: &mut VecDeque<String>,
    ) -> Result<(), String> {
        let among = |list: &str| list.split_whitespace().any(|known| known == name);
        if among(FLAGS) {
            self.switches.push(name.to_owned());
        } else if among(WITH_A_VALUE) {
            let value = value.or_else(|| words.pop_front());
            let value = value.ok_or_else(|| format!("error: option '{name} <value>' argument missing"))?;
            self.set(name, value);
        } else if among(WITH_VALUES) {
            if value.is_none() {
                while words.front().is_some_and(|word| !word.starts_with('-')) {
                    words.pop_front();
                }
            }
        } else if among(BEYOND) {
            return Err(format!("error: the demo agent does not know how to do '{name}'; leave it out"));
        } else {
            return Err(format!("error: unknown option '{name}'"));
        }
        Ok(())
    }

    fn has(&self, names: &[&str]) -> bool {
        self.switches.iter().any(|switch| names.contains(&switch.as_str()))
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "--session-id" => self.session_id = Some(value),
            "-r" | "--resume" => self.resume = Some(value),
            "--output-format" => self.format = Some(value),
            "--permission-mode" => self.permission_mode = Some(value),
            _ => {}
        }
    }

    fn check(self) -> Result<Wish, String> {
        if self.has(&["-v", "--version"]) {
            return Ok(Wish::Version);
        }
        if self.has(&["-h", "--help"]) {
            return Ok(Wish::Help);
        }
        let format = match self.format.as_deref() {
            None | Some("text") => Format::Text,
            Some("json") => Format::Json,
            Some("stream-json") => Format::StreamJson,
            Some(other) => {
                return Err(format!(
                    "error: option '--output-format <format>' argument '{other}' is invalid. Allowed choices are text, \
                     json, stream-json."
                ));
            }
        };
        let permission_mode = self.permission_mode.as_deref().unwrap_or("default").to_owned();
        if !PERMISSION_MODES.contains(&permission_mode.as_str()) {
            return Err(format!(
                "error: option '--permission-mode <mode>' argument '{permission_mode}' is invalid. Allowed choices are \
                 acceptEdits, auto, bypassPermissions, manual, dontAsk, plan."
            ));
        }
        if !self.has(&["-p", "--print"]) {
            return Err("Error: the demo agent has no screen of its own; run it with -p (--print)".into());
        }
        if format == Format::StreamJson && !self.has(&["--verbose"]) {
            return Err("Error: When using --print, --output-format=stream-json requires --verbose".into());
        }
        Ok(Wish::Run(Arguments {
            format,
            verbose: self.has(&["--verbose"]),
            partial: self.has(&["--include-partial-messages"]),
            persistent: !self.has(&["--no-session-persistence"]),
            permission_mode,
            session: session(self.session_id, self.resume)?,
            prompt: (!self.prompt.is_empty()).then(|| self.prompt.join(" ")),
        }))
    }
}

fn session(id: Option<String>, resume: Option<String>) -> Result<Session, String> {
    match (id, resume) {
        (Some(_), Some(_)) => {
            Err("Error: --session-id with --continue or --resume also needs --fork-session.".into())
        }
        (Some(id), None) if is_uuid(&id) => Ok(Session::New(id)),
        (Some(_), None) => Err("Error: Invalid session ID. Must be a valid UUID.".into()),
        (None, Some(id)) if is_uuid(&id) => Ok(Session::Resumed(id)),
        (None, Some(other)) => Err(format!(
            "Error: --resume requires a valid session ID or session title when used with --print. Usage: claude -p \
             --resume <session-id|title>. Provided value \"{other}\" is not a UUID and does not match any session title."
        )),
        (None, None) => Ok(Session::New(Uuid::new_v4().to_string())),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

    fn arguments(words: &[&str]) -> Result<Arguments, String> {
        match read(words.iter().map(OsString::from))? {
            Wish::Run(arguments) => Ok(arguments),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_forms_of_a_flag_are_read() {
        for words in [
            &[
                "-p",
                "--session-id",
                ID,
                "--output-format",
                "stream-json",
                "--verbose",
                "--include-partial-messages",
            ][..],
            &[
                "-p",
                &format!("--session-id={ID}"),
                "--output-format=stream-json",
                "--verbose",
                "--include-partial-messages",
                "--settings={\"a\":1}",
                "--setting-sources=user",
                "--restricted",
                "--tools=Bash,Read",
            ],
        ] {
            let read = arguments(words).expect("read");
            assert_eq!(read.session, Session::New(ID.into()));
            assert_eq!((read.format, read.verbose, read.partial), (Format::StreamJson, true, true));
            assert_eq!((read.prompt, read.permission_mode.as_str()), (None, "default"));
        }
    }

    #[test]
    fn flags_that_take_many_values_swallow_what_follows() {
        let read = arguments(&["-p", "--allowedTools", "Bash", "Read", "--resume", ID]).expect("read");
        assert_eq!((read.session, read.prompt), (Session::Resumed(ID.into()), None));
        assert_eq!(
            arguments(&["-p", "--tools=Bash", "ask", "this"]).expect("read").prompt,
            Some("ask this".into())
        );
        assert_eq!(arguments(&["-p", "--", "-dash"]).expect("read").prompt, Some("-dash".into()));
    }

    #[test]
    fn what_the_client_refuses_is_refused_in_its_words() {
        let both = ["-p", "--session-id", ID, "--resume", ID];
        for (words, refusal) in [
            (&["-p", "--nope"][..], "error: unknown option '--nope'"),
            (&["-p", "-hello"], "error: unknown option '-hello'"),
            (&["-p", "--session-id"], "argument missing"),
            (&["-p", "--session-id=x"], "Error: Invalid session ID. Must be a valid UUID."),
            (&["-p", "--resume=x"], "Provided value \"x\" is not a UUID"),
            (&both, "also needs --fork-session."),
            (&["-p", "--output-format=stream-json"], "requires --verbose"),
            (&["-p", "--output-format=xml"], "Allowed choices are text, json, stream-json."),
            (&["-p", "--permission-mode=x"], "Allowed choices are acceptEdits"),
            (&["-p", "--continue"], "does not know how to do '--continue'"),
            (&["hello"], "run it with -p"),
        ] {
            let found = arguments(words).expect_err("refused");
            assert!(found.contains(refusal), "{words:?}: {found}");
        }
    }
}
