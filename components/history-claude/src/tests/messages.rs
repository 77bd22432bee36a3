//! What a line shows, and that the fast way to find it out agrees with the plain one.

use std::fmt::Write as _;

use super::{Random, recording, recordings, shown};
use crate::page::{Page, Query, Window, read};
use crate::record::{self, Kind, Message, Role};
use crate::tests::Memory;

fn all(file: &[u8], detailed: bool) -> Vec<Message> {
    let query = Query { window: Window::Since(0), messages_max: u32::MAX, bytes_max: u64::MAX, detailed };
    let Page { messages, next, more } = read(&mut Memory::new(file), &query).unwrap();
    assert!(!more && next <= file.len() as u64);
    messages
}

fn texts(file: &[u8]) -> Vec<(Role, Kind, String)> {
    all(file, false).into_iter().map(|message| (message.role, message.kind, message.text)).collect()
}

fn one(line: &str) -> Option<Message> {
    record::read(line.as_bytes(), 0, false)
}

fn asides(line: &str) -> Vec<(&'static str, String, String, String, bool)> {
    let message = record::read(line.as_bytes(), 0, true).unwrap();
    let asides = message.asides.into_iter();
    asides.map(|aside| (aside.kind, aside.id, aside.name, aside.text, aside.failed)).collect()
}

#[test]
fn recordings_show_what_the_plain_program_shows() {
    for (name, file) in recordings() {
        let messages = all(&file, false);
        assert!(!messages.is_empty(), "{name}");
        assert_eq!(messages, shown(&file), "{name}");
    }
}

#[test]
fn an_interruption_is_a_marker_and_the_made_up_answer_to_it_is_hidden() {
    let expected = [
        (Role::User, Kind::Text, "go [[slow:30]]"),
        (Role::Assistant, Kind::Text, "word1 word2 word3 word4 word5 word6 word7 "),
        (Role::User, Kind::Marker, "[Request interrupted by user]"),
        (Role::User, Kind::Text, "after the kill"),
        (Role::Assistant, Kind::Text, "Mock answer to: after the kill"),
    ];
    let expected = expected.map(|(role, kind, text)| (role, kind, text.to_owned()));
    assert_eq!(texts(&recording("sigint-then-resume")), expected);
}

#[test]
fn what_was_compacted_is_shown_once_and_the_command_not_at_all() {
    let said: Vec<_> = texts(&recording("compact"))
        .into_iter()
        .filter(|(role, ..)| *role == Role::User)
        .map(|(.., text)| text)
        .collect();
    assert_eq!(said, ["first question", "second question", "third question"]);
}

#[test]
fn an_error_of_the_service_is_shown_as_one() {
    let last = texts(&recording("api-error-529")).pop().unwrap();
    assert_eq!((last.0, last.1), (Role::Assistant, Kind::Error));
    assert!(last.2.starts_with("API Error: Repeated 529"), "{}", last.2);
}

#[test]
fn the_detailed_form_tells_of_tools() {
    let messages = all(&recording("tool-bash"), true);
    let asides: Vec<_> = messages.iter().flat_map(|message| &message.asides).collect();
    assert_eq!(asides.len(), 2);
    assert_eq!((asides[0].kind, asides[0].name.as_str()), ("tool-call", "Bash"));
    assert_eq!(asides[0].text, r#"{"command":"echo hi","description":"Print hi"}"#);
    assert_eq!((asides[1].kind, asides[1].text.as_str(), asides[1].failed), ("tool-result", "hi", false));
    assert_eq!(asides[0].id, asides[1].id);
    assert!(!asides[0].id.is_empty());
    let silent = messages.iter().filter(|message| message.text.is_empty()).count();
    assert_eq!(silent, 2, "messages that have nothing else");
}

#[test]
fn the_detailed_form_tells_of_denials_and_thoughts() {
    let messages = all(&recording("tool-denied"), true);
    let asides: Vec<_> = messages.iter().flat_map(|message| &message.asides).collect();
    assert_eq!((asides[1].kind, asides[1].failed), ("denied", true));
    assert_eq!(asides[0].id, asides[1].id);
    assert!(asides[1].text.contains("needs approval"), "{}", asides[1].text);
    let messages = all(&recording("thinking"), true);
    let thought = messages.iter().flat_map(|message| &message.asides).next().unwrap();
    assert_eq!((thought.kind, thought.text.as_str()), ("thinking", "Let me think about it."));
}

#[test]
fn a_result_may_be_a_list_and_an_unknown_block_is_nothing() {
    let line = r#"{"type":"user","message":{"content":[
        {"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]},
        {"type":"redacted_thinking","data":"x"}, {"type":"thinking","thinking":""}, {"text":"no type"}, 7, null, "s"
    ]}}"#.replace('\n', " ");
    assert_eq!(asides(&line), [("tool-result", "t".into(), String::new(), "ab".into(), true)]);
    assert_eq!(one(&line), None, "the plain form has nothing to show");
}

#[test]
fn asides_are_bounded() {
    let max = record::OTHERS_MAX;
    for count in [max - 1, max, max + 1] {
        let blocks = vec![r#"{"type":"tool_use","id":"t","name":"n"}"#; count].join(",");
        let line = format!(
            r#"{{"type":"assistant","message":{{"content":[{blocks},{{"type":"text","text":"end"}}]}}}}"#
        );
        let message = record::read(line.as_bytes(), 0, true).unwrap();
        assert_eq!((message.asides.len(), message.text.as_str()), (count.min(max), "end"));
    }
}

#[test]
fn keys_come_in_any_order_in_any_spelling_and_more_than_once() {
    for line in [
        r#"{"message":{"content":"hi"},"timestamp":"t","type":"user"}"#,
        r#" { "ty\u0070e" : "us\u0065r" , "timestamp":"t", "m\u0065ssage" : { "content" : "h\u0069" } } "#,
        r#"{"type":"system","message":{"content":"no"},"timestamp":7,"type":"user","message":{"content":"hi"},"timestamp":"t"}"#,
        r#"{"type":"user","message":{"content":[{"text":"h","type":"text"},{"type":"text","text":"i"}]},"timestamp":"t"}"#,
    ] {
        let found = all(format!("{line}\n").as_bytes(), false);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!((found[0].text.as_str(), found[0].timestamp.as_deref()), ("hi", Some("t")), "{line}");
    }
    let last_wins = r#"{"type":"user","message":{"content":"hi"},"type":"system"}"#;
    assert_eq!(one(last_wins), None);
}

#[test]
fn each_kind_of_record_that_a_chat_hides_is_hidden() {
    let said = r#"{"type":"user","message":{"content":"hi"}}"#;
    assert!(one(said).is_some());
    for hidden in [
        said.replace("user", "attachment"),
        said.replace('}', r#","isMeta":true}"#).replacen(r#","isMeta":true}"#, "}", 1),
        r#"{"type":"user","isMeta":true,"message":{"content":"hi"}}"#.into(),
        r#"{"type":"user","isCompactSummary":true,"message":{"content":"hi"}}"#.into(),
        r#"{"type":"user","isSidechain":true,"message":{"content":"hi"}}"#.into(),
        said.replace("hi", "<command-name>/x"),
        said.replace("hi", "<local-command-stdout>"),
        said.replace("hi", "<task-notification>"),
        said.replace("hi", ""),
        r#"{"type":"assistant","message":{"model":"<synthetic>","content":"hi"}}"#.into(),
        r#"{"type":"user","message":null}"#.into(),
        r#"{"type":"user","message":"hi"}"#.into(),
        r#"{"type":"user"}"#.into(),
        r#"{"type":["user"],"message":{"content":"hi"}}"#.into(),
        r#"["type","user"]"#.into(),
        r#""user""#.into(),
    ] {
        assert_eq!(one(&hidden), None, "{hidden}");
    }
    for shown in [
        r#"{"type":"user","isMeta":false,"isSidechain":null,"isCompactSummary":0,"message":{"content":"hi"}}"#,
        r#"{"type":"assistant","message":{"content":"<command-name> is what a command begins with"}}"#,
        r#"{"type":"user","message":{"content":" <command-name>"}}"#,
        r#"{"type":"user","message":{"model":"<synthetic>","content":"hi"}}"#,
    ] {
        assert_eq!(one(shown).map(|message| message.kind), Some(Kind::Text), "{shown}");
    }
    let speaks_of_it =
        r#"{"type":"user","message":{"content":"[Request interrupted by user] is what it says"}}"#;
    assert_eq!(one(speaks_of_it).unwrap().kind, Kind::Text);
}

#[test]
fn hostile_lines_harm_nothing() {
    let deep = 100_000;
    let good = r#"{"type":"user","message":{"content":"hi"}}"#;
    let mut file = Vec::new();
    for bad in [
        "[".repeat(deep),
        format!(r#"{{"type":"user","message":{}1{}}}"#, "[".repeat(deep), "]".repeat(deep)),
        format!(
            r#"{{"type":"user","message":{{"content":{}1{}}}}}"#,
            r#"{"a":"#.repeat(deep),
            "}".repeat(deep)
        ),
        "\0".repeat(1000),
        "{\"type\":\"user\",\"message\":{\"content\":\"a\0b\"}}".into(),
        "{\"type\":\"user\"".into(),
        "null".into(),
        String::new(),
    ] {
        file.extend_from_slice(bad.as_bytes());
        file.push(b'\n');
    }
    file.extend_from_slice(
        b"{\"type\":\"user\",\"message\":{\"content\":\"\xff\xfe \xed\xa0\x80 \\ud800\"}}\r\n",
    );
    file.extend_from_slice(good.as_bytes());
    let texts: Vec<_> = texts(&file).into_iter().map(|(.., text)| text).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("\u{fffd}\u{fffd} ") && texts[0].ends_with(" \u{fffd}"), "{}", texts[0]);
    assert_eq!(texts[1], "hi");
}

#[test]
fn deep_json_beside_and_within_a_message_does_not_hide_it() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let line = format!(
        r#"{{"deep":{deep},"type":"assistant","message":{{"content":[{{"type":"tool_use","id":"t","name":"n","input":{deep}}},{{"type":"text","text":"hi"}}]}}}}"#
    );
    let message = record::read(line.as_bytes(), 0, true).unwrap();
    assert_eq!(message.text, "hi");
    assert_eq!(message.asides[0].text, deep);
}

/// Bytes changed, cut, doubled and put in, in recordings: the fast way and the plain one agree.
#[test]
fn mutated_recordings_show_what_the_plain_program_shows() {
    let pieces: [&[u8]; 14] = [
        b"\"",
        b"\\",
        b"\n",
        b"{",
        b"}",
        b",",
        b" ",
        b":",
        b"\xff",
        b"\\u0075ser",
        b"\"type\":\"user\"",
        b"\"type\" : \"assistant\",",
        b"\"isMeta\":true,",
        b"\\n",
    ];
    let mut random = Random::new(2);
    for (name, file) in recordings() {
        for round in 0..40 {
            let mut file = file.clone();
            for _ in 0..=random.below(30) {
                let at = random.below(file.len());
                match random.below(3) {
                    0 => {
                        let piece = *random.of(&pieces);
                        file[at] = *random.of(piece);
                    }
                    1 => drop(file.splice(at..at, random.of(&pieces[..]).iter().copied())),
                    _ => drop(file.drain(at..(at + random.below(9)).min(file.len()))),
                }
            }
            assert_eq!(all(&file, false), shown(&file), "{name}, round {round}");
        }
    }
}

fn string(random: &mut Random, text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        if random.below(12) == 0 {
            write!(quoted, "\\u{:04x}", u32::from(char)).unwrap();
        } else {
            quoted.push(char);
        }
    }
    quoted + "\""
}

fn value(random: &mut Random, depth: usize) -> String {
    const TEXTS: [&str; 10] =
        ["user", "assistant", "text", "type", "", "hi", "<command-", "true", "é日本", "<synthetic>"];
    const KEYS: [&str; 12] = [
        "type",
        "message",
        "content",
        "text",
        "isMeta",
        "model",
        "timestamp",
        "role",
        "isSidechain",
        "isApiErrorMessage",
        "x",
        "type",
    ];
    let space = *random.of(&["", "", "", " ", "\t\r "]);
    let kind = random.below(if depth == 0 { 5 } else { 9 });
    let inner = match kind {
        0..=2 => {
            let text = *random.of(&TEXTS);
            string(random, text)
        }
        3 => (*random.of(&["true", "true", "false", "null"])).to_owned(),
        4 => (*random.of(&["0", "-1.5e3", "18446744073709551616"])).to_owned(),
        5 | 6 => {
            let items: Vec<_> = (0..random.below(4)).map(|_| value(random, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let entries: Vec<_> = (0..random.below(7))
                .map(|_| {
                    let key = *random.of(&KEYS);
                    format!("{}{space}:{}", string(random, key), value(random, depth - 1))
                })
                .collect();
            format!("{{{}}}", entries.join(","))
        }
    };
    format!("{space}{inner}{space}")
}

/// JSON that is mostly about the keys that matter: the fast way and the plain one agree.
#[test]
fn generated_json_shows_what_the_plain_program_shows() {
    let mut random = Random::new(3);
    let mut messages = 0;
    for _ in 0..400 {
        let mut file = String::new();
        for _ in 0..100 {
            let content = value(&mut random, 3);
            let text = string(&mut random, "user");
            let key = string(&mut random, "type");
            match random.below(4) {
                0 => writeln!(file, "{content}").unwrap(),
                1 => writeln!(file, r#"{{"message":{{"content":{content}}},{key}:{text}}}"#).unwrap(),
                2 => writeln!(
                    file,
                    r#"{{{key}: {text},"a":{content},"message":{{"content":"hi"}},"type":{content}}}"#
                )
                .unwrap(),
                _ => writeln!(
                    file,
                    r#"{{"message":{content},"isMeta":{content},"timestamp":{content},{key}:{text}}}"#
                )
                .unwrap(),
            }
        }
        let expected = shown(file.as_bytes());
        messages += expected.len();
        assert_eq!(all(file.as_bytes(), false), expected, "{file}");
    }
    assert!(messages > 3_000, "too few of them are messages: {messages}");
}
