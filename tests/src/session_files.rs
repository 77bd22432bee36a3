//! Writes session files of any size, as `claude` 2.1.330 writes them. Knows the shapes and sizes of
//! its records, measured on the client; decides nothing about what is shown of them.
//!
//! Nothing but the standard library, and the same bytes for the same arguments.

use std::io::{self, Write};

/// The working directory that the records name.
pub const CWD: &str = "/srv/demo/work";

/// The session that the records name.
pub const SESSION: &str = "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e";

/// Bytes of the records of one question and its answer, by type: a "hello" is 22 lines and 141 KB.
/// Two sizes were measured one by one, `api-request-shape` and `prompt_snapshot`; the others share
/// what is left.
const SHAPE: usize = 38 << 10;
const SNAPSHOT: usize = 57 << 10;
const BLOB: usize = 12 << 10;
const REQUEST: usize = 4 << 10;
const ATTACHMENT: usize = 2 << 10;

/// The attachments before a first answer; the snapshot comes after it.
const ATTACHMENTS: [&str; 9] = [
    "environment",
    "model",
    "deferred_tools_delta",
    "agent_listing_delta",
    "skill_listing",
    "session_context",
    "date",
    "remote_session_change",
    "skill_listing",
];

/// Writes turns of question and answer, with all the client's own records in their proportions,
/// until `bytes` are written or more. Returns how many messages a chat shows of them.
pub fn write_real_mix(out: &mut impl Write, bytes: u64) -> io::Result<u64> {
    let mut file = Lines::new(out);
    while file.written < bytes {
        file.turn("hello", "Hello! What would you like to do today?", true)?;
    }
    Ok(file.messages)
}

/// As [`write_real_mix`] with most of the bytes in what was said: answers of some kilobytes, with
/// code, quotation marks and other scripts, and none of the client's large records.
pub fn write_text_heavy(out: &mut impl Write, bytes: u64) -> io::Result<u64> {
    let mut file = Lines::new(out);
    while file.written < bytes {
        let paragraphs = 3 + usize::try_from(file.messages % 9).unwrap_or(0);
        let answer = format!("{}{CODE}{PROSE}", PROSE.repeat(paragraphs));
        file.turn("How does this part of the program work, and why?", &answer, false)?;
    }
    Ok(file.messages)
}

/// A file that shows exactly `messages` messages, question and answer in turn, each with its number.
pub fn write_messages(out: &mut impl Write, messages: u64) -> io::Result<()> {
    let mut file = Lines::new(out);
    while file.messages < messages {
        let number = file.messages;
        file.question(&format!("question {number}"))?;
        if file.messages < messages {
            file.answer(&format!("answer {}", number + 1))?;
        }
    }
    Ok(())
}

/// A paragraph of an answer.
const PROSE: &str = "The function `read` walks the file in pieces, and \"a piece\" is never larger \
    than a megabyte. Every line is looked at once. Größe und Reihenfolge bleiben, wie sie sind; \
    日本語も同じです. A second sentence of plain English follows so that most of the characters are \
    ASCII, as they are in most answers, and so does a third one that says nothing at all but takes \
    up the room that explanations tend to take up.\n\n- The first point is short.\n- The second point \
    is a little longer than the first one, because points differ.\n\n";

/// The program that an answer shows.
const CODE: &str = "```rust\nfor line in lines {\n    let text = line?;\n    if text.is_empty() {\n        \
    continue;\n    }\n    println!(\"{text}\");\n}\n```\n\n";

/// The lines of a file, one after the other.
struct Lines<'a, W> {
    out: &'a mut W,
    written: u64,
    count: u64,
    messages: u64,
}

impl<'a, W: Write> Lines<'a, W> {
    fn new(out: &'a mut W) -> Self {
        Self { out, written: 0, count: 0, messages: 0 }
    }

    fn turn(&mut self, question: &str, answer: &str, with_records: bool) -> io::Result<()> {
        let quoted = quote(question);
        self.record("queue-operation", &format!(r#""operation":"enqueue","content":{quoted}"#))?;
        self.record("queue-operation", r#""operation":"dequeue""#)?;
        self.question(question)?;
        if with_records {
            for kind in ATTACHMENTS {
                self.attachment(kind, ATTACHMENT)?;
            }
            self.record("atis-latch", r#""atis":"""#)?;
            self.filler("api-request-shape", SHAPE)?;
            self.filler("api-request-blob", BLOB)?;
            self.filler("api-request-blob", BLOB)?;
            self.filler("api-request", REQUEST)?;
        }
        self.answer(answer)?;
        if with_records {
            self.attachment("prompt_snapshot", SNAPSHOT)?;
        }
        self.record("last-prompt", &format!(r#""lastPrompt":{quoted}"#))?;
        self.record("atis-latch", r#""atis":"""#)?;
        self.record("cost-state", r#""totalCostUSD":0.01,"totalDuration":600,"modelUsage":{}"#)
    }

    fn question(&mut self, text: &str) -> io::Result<()> {
        self.messages += 1;
        let (id, text) = (self.count, quote(text));
        self.line(&format!(
            concat!(
                r#"{{"parentUuid":null,"isSidechain":false,"promptId":"{id:032x}","type":"user","#,
                r#""message":{{"role":"user","content":{text}}},"uuid":"{id:032x}","#,
                r#""timestamp":"2026-11-22T09:43:58.363Z","permissionMode":"default","#,
                r#""promptSource":"sdk","turnOrigin":"sdk","userType":"external","#,
                r#""entrypoint":"sdk-cli","cwd":"{CWD}","sessionId":"{SESSION}","#,
                r#""version":"2.1.330","gitBranch":"HEAD"}}"#
            ),
            id = id,
            text = text,
            CWD = CWD,
            SESSION = SESSION,
        ))
    }

    fn answer(&mut self, text: &str) -> io::Result<()> {
        self.messages += 1;
        let (id, text) = (self.count, quote(text));
        self.line(&format!(
            concat!(
                r#"{{"parentUuid":"{id:032x}","isSidechain":false,"message":{{"id":"msg_{id:020x}","#,
                r#""type":"message","role":"assistant","model":"claude-opus-5-5","content":"#,
                r#"[{{"type":"text","text":{text}}}],"stop_reason":"end_turn","#,
                r#""stop_sequence":null,"usage":{{"input_tokens":11,"#,
                r#""cache_creation_input_tokens":0,"cache_read_input_tokens":0,"#,
                r#""output_tokens":7,"server_tool_use":{{"web_search_requests":0}},"#,
                r#""service_tier":"standard","speed":"standard"}},"stop_details":null}},"#,
                r#""apiBlockIndex":0,"requestId":"req_{id:012x}","type":"assistant","#,
                r#""uuid":"{id:032x}","timestamp":"2026-11-22T09:43:58.482Z","effort":"medium","#,
                r#""madeBy":"model","userType":"external","entrypoint":"sdk-cli","cwd":"{CWD}","#,
                r#""sessionId":"{SESSION}","version":"2.1.330","gitBranch":"HEAD"}}"#
            ),
            id = id,
            text = text,
            CWD = CWD,
            SESSION = SESSION,
        ))
    }

    /// A record of the client's own, its type first.
    fn record(&mut self, kind: &str, rest: &str) -> io::Result<()> {
        self.line(&format!(r#"{{"type":"{kind}","sessionId":"{SESSION}",{rest}}}"#))
    }

    /// A record of about `bytes` bytes: a request as the client keeps it, text within JSON.
    fn filler(&mut self, kind: &str, bytes: usize) -> io::Result<()> {
        let filler = filler(bytes);
        self.record(kind, &format!(r#""request":{{"model":"claude-opus-5-5","tools":{filler}}}"#))
    }

    /// An attachment of about `bytes` bytes, its type after the ids.
    fn attachment(&mut self, kind: &str, bytes: usize) -> io::Result<()> {
        let (id, filler) = (self.count, filler(bytes));
        self.line(&format!(
            concat!(
                r#"{{"parentUuid":"{id:032x}","isSidechain":false,"type":"attachment","#,
                r#""uuid":"{id:032x}","timestamp":"2026-11-22T09:43:58.360Z","#,
                r#""sessionId":"{SESSION}","cwd":"{CWD}","version":"2.1.330","#,
                r#""attachment":{{"type":"{kind}","content":{filler}}}}}"#
            ),
            id = id,
            kind = kind,
            filler = filler,
            CWD = CWD,
            SESSION = SESSION,
        ))
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.written += line.len() as u64 + 1;
        self.count += 1;
        Ok(())
    }
}

/// A list of about `bytes` bytes of what the client's large records consist of: descriptions of
/// tools, long text with escapes beside short keys.
fn filler(bytes: usize) -> String {
    let tool = concat!(
        r#"{"name":"Read","description":"Reads a file from the local file system. You can access "#,
        r#"any file directly.\n\nUsage:\n- The path must be \"absolute\", not relative.\n- It reads "#,
        r#"up to 2000 lines from the beginning.\n- Lines longer than 2000 characters are cut.\n- "#,
        r#"Results come with line numbers, beginning at 1.","input_schema":{"type":"object","#,
        r#""properties":{"file_path":{"type":"string","description":"The path of the file"}},"#,
        r#""required":["file_path"]}}"#
    );
    let count = (bytes / (tool.len() + 1)).max(1);
    format!("[{}]", vec![tool; count].join(","))
}

/// `text`, which has no control characters but line ends, as JSON writes it.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}
