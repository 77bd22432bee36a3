//! What one run of the client says, line by line: updates on the way, and in the end the answer or
//! what the client gave as its reason. Knows the client's events; does not know processes, exit
//! codes or settings.

use crate::command::is_session_id;
use crate::line::{Event, Json, Part, each, each_event, is, is_there, is_true, number, object, text};
use crate::transcript::{Change, TEXT_MAX, Transcript};
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// Something to show before the answer is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// More text.
    Delta(String),
    /// The whole text so far.
    Replacement(String),
    /// A tool is being used.
    ToolCalled {
        /// Joins the call and its end.
        id: String,
        /// The tool.
        name: String,
        /// Its input as JSON.
        input: String,
    },
    /// A tool has ended.
    ToolEnded {
        /// The call's id.
        id: String,
        /// Whether it failed.
        failed: bool,
        /// What it gave back.
        output: String,
    },
    /// This tool was not permitted.
    Denied(String),
    /// Anything else worth a line.
    Note(String),
}

/// A `result` with text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The text, at most [`TEXT_MAX`] bytes and a sentence.
    pub text: String,
    /// The session, where the client named one that can be one; lower case.
    pub session: Option<String>,
    /// How many turns; 0 where it did not say.
    pub turns: u32,
    /// How long in milliseconds; 0 where it did not say.
    pub duration_ms: u64,
    /// Whether the client calls it an error.
    pub is_error: bool,
}

/// What a run came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The last result that had text.
    pub said: Option<Said>,
    /// The names of tools that were not permitted, once a denial.
    pub denied: Vec<String>,
    /// Why a result had no text, in the client's words.
    pub errors: Vec<String>,
}

/// A run that is being listened to.
#[derive(Debug, Default)]
pub struct Stream {
    transcript: Transcript,
    /// (call, tool), so that a denial that is told twice counts once.
    denials: Vec<(String, String)>,
    ending: Ending,
}

/// Of a tool's input and output so much is shown; the whole is in the session's file.
pub const TOOL_TEXT_MAX: usize = 64 << 10;

/// Names and ids of tools are cut here; the API's own limit for a tool's name is 128.
const NAME_MAX: usize = 256;

/// More denials are not told one by one.
const DENIALS_MAX: usize = 1024;

/// Reasons that a result gives are kept up to this many; the first is what is shown.
const ERRORS_MAX: usize = 8;

impl Stream {
    /// Takes in one line of standard output, without its end.
    pub fn line(&mut self, line: &[u8], emit: &mut dyn FnMut(Update)) {
        each_event(line, |event| self.event(event, emit));
    }

    /// Whether a result with text has been seen.
    pub fn has_answer(&self) -> bool {
        self.ending.said.is_some()
    }

    /// What it came to.
    pub fn end(mut self) -> Ending {
        self.ending.denied = self.denials.into_iter().map(|(_, tool)| tool).collect();
        self.ending
    }

    fn event(&mut self, event: &Event<'_>, emit: &mut dyn FnMut(Update)) {
        let Some(kind) = event.kind.filter(|kind| kind.get().len() <= NAME_MAX) else { return };
        match text(Some(kind)).as_deref() {
            Some("result") => self.result(event, emit),
            Some("system") => self.system(event, emit),
            // What a subagent says is its caller's to repeat.
            _ if is_there(event.parent_tool_use_id) => {}
            Some("stream_event") => self.api(event.event, emit),
            Some("assistant") => self.assistant(event.message, emit),
            Some("user") => user(event.message, emit),
            _ => {}
        }
    }

    fn api(&mut self, json: Option<Json<'_>>, emit: &mut dyn FnMut(Update)) {
        let Some(event) = object::<Part<'_>>(json) else { return };
        if is(event.kind, "message_start") {
            show(self.transcript.take_back(), emit);
        } else if is(event.kind, "content_block_delta")
            && let Some(delta) = object::<Part<'_>>(event.delta)
            && is(delta.kind, "text_delta")
            && let Some(piece) = text(delta.text)
        {
            show(self.transcript.piece(&piece), emit);
        }
    }

    fn assistant(&mut self, message: Option<Json<'_>>, emit: &mut dyn FnMut(Update)) {
        let content = object::<Part<'_>>(message).and_then(|message| message.content);
        each(content, |json| {
            let Some(block) = object::<Part<'_>>(Some(json)) else { return };
            if is(block.kind, "text") {
                if let Some(words) = text(block.text) {
                    show(self.transcript.block(&words), emit);
                }
            } else if is(block.kind, "tool_use") {
                emit(Update::ToolCalled {
                    id: name(block.id),
                    name: name(block.name),
                    input: input(block.input),
                });
            }
        });
    }

    fn system(&mut self, event: &Event<'_>, emit: &mut dyn FnMut(Update)) {
        if is(event.subtype, "api_retry") {
            emit(Update::Note(retry(event)));
        } else if is(event.subtype, "permission_denied") {
            self.denial(event, emit);
        }
    }

    fn denial(&mut self, event: &Event<'_>, emit: &mut dyn FnMut(Update)) {
        let denial = (name(event.tool_use_id), name(event.tool_name));
        let told = !denial.0.is_empty() && self.denials.contains(&denial);
        if denial.1.is_empty() || told || self.denials.len() == DENIALS_MAX {
            return;
        }
        emit(Update::Denied(denial.1.clone()));
        self.denials.push(denial);
    }

    fn result(&mut self, event: &Event<'_>, emit: &mut dyn FnMut(Update)) {
        each(event.permission_denials, |json| {
            if let Some(denial) = object::<Event<'_>>(Some(json)) {
                self.denial(&denial, emit);
            }
        });
        let is_error = is_true(event.is_error);
        // `/clear` and its like answer with no text and mean it; an error with none says nothing.
        match text(event.result).filter(|text| !(is_error && text.is_empty())) {
            Some(words) => {
                self.ending.said = Some(Said {
                    text: answer(words),
                    session: text(event.session_id)
                        .filter(|id| is_session_id(id))
                        .map(|id| id.to_ascii_lowercase()),
                    turns: number(event.num_turns)
                        .map_or(0, |turns| u32::try_from(turns).unwrap_or(u32::MAX)),
                    duration_ms: number(event.duration_ms).unwrap_or(0),
                    is_error,
                });
            }
            None => self.reasons(event),
        }
    }

    fn reasons(&mut self, event: &Event<'_>) {
        let errors = &mut self.ending.errors;
        each(event.errors, |json| {
            if errors.len() < ERRORS_MAX
                // Its own diagnosis of having been interrupted, which tells nobody anything.
                && let Some(error) = text(Some(json)).filter(|error| !error.starts_with("[ede_diagnostic]"))
            {
                errors.push(cut(error, TOOL_TEXT_MAX));
            }
        });
        if errors.is_empty()
            && let Some(subtype) = text(event.subtype)
            && subtype != "success"
        {
            errors.push(cut(subtype, NAME_MAX));
        }
    }
}

fn user(message: Option<Json<'_>>, emit: &mut dyn FnMut(Update)) {
    let content = object::<Part<'_>>(message).and_then(|message| message.content);
    each(content, |json| {
        if let Some(block) = object::<Part<'_>>(Some(json))
            && is(block.kind, "tool_result")
        {
            emit(Update::ToolEnded {
                id: name(block.tool_use_id),
                failed: is_true(block.is_error),
                output: output(block.content),
            });
        }
    });
}

fn show(change: Option<Change>, emit: &mut dyn FnMut(Update)) {
    match change {
        Some(Change::More(text)) => emit(Update::Delta(text)),
        Some(Change::Whole(text)) => emit(Update::Replacement(text)),
        None => {}
    }
}

/// A tool's output is text, or a list of blocks of which some are.
fn output(content: Option<Json<'_>>) -> String {
    let mut whole = text(content).unwrap_or_default();
    each(content, |json| {
        if let Some(block) = object::<Part<'_>>(Some(json))
            && is(block.kind, "text")
            && whole.len() < TOOL_TEXT_MAX
        {
            whole.push_str(&text(block.text).unwrap_or_default());
        }
    });
    cut(whole, TOOL_TEXT_MAX)
}

/// A cut piece of JSON would be none, so what is too long is told in a JSON text.
fn input(json: Option<Json<'_>>) -> String {
    match json.map(RawValue::get) {
        None => "null".into(),
        Some(text) if text.len() > TOOL_TEXT_MAX => format!("\"{} bytes, too long to show\"", text.len()),
        Some(text) => text.into(),
    }
}

fn retry(event: &Event<'_>) -> String {
    let what = match number(event.error_status) {
        Some(status) => format!("the API answered {status}"),
        None => "the API could not be reached".into(),
    };
    // The client counts retries from 1; the first attempt was none.
    let attempt = number(event.attempt).unwrap_or(1).saturating_add(1);
    let of =
        number(event.max_retries).map(|max| format!(" of {}", max.saturating_add(1))).unwrap_or_default();
    let seconds = number(event.retry_delay_ms).unwrap_or(0).div_ceil(1000);
    format!("{what}; attempt {attempt}{of} in {seconds} s")
}

/// A text that was cut says so: nobody shall take a part for the whole.
fn answer(text: String) -> String {
    let length = text.len();
    let mut text = cut(text, TEXT_MAX);
    if text.len() < length {
        // Writing to a string cannot fail.
        let _ =
            write!(text, "\n\n[The answer was cut here: it had {length} bytes, and {TEXT_MAX} is the most.]");
    }
    text
}

fn name(json: Option<Json<'_>>) -> String {
    cut(text(json).unwrap_or_default(), NAME_MAX)
}

fn cut(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}
