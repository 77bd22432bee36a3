//! The small language of the demo: words of the form `demo:NAME`, some followed by a number,
//! anywhere in the message. One table says what there is; the help is made of the same table.

/// What a message asks the demo to pretend.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// How fast it talks.
    pub(crate) pace: Pace,
    /// What the answer is about.
    pub(crate) topic: Topic,
    /// Whether signals are ignored.
    pub(crate) deaf: bool,
    /// Whether it answers under another session's id.
    pub(crate) elsewhere: bool,
    /// For how many seconds it stays after its answer.
    pub(crate) stay: u64,
    /// What happens before the answer, in order.
    pub(crate) effects: Vec<Effect>,
}

/// How fast it talks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// So that one can watch.
    #[default]
    Pleasant,
    /// With no pause at all.
    Fast,
    /// So many seconds for each text.
    Slow(u64),
}

/// What the answer is about.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Topic {
    /// The message.
    #[default]
    Echo,
    /// This language.
    Help,
    /// A word that is not in it.
    Unknown(String),
    /// The names of the variables that the process was given.
    Environment,
    /// The id of the request that it was started for.
    Request,
    /// So many words.
    Words(u64),
}

/// What happens before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A tool is used.
    Tool,
    /// A tool is used and not permitted.
    Denied,
    /// The API is busy so many times.
    Retry(u64),
    /// Half a sentence.
    Half,
    /// Lines that are no events.
    Rubbish,
    /// So many MiB of lines.
    Flood(u64),
    /// A line of so many MiB.
    Line(u64),
    /// So many KiB on standard error.
    Stderr(u64),
    /// So many detached processes.
    Orphan(u64),
    /// The same, with this one's standard output in their hands.
    Clingy(u64),
    /// The API fails for good: an answer that is an error.
    Error,
    /// A sentence on standard error, no answer.
    Fail,
    /// No sentence either.
    Exit(u8),
    /// Death by a signal of one's own.
    Crash,
    /// Nothing more.
    Hang,
}

/// A word of the language: name, the number that it takes (without one given, at most), what for.
type Word = (&'static str, Option<(u64, u64)>, &'static str);

/// All of them.
pub(crate) const WORDS: [Word; 24] = [
    ("help", None, "this list"),
    ("fast", None, "no pauses between the words"),
    ("slow", Some((10, 3600)), "take this many seconds for each text"),
    ("words", Some((500, 100_000)), "an answer of this many words"),
    ("environment", None, "the names of the variables that the agent was given"),
    ("request", None, "the id of the request that it was started for"),
    ("tool", None, "pretend to use a tool"),
    ("denied", None, "pretend to use a tool that is not permitted"),
    ("retry", Some((2, 10)), "pretend that the API is busy this many times"),
    ("error", None, "an answer that is an error of the API (exit code 1)"),
    ("half", None, "begin a sentence before whatever comes next"),
    ("fail", None, "a sentence on standard error and no answer (exit code 1)"),
    ("exit", Some((3, 255)), "no answer and this exit code"),
    ("crash", None, "die of SIGABRT"),
    ("hang", None, "say nothing more until interrupted"),
    ("deaf", None, "ignore SIGINT and SIGTERM"),
    ("stay", Some((3600, 86_400)), "do not end for this many seconds after the answer"),
    ("elsewhere", None, "answer under another session's id"),
    ("rubbish", None, "print lines that are no events before the answer"),
    ("flood", Some((1024, 65_536)), "print this many MiB of lines before the answer"),
    ("line", Some((10, 4096)), "print one line of this many MiB before the answer"),
    ("stderr", Some((64, 65_536)), "write this many KiB to standard error before the answer"),
    ("orphan", Some((1, 16)), "leave this many detached processes behind"),
    ("clingy", Some((1, 16)), "the same, holding on to standard output"),
];

impl Script {
    /// Finds the words of the language in a message.
    pub(crate) fn read(message: &str) -> Self {
        let mut script = Self::default();
        let mut words = message.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("demo:") else { continue };
            let Some((name, number, _)) = WORDS.iter().find(|known| known.0 == name) else {
                script.topic = Topic::Unknown(word.chars().take(40).collect());
                continue;
            };
            let given = number.and_then(|_| words.peek()?.parse().ok());
            if given.is_some() {
                words.next();
            }
            let (default, max) = number.unwrap_or_default();
            script.add(name, given.unwrap_or(default).min(max));
        }
        script
    }

    fn add(&mut self, name: &str, number: u64) {
        let effect = match name {
            "help" => return self.topic = Topic::Help,
            "words" => return self.topic = Topic::Words(number),
            "environment" => return self.topic = Topic::Environment,
            "request" => return self.topic = Topic::Request,
            "fast" => return self.pace = Pace::Fast,
            "slow" => return self.pace = Pace::Slow(number),
            "deaf" => return self.deaf = true,
            "elsewhere" => return self.elsewhere = true,
            "stay" => return self.stay = number,
            "tool" => Effect::Tool,
            "denied" => Effect::Denied,
            "retry" => Effect::Retry(number),
            "half" => Effect::Half,
            "rubbish" => Effect::Rubbish,
            "flood" => Effect::Flood(number),
            "line" => Effect::Line(number),
            "stderr" => Effect::Stderr(number),
            "orphan" => Effect::Orphan(number),
            "clingy" => Effect::Clingy(number),
            "error" => Effect::Error,
            "fail" => Effect::Fail,
            "exit" => Effect::Exit(u8::try_from(number).unwrap_or(u8::MAX)),
            "crash" => Effect::Crash,
            _ => Effect::Hang,
        };
        self.effects.push(effect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_such_words_is_just_answered() {
        assert_eq!(
            Script::read("tell me about demo: and mydemo:fail"),
            Script { topic: Topic::Unknown("demo:".into()), ..Script::default() }
        );
        assert_eq!(Script::read("hello"), Script::default());
    }

    #[test]
    fn words_and_numbers_are_read_in_order() {
        let script = Script::read(
            "please demo:slow 5\ndemo:tool demo:retry demo:exit 7 demo:line 99999999 demo:fast 3",
        );
        assert_eq!(script.effects, [Effect::Tool, Effect::Retry(2), Effect::Exit(7), Effect::Line(4096)]);
        assert_eq!(script.pace, Pace::Fast);
    }

    #[test]
    fn every_word_means_something_of_its_own() {
        let mut seen = vec![Script::default()];
        for (name, ..) in WORDS {
            let script = Script::read(&format!("demo:{name}"));
            assert!(!seen.contains(&script), "{name}");
            seen.push(script);
        }
    }
}
