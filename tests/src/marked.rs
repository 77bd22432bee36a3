//! Builds that can be told apart by what they answer: a limiter whose refusals and an audit format whose
//! lines name the build that made them. It owns how a build is marked and how its mark is read; what a
//! host makes of them is the tests' matter.

use serde_json::Value;

use crate::shelf::real;

/// How many builds there can be: two digits.
pub const BUILDS_MAX: u8 = 100;

/// The words of limit-window that give way to as many others.
const REFUSAL: (&str, &str) = ("Rate limit exceeded", "Rate limit build ");

/// The key of audit-jsonl that does.
const KEY: (&str, &str) = ("timestamp", "tstamp_");

/// limit-window, whose refusals by the window name the build.
pub fn limiter(build: u8) -> Vec<u8> {
    let (words, mark) = REFUSAL;
    replaced(&real("limit-window"), words, &marked(mark, build))
}

/// audit-jsonl, whose every line names the build.
pub fn audit(build: u8) -> Vec<u8> {
    let (words, mark) = KEY;
    // In its cases too: a field of that name is one that it refuses.
    replaced(&real("audit-jsonl"), words, &marked(mark, build))
}

/// The build that refused with this `detail`; none where it was no refusal by the window.
pub fn limiter_of(detail: &str) -> Option<u8> {
    let rest = &detail[detail.find(REFUSAL.1)? + REFUSAL.1.len()..];
    rest.get(..2)?.parse().ok()
}

/// The build that wrote this line; none where it is unmarked.
pub fn audit_of(line: &Value) -> Option<u8> {
    line.as_object()?.keys().find_map(|key| key.strip_prefix(KEY.1)?.parse().ok())
}

fn marked(mark: &str, build: u8) -> String {
    assert!(build < BUILDS_MAX, "{build} has more than two digits");
    format!("{mark}{build:02}")
}

/// The bytes with `words` replaced by as many others.
#[track_caller]
fn replaced(bytes: &[u8], words: &str, others: &str) -> Vec<u8> {
    assert_eq!(words.len(), others.len(), "a component's texts lie where they lie");
    let (mut bytes, mut at, mut count) = (bytes.to_vec(), 0, 0);
    while let Some(found) = bytes[at..].windows(words.len()).position(|here| here == words.as_bytes()) {
        at += found;
        bytes[at..at + words.len()].copy_from_slice(others.as_bytes());
        count += 1;
        at += words.len();
    }
    assert!(count > 1, "there is no `{words}` in the component and its cases");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_was_set_is_read() {
        assert_eq!(limiter_of(&format!("{}; retry in 7s", marked(REFUSAL.1, 7))), Some(7));
        assert_eq!(limiter_of("Rate limit exceeded; retry in 7s"), None);
        assert_eq!(limiter_of("A previous question is still being processed"), None);
        let line = format!("{{\"event\": \"e\", \"{}\": \"now\"}}", marked(KEY.1, 42));
        assert_eq!(audit_of(&serde_json::from_str(&line).expect("it is JSON")), Some(42));
        assert_eq!(audit_of(&Value::Null), None);
    }

    #[test]
    fn texts_are_replaced_wherever_they_are() {
        assert_eq!(replaced(b"a-ab-ab-xab", "ab", "cd"), b"a-cd-cd-xcd");
    }
}
