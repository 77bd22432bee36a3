//! The list of sessions: its order and its titles.

use super::{Memory, recording};
use crate::place::Session;
use crate::titles::{HEAD_MAX, Listed, TAIL_MAX, TITLE_MAX, newest, title};

fn title_of(file: &str) -> Option<String> {
    title(&mut Memory::new(file.as_bytes())).unwrap()
}

fn filler(bytes: usize) -> String {
    let line = format!("{{\"type\":\"system\",\"x\":\"{}\"}}\n", "x".repeat(1000));
    line.repeat(bytes / line.len() + 1)
}

const CUSTOM: &str = "{\"type\":\"custom-title\",\"customTitle\":\"custom\"}\n";
const AI: &str = "{\"type\":\"ai-title\",\"aiTitle\":\"ai\"}\n";
const LAST: &str = "{\"type\":\"last-prompt\",\"lastPrompt\":\"last\"}\n";
const SUMMARY: &str = "{\"type\":\"summary\",\"summary\":\"summary\"}\n";
const PROMPT: &str = "{\"type\":\"user\",\"message\":{\"content\":\"prompt\"}}\n";

#[test]
fn the_best_title_wins_wherever_it_stands() {
    let ranked = [CUSTOM, AI, LAST, SUMMARY, PROMPT];
    let names = ["custom", "ai", "last", "summary", "prompt"];
    for best in 0..ranked.len() {
        let file = ranked[best..].concat();
        assert_eq!(title_of(&file).as_deref(), Some(names[best]));
        let backward: String = ranked[best..].iter().rev().copied().collect();
        assert_eq!(title_of(&backward).as_deref(), Some(names[best]));
    }
    assert_eq!(title_of(""), None);
    assert_eq!(title_of(&filler(10)), None);
}

#[test]
fn the_last_of_a_kind_counts_and_the_first_prompt() {
    let file = [CUSTOM, &CUSTOM.replace("custom\"}", "newer\"}"), "{\"customTitle\":\"\"}\n"].concat();
    assert_eq!(title_of(&file).as_deref(), Some("newer"));
    let file = [PROMPT, &PROMPT.replace("prompt", "second")].concat();
    assert_eq!(title_of(&file).as_deref(), Some("prompt"));
    let hidden_first = [&PROMPT.replace("prompt", "<command-name>"), PROMPT].concat();
    assert_eq!(title_of(&hidden_first).as_deref(), Some("prompt"));
}

#[test]
fn recordings_have_the_titles_that_the_client_gave_them() {
    let title_of = |name| title(&mut Memory::new(&recording(name))).unwrap();
    assert_eq!(title_of("custom-title").as_deref(), Some("My chat é"));
    assert_eq!(title_of("compact").as_deref(), Some("third question"));
}

#[test]
fn only_the_ends_are_looked_at() {
    let middle = filler(HEAD_MAX + TAIL_MAX);
    let at_start = [CUSTOM, &middle].concat();
    assert_eq!(title_of(&at_start).as_deref(), Some("custom"));
    let at_end = [&middle, CUSTOM].concat();
    assert_eq!(title_of(&at_end).as_deref(), Some("custom"));
    let between = [&middle, CUSTOM, &middle].concat();
    assert_eq!(title_of(&between), None);
    let mut memory = Memory::new(between.as_bytes());
    title(&mut memory).unwrap();
    assert!(memory.read <= (HEAD_MAX + TAIL_MAX) as u64, "{}", memory.read);
    let prompt_at_end = [&middle, PROMPT].concat();
    assert_eq!(title_of(&prompt_at_end), None, "it is not the first one");
}

#[test]
fn each_line_of_a_file_a_little_longer_than_its_beginning_is_looked_at() {
    for around in HEAD_MAX - 200..HEAD_MAX + 200 {
        let line = format!("{{\"x\":\"{}\"}}\n", "x".repeat(around - CUSTOM.len()));
        assert_eq!(title_of(&[&line, CUSTOM].concat()).as_deref(), Some("custom"), "{around}");
    }
}

#[test]
fn titles_are_short_and_on_one_line() {
    let of =
        |text: &str| title_of(&format!("{{\"customTitle\":{}}}\n", serde_json::to_string(text).unwrap()));
    assert_eq!(of(" two\n\t lines \u{7}").as_deref(), Some("two lines"));
    assert_eq!(of(" \n\u{0}"), None);
    assert_eq!(of(&"é".repeat(TITLE_MAX)), Some("é".repeat(TITLE_MAX)));
    assert_eq!(of(&"é".repeat(TITLE_MAX + 1)), Some("é".repeat(TITLE_MAX - 1) + "…"));
    let words = of(&"a ".repeat(TITLE_MAX * 2)).unwrap();
    assert!(words.chars().count() <= TITLE_MAX && words.ends_with('…'), "{words}");
}

#[test]
fn the_newest_come_first_and_no_more_than_wanted() {
    let of = |last: u8, modified| Listed {
        session: Session::new(&format!("00000000-0000-4000-8000-00000000000{last}")).unwrap(),
        modified,
        size: 0,
    };
    let all = vec![of(3, 5), of(1, 7), of(2, 5), of(4, 9)];
    let order = |max| -> Vec<_> {
        newest(all.clone(), max)
            .into_iter()
            .map(|listed| listed.session.as_str().chars().last().unwrap())
            .collect()
    };
    assert_eq!(order(9), ['4', '1', '2', '3']);
    assert_eq!(order(2), ['4', '1']);
    assert_eq!(order(0), Vec::<char>::new());
}
