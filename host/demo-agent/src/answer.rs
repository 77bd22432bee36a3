//! What the demo says. Every answer begins by saying that it is a demo.

use crate::script::{Topic, WORDS};
use std::fmt::Write;
use std::path::Path;

/// The beginning of every answer.
pub(crate) const DEMO: &str = "This is Overlord's demo agent: no model is behind it.";

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Usage: demo-agent -p [--session-id UUID | --resume UUID] [options] [prompt]

Stands in for `claude -p`: the same options, the same output, the same session files, and no model
behind it. The question comes on standard input or as the prompt. Ask it `demo:help` to see what it
can pretend.

  --output-format text|json|stream-json   stream-json needs --verbose
  --include-partial-messages              words as they come
  --session-id UUID, --resume UUID        a session of that name, new or gone on with
";

/// What came in, as far as the answer tells.
pub(crate) struct Question<'a> {
    pub(crate) message: &'a str,
    pub(crate) session: &'a str,
    pub(crate) new: bool,
    pub(crate) cwd: &'a Path,
}

/// The text of the answer, in Markdown.
pub(crate) fn text(topic: &Topic, question: &Question<'_>) -> String {
    match topic {
        Topic::Echo => echo(question),
        Topic::Help => help(""),
        Topic::Unknown(word) => help(&format!(" It does not know `{}`.", word.replace('`', "'"))),
        Topic::Environment => {
            environment(std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()))
        }
        Topic::Request => request(std::env::var("OVERLORD_REQUEST_ID").ok().as_deref()),
        Topic::Words(count) => words(*count),
    }
}

fn echo(question: &Question<'_>) -> String {
    let message = question.message;
    let fence = "`".repeat(longest_run(message).max(2) + 1);
    let state = if question.new { "it begins here" } else { "it goes on" };
    format!(
        "{DEMO} Your question has come all the way to a process of its own, and this is its answer:\n\n\
         - **Length:** {} characters\n- **Session:** `{}`, {state}\n- **Workspace:** `{}`\n\n\
         {fence}text\n{message}\n{fence}\n\nAsk `demo:help` to see what else it can pretend.",
        message.chars().count(),
        question.session,
        question.cwd.display(),
    )
}

fn help(remark: &str) -> String {
    let mut text = format!("{DEMO}{remark} Put any of these into a message:\n");
    for (name, number, what) in WORDS {
        let number = number.map(|(default, _)| format!(" {default}")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(text, "\n- `demo:{name}{number}`: {what}");
    }
    text
}

/// Names only: values may be secrets.
fn environment(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<_> = names.collect();
    names.sort();
    format!("{DEMO} It was given these variables:\n\n```text\n{}\n```", names.join("\n"))
}

/// By which the host's log and its answer to the client know what is asked here.
fn request(id: Option<&str>) -> String {
    format!("{DEMO} It was started for the request `{}`.", id.unwrap_or("without an id"))
}

fn words(count: u64) -> String {
    const SENTENCE: [&str; 8] = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs"];
    let mut text = format!("{DEMO}\n\n");
    for word in SENTENCE.iter().cycle().zip(0..count).map(|(word, _)| word) {
        text.push_str(word);
        text.push(' ');
    }
    text
}

fn longest_run(message: &str) -> usize {
    message.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(message: &str) -> String {
        text(&Topic::Echo, &Question { message, session: "s", new: true, cwd: Path::new("/w") })
    }

    #[test]
    fn the_question_comes_back_in_a_block_that_it_cannot_leave() {
        assert!(ask("hello").contains("```text\nhello\n```\n"));
        assert!(ask("a\n````\n**b**").contains("`````text\na\n````\n**b**\n`````\n"));
        assert!(ask("grüße 🦀").contains("7 characters"));
    }

    #[test]
    fn every_answer_says_that_it_is_a_demo() {
        let question = Question { message: "x", session: "s", new: false, cwd: Path::new("/w") };
        for topic in
            [Topic::Echo, Topic::Help, Topic::Unknown("demo:x".into()), Topic::Environment, Topic::Words(3)]
        {
            assert!(text(&topic, &question).starts_with(DEMO), "{topic:?}");
        }
        assert!(text(&Topic::Help, &question).contains("\n- `demo:slow 10`: "));
        assert!(text(&Topic::Words(9), &question).ends_with("lazy dogs the "));
    }
}
