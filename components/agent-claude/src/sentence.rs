//! The one sentence that says why there is no answer. It is the `detail` of a 502 answer, so it
//! goes to whoever asked: short, without terminal codes, and without what looks like a secret.

/// The sentence is cut here, in characters: the audit line keeps no more of it.
pub const SENTENCE_MAX: usize = 500;

/// What the client prints in front of its own sentences.
const PREFIXES: [&str; 3] = ["Error: ", "error: ", "ERROR: "];

/// Beginnings of what nobody but its owner may see, as words.
const SECRETS: [&str; 9] = ["sk-", "xoxb-", "ghp_", "gho_", "ghs_", "github_pat_", "AKIA", "AIza", "eyJ"];

/// What announces that the next word is a secret.
const ANNOUNCEMENTS: [&str; 8] = [
    "bearer",
    "basic",
    "x-api-key",
    "api-key",
    "api_key",
    "anthropic_api_key",
    "anthropic_auth_token",
    "password",
];

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// There is no such program.
pub fn missing() -> String {
    "the agent program was not found; install the claude client (npm install -g @anthropic-ai/claude-code), or set \
     OVERLORD_AGENT_COMMAND to its path, or to `demo` for the built-in demo agent"
        .into()
}

/// It may not be run.
pub fn denied() -> String {
    "the agent program may not be run: the operating system or the host's configuration does not allow it; the host's \
     log says more"
        .into()
}

/// It could not be started.
pub fn not_started(why: &str) -> String {
    bounded(&format!("starting the agent program failed: {}", tidy(why)))
}

/// It fell silent.
pub fn idle() -> String {
    "the agent program said nothing for longer than the idle limit and was stopped; ask again, or ask for less at once"
        .into()
}

/// It ended without an answer. `errors` are what its results said instead.
pub fn ended(errors: &[String], stderr: &str, exit: Exit) -> String {
    let exit = match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("ended by signal {signal}{}", signal_name(signal)),
    };
    let reason = errors.iter().map(|error| tidy(error)).find(|error| !error.is_empty());
    let sentence = match reason.or_else(|| last_useful_line(stderr)) {
        Some(reason) => format!("the agent program gave no answer: {reason} ({exit})"),
        None => format!("the agent program gave no answer and no reason ({exit})"),
    };
    let old = stderr.contains("unknown option '--restricted'") || stderr.contains("unknown option '--tools'");
    if old {
        return bounded(&format!(
            "{sentence}; this client is too old to keep reads inside the workspace: update it, or allow them with the \
             agent's setting read_outside"
        ));
    }
    bounded(&sentence)
}

/// The last line that was written for people: no stack frame, no source excerpt, not the runtime's
/// name.
fn last_useful_line(stderr: &str) -> Option<String> {
    stderr.lines().rev().map(tidy).find(|line| {
        line.chars().any(char::is_alphanumeric)
            && !line.starts_with("at ")
            && !line.starts_with("Node.js v")
            && !line.starts_with("Bun v")
            && !line.starts_with("(Did you mean")
    })
}

/// One line of plain text: no control characters or terminal codes, no secrets, no prefix.
fn tidy(text: &str) -> String {
    let plain = without_codes(text);
    let mut words = Vec::new();
    let mut announced = false;
    for word in plain.split_whitespace() {
        words.push(if announced || is_secret(word) { "[hidden]" } else { word });
        let bare: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        announced = ANNOUNCEMENTS.contains(&bare.to_ascii_lowercase().as_str());
    }
    let line = words.join(" ");
    let line = PREFIXES.iter().find_map(|prefix| line.strip_prefix(prefix)).unwrap_or(&line);
    line.trim_end_matches('.').to_owned()
}

/// Looks at each run of characters that a key can be made of, so that quotes, `=` and the like
/// around it hide nothing.
fn is_secret(word: &str) -> bool {
    let part = |c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c));
    let key = |run: &str| run.len() >= 12 && SECRETS.iter().any(|secret| run.starts_with(secret));
    word.split(part).any(key)
        || word.split_once(['=', ':']).is_some_and(|(name, value)| {
            !value.is_empty()
                && ANNOUNCEMENTS.contains(&name.trim_matches(part).to_ascii_lowercase().as_str())
        })
}

/// Drops `ESC [ … letter` and its kin whole, and every other control character for a space.
fn without_codes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && characters.next_if_eq(&'[').is_some() {
            while characters.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            characters.next();
        } else if character.is_control() {
            plain.push(' ');
        } else {
            plain.push(character);
        }
    }
    plain
}

fn bounded(sentence: &str) -> String {
    match sentence.char_indices().nth(SENTENCE_MAX) {
        None => sentence.to_owned(),
        Some(_) => sentence.chars().take(SENTENCE_MAX - 1).chain(['…']).collect(),
    }
}

/// Those that a client of ours dies of.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        6 => " (SIGABRT)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_stderr(stderr: &str) -> String {
        ended(&[], stderr, Exit::Code(1))
    }

    #[test]
    fn the_client_s_own_words_come_first() {
        let errors = [String::new(), "Error: No conversation found.".to_owned()];
        assert_eq!(
            ended(&errors, "something else\n", Exit::Code(1)),
            "the agent program gave no answer: No conversation found (exit code 1)"
        );
        assert_eq!(
            from_stderr("a\nError: bad key.\n\n    at run (x.js:1:1)\n\nNode.js v20.1.0\n"),
            "the agent program gave no answer: bad key (exit code 1)"
        );
    }

    #[test]
    fn without_words_the_exit_is_told() {
        assert_eq!(
            ended(&[], " \n\n", Exit::Code(0)),
            "the agent program gave no answer and no reason (exit code 0)"
        );
        assert_eq!(
            ended(&[], "", Exit::Signal(9)),
            "the agent program gave no answer and no reason (ended by signal 9 (SIGKILL))"
        );
        assert!(ended(&[], "", Exit::Signal(64)).ends_with("(ended by signal 64)"));
    }

    #[test]
    fn terminal_codes_and_control_characters_are_gone() {
        assert_eq!(
            from_stderr("\u{1b}[31;1mred\u{1b}[0m\u{7}\0alert\r\n"),
            "the agent program gave no answer: red alert (exit code 1)"
        );
        assert!(from_stderr("tail \u{1b}[").ends_with("tail (exit code 1)"));
    }

    #[test]
    fn secrets_are_hidden() {
        for secret in [
            "key sk-ant-api03-abcdefghijkl is bad",
            "key \"sk-ant-api03-abcdefghijkl\", bad",
            "url?k=sk-ant-api03-abcdefghijkl",
            "Authorization: Bearer abcdefghijkl",
            "x-api-key: abcdefghijkl",
            "ANTHROPIC_API_KEY=abcdefghijkl",
        ] {
            let sentence = from_stderr(secret);
            assert!(!sentence.contains("abcdefghijkl") && sentence.contains("[hidden]"), "{sentence}");
        }
        assert!(from_stderr("the task sk-1 is basically done").contains("the task sk-1 is basically done"));
    }

    #[test]
    fn the_sentence_is_bounded_in_characters() {
        let frame = from_stderr("é").chars().count() - 1;
        let fits = from_stderr(&"é".repeat(SENTENCE_MAX - frame));
        assert!(fits.chars().count() == SENTENCE_MAX && fits.ends_with("(exit code 1)"));
        let cut = from_stderr(&"é".repeat(SENTENCE_MAX - frame + 1));
        assert!(cut.chars().count() == SENTENCE_MAX && cut.ends_with('…'));
        assert_eq!(not_started(&"x".repeat(100_000)).chars().count(), SENTENCE_MAX);
    }

    #[test]
    fn an_old_client_is_told_what_to_do() {
        let sentence = from_stderr("error: unknown option '--restricted'\n(Did you mean --x?)\n");
        assert!(
            sentence.contains("unknown option '--restricted'") && sentence.contains("read_outside"),
            "{sentence}"
        );
    }
}
