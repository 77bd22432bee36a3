//! Paging: each message once, whatever the sizes; and what reading costs.

use super::session_files::{write_messages, write_real_mix, write_text_heavy};
use super::{Memory, Random, recordings, shown};
use crate::lines::{LINE_MAX, PIECES, Pieces};
use crate::page::{Page, Query, Window, read, read_in};
use crate::record::Message;
use crate::source::{Source, SourceError};

fn query(window: Window, messages_max: u32, bytes_max: u64) -> Query {
    Query { window, messages_max, bytes_max, detailed: false }
}

/// All pages of a file in one direction, and how many there were.
fn pages(file: &[u8], back: bool, messages_max: u32, bytes_max: u64, pieces: Pieces) -> Vec<Message> {
    let mut all: Vec<Vec<Message>> = Vec::new();
    let mut window = if back { Window::Tail } else { Window::Since(0) };
    for _ in 0..=file.len() {
        let page = read_in(&mut Memory::new(file), &query(window, messages_max, bytes_max), pieces).unwrap();
        assert!(page.messages.len() <= messages_max as usize);
        all.push(page.messages);
        if !page.more {
            if back {
                all.reverse();
            }
            return all.concat();
        }
        let before = match window {
            Window::Since(at) | Window::Before(at) => at,
            Window::Tail => file.len() as u64,
        };
        assert!(if back { page.next < before } else { page.next > before }, "{window:?} got nowhere");
        window = if back { Window::Before(page.next) } else { Window::Since(page.next) };
    }
    panic!("no end of pages");
}

fn line(text: &str) -> String {
    format!("{{\"type\":\"user\",\"message\":{{\"content\":\"{text}\"}}}}\n")
}

/// Files with what makes paging hard: lines longer than a piece, empty ones, no end, no beginning.
fn hard_files() -> Vec<(String, Vec<u8>)> {
    let long = "x".repeat(3000);
    let hidden = format!("{{\"type\":\"system\",\"text\":\"{long}\"}}\n");
    let mut files = recordings();
    for (name, file) in [
        ("empty", String::new()),
        ("newlines", "\n\n\n".into()),
        ("one without end", line("a").trim_end().into()),
        ("cut", format!("{}{}", line("a"), &line("b")[..20])),
        ("cut and long", format!("{}{}", line("a"), &line(&long)[..2000])),
        (
            "long ones",
            [line("a"), line(&long), line("b"), hidden.clone(), line("c"), hidden.clone()].concat(),
        ),
        ("long ones at the ends", [line(&long), hidden.clone(), line("b"), line(&long)].concat()),
        ("long without end", format!("{}{}", line("a"), line(&long).trim_end())),
        ("hidden without end", format!("{}{}", line("a"), hidden.trim_end())),
        ("empty lines", ["\n\n", &line("a"), "\n\r\n", &line("b"), "\n\n"].concat()),
        ("nothing to show", hidden.repeat(3)),
        ("short ones", (0..40).map(|number| line(&number.to_string())).collect()),
    ] {
        files.push((name.into(), file.into_bytes()));
    }
    files
}

#[test]
fn paging_meets_each_message_once() {
    for (name, file) in hard_files() {
        let expected = shown(&file);
        for piece in [20, 333, 4096, 1 << 20] {
            let pieces = Pieces { first: piece / 2 + 10, largest: piece, ..PIECES };
            for messages_max in [1, 2, u32::MAX] {
                for bytes_max in [0, 700, 20_000, u64::MAX] {
                    for back in [false, true] {
                        let found = pages(&file, back, messages_max, bytes_max, pieces);
                        assert_eq!(
                            found, expected,
                            "{name}, pieces of {piece}, pages of {messages_max}, {bytes_max} bytes, back {back}"
                        );
                    }
                }
            }
        }
    }
}

/// `since` and `before` at every offset of a file: the messages on either side of it and no others.
#[test]
fn any_offset_divides_the_messages() {
    for (name, file) in hard_files().into_iter().filter(|(_, file)| file.len() < 8_000) {
        let expected = shown(&file);
        let pieces = Pieces { first: 64, largest: 256, ..PIECES };
        // The recordings' lines are all alike: not every byte of them is worth a look.
        let step = if file.len() > 2000 { 7 } else { 1 };
        for at in (0..=file.len() as u64).step_by(step) {
            let (early, late): (Vec<_>, Vec<_>) =
                expected.iter().cloned().partition(|message| message.offset < at);
            let read = |window| {
                read_in(&mut Memory::new(&file), &query(window, u32::MAX, u64::MAX), pieces).unwrap().messages
            };
            assert_eq!(read(Window::Since(at)), late, "{name}, since {at}");
            assert_eq!(read(Window::Before(at)), early, "{name}, before {at}");
        }
    }
}

#[test]
fn more_is_true_only_where_there_is_more() {
    let mut file = Vec::new();
    write_messages(&mut file, 20).unwrap();
    let hidden = b"{\"type\":\"system\"}\n".repeat(9);
    let file = [&hidden[..], &file, &hidden].concat();
    for window in [Window::Since(0), Window::Tail] {
        for (max, more) in [(19, true), (20, false), (21, false)] {
            let page = read(&mut Memory::new(&file), &query(window, max, u64::MAX)).unwrap();
            assert_eq!((page.messages.len(), page.more), (20.min(max as usize), more), "{window:?} {max}");
        }
        let none = read(&mut Memory::new(&file), &query(window, 0, u64::MAX)).unwrap();
        assert_eq!((none.messages.len(), none.more), (0, false));
    }
}

#[test]
fn a_line_that_was_cut_comes_whole_once_it_is_whole() {
    let whole = [line("a"), line("b")].concat();
    for cut in line("a").len()..whole.len() {
        let first =
            read(&mut Memory::new(&whole.as_bytes()[..cut]), &query(Window::Since(0), 9, 1 << 20)).unwrap();
        assert!(!first.more);
        let second =
            read(&mut Memory::new(whole.as_bytes()), &query(Window::Since(first.next), 9, 1 << 20)).unwrap();
        let both: Vec<_> = first.messages.into_iter().chain(second.messages).collect();
        assert_eq!(both, shown(whole.as_bytes()), "cut at {cut}");
        assert_eq!(second.next, whole.len() as u64);
    }
}

#[test]
fn lines_of_ten_megabytes_are_messages_and_pages_stay_short() {
    let long = line(&"long ".repeat(2 << 20));
    let file = [line("a"), long.clone(), line("b")].concat();
    for back in [false, true] {
        let found = pages(file.as_bytes(), back, 10, 1000, PIECES);
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].text.len(), 10 << 20);
    }
    let page = read(&mut Memory::new(file.as_bytes()), &query(Window::Since(0), 10, 1000)).unwrap();
    assert_eq!((page.messages.len(), page.more), (1, true), "the long line is for the next page");
}

#[test]
fn too_long_a_line_is_passed_over_in_bounded_steps() {
    let pieces = Pieces { first: 100, largest: 100, line: 1000 };
    let of = |length: usize| line(&"y".repeat(length - line("").len()));
    for (length, shown) in [(1000, 3), (1001, 2)] {
        let file = [line("a"), of(length), line("b")].concat();
        assert_eq!(pages(file.as_bytes(), false, 9, 10, pieces).len(), shown, "{length}");
        assert_eq!(pages(file.as_bytes(), true, 9, 10, pieces).len(), shown, "{length}");
    }
    let file = [line("a"), of(50_000), line("b")].concat();
    for window in
        [Window::Since(line("a").len() as u64), Window::Before((file.len() - line("b").len()) as u64)]
    {
        let mut memory = Memory::new(file.as_bytes());
        let Page { messages, more, .. } = read_in(&mut memory, &query(window, 9, 10), pieces).unwrap();
        assert!(messages.is_empty() && more);
        assert!(memory.read < 2000, "read {} bytes for one page", memory.read);
    }
    for back in [false, true] {
        assert_eq!(pages(file.as_bytes(), back, 9, 10, pieces).len(), 2);
    }
}

#[test]
fn a_page_at_the_end_of_a_long_file_costs_little() {
    let mut file = Vec::new();
    write_real_mix(&mut file, 8 << 20).unwrap();
    let mut memory = Memory::new(&file);
    let page = read(&mut memory, &query(Window::Tail, 4, u64::MAX)).unwrap();
    assert_eq!(page.messages.len(), 4);
    assert!(memory.read < 1 << 20, "read {} bytes", memory.read);
}

#[test]
fn nothing_is_held_but_a_piece_where_nothing_is_shown() {
    let hidden = format!("{{\"type\":\"system\",\"text\":\"{}\"}}\n", "z".repeat(12 << 20));
    for window in [Window::Since(0), Window::Tail] {
        let mut memory = Memory::new(hidden.as_bytes());
        let page = read(&mut memory, &query(window, 9, u64::MAX)).unwrap();
        assert!(page.messages.is_empty() && !page.more);
        assert!(memory.largest <= PIECES.largest, "{window:?} held {} bytes", memory.largest);
    }
}

#[test]
fn a_file_that_grows_or_shrinks_while_it_is_read() {
    struct Changing<'a>(Memory<'a>, u64);
    impl Source for Changing<'_> {
        fn size(&self) -> u64 {
            self.1
        }
        fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, SourceError> {
            self.0.read(offset, length)
        }
    }
    let mut file = Vec::new();
    write_messages(&mut file, 50).unwrap();
    let all = shown(&file);
    let early = all[30].offset + 7; // opened in the middle of a line
    let mut grown = Changing(Memory::new(&file), early);
    let page = read(&mut grown, &query(Window::Since(0), 99, u64::MAX)).unwrap();
    assert_eq!((page.messages.as_slice(), page.next), (&all[..30], all[30].offset));
    for window in [Window::Since(0), Window::Tail] {
        let mut shrunk = Changing(Memory::new(&file), file.len() as u64 + 5000);
        let error = read(&mut shrunk, &query(window, 99, u64::MAX)).unwrap_err();
        assert_eq!(error, SourceError::Shrunk, "{window:?}");
    }
}

#[test]
fn going_on_beyond_the_end_is_an_error_and_going_on_at_it_is_not() {
    let file = b"{\"type\":\"user\",\"message\":{\"content\":\"one\"}}\n";
    let end = file.len() as u64;
    let ask = |at| read(&mut Memory::new(file), &query(Window::Since(at), 9, u64::MAX));
    assert_eq!(ask(end), Ok(Page { messages: Vec::new(), next: end, more: false }));
    assert_eq!(ask(end + 1), Err(SourceError::Shrunk));
    assert_eq!(ask(u64::MAX), Err(SourceError::Shrunk));
}

#[test]
fn what_the_source_cannot_do_is_passed_on() {
    struct Broken(SourceError);
    impl Source for Broken {
        fn size(&self) -> u64 {
            10
        }
        fn read(&mut self, _: u64, _: u32) -> Result<Vec<u8>, SourceError> {
            Err(match self.0 {
                SourceError::Denied => SourceError::Denied,
                _ => SourceError::Other,
            })
        }
    }
    for expected in [SourceError::Denied, SourceError::Other] {
        for window in [Window::Since(0), Window::Before(5), Window::Tail] {
            let mut broken = Broken(match expected {
                SourceError::Denied => SourceError::Denied,
                _ => SourceError::Other,
            });
            assert_eq!(read(&mut broken, &query(window, 1, 1)).as_ref(), Err(&expected));
        }
    }
}

#[test]
fn generated_files_are_what_they_say() {
    let mut real = Vec::new();
    let messages = write_real_mix(&mut real, 1).unwrap();
    assert_eq!((messages, real.split_inclusive(|byte| *byte == b'\n').count()), (2, 22));
    assert!((135_000..150_000).contains(&real.len()), "a hello has {} bytes", real.len());
    assert_eq!(shown(&real).len() as u64, messages);
    let mut heavy = Vec::new();
    let messages = write_text_heavy(&mut heavy, 1 << 20).unwrap();
    let texts = shown(&heavy);
    assert_eq!(texts.len() as u64, messages);
    let said: usize = texts.iter().map(|message| message.text.len()).sum();
    assert!(said * 10 > heavy.len() * 5, "{said} of {} bytes are text", heavy.len());
    for count in [0, 1, 2, 33] {
        let mut file = Vec::new();
        write_messages(&mut file, count).unwrap();
        assert_eq!(shown(&file).len() as u64, count);
    }
}

/// Windows at random, on random pieces, agree with the plain program.
#[test]
fn random_windows() {
    let mut random = Random::new(4);
    for (name, file) in hard_files() {
        let expected = shown(&file);
        for _ in 0..200 {
            let largest = 20 + random.below(5000);
            let pieces = Pieces { first: 20 + random.below(largest), largest, line: LINE_MAX };
            let max = 1 + random.below(9);
            let at = random.below(file.len() + 1) as u64;
            let limit = u32::try_from(max).unwrap();
            let ask =
                |window| read_in(&mut Memory::new(&file), &query(window, limit, u64::MAX), pieces).unwrap();
            let late: Vec<_> =
                expected.iter().filter(|message| message.offset >= at).take(max).cloned().collect();
            assert_eq!(ask(Window::Since(at)).messages, late, "{name}, since {at}");
            let early: Vec<_> = expected.iter().filter(|message| message.offset < at).cloned().collect();
            let early = &early[early.len().saturating_sub(max)..];
            assert_eq!(ask(Window::Before(at)).messages, early, "{name}, before {at}");
        }
    }
}
