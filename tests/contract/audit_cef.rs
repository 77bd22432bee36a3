//! `audit-cef`, the component: lines of the Common Event Format, read back by a parser that was written
//! after the format's description and knows nothing of the writer.

use std::collections::BTreeMap;

use overlord::domain::{Event, Instant, Value};
use overlord::sandbox::{Audit, Broken, Policy};

use crate::audit_events::{AT, hostile, of_the_host};
use crate::stage::policy;

/// A line, read.
struct Read {
    /// Vendor, product, version, signature, name and severity.
    header: Vec<String>,
    extension: BTreeMap<String, String>,
}

/// The parts of a header end at a bar without a backslash before it; the extension is pairs, of which a
/// value ends at the space before the next key.
fn read(line: &str) -> Read {
    let mut rest = line.strip_prefix("CEF:0|").expect("it is a line of this format");
    let mut header = Vec::new();
    while header.len() < 6 {
        let end = ends(rest, '|').next().expect("a header has seven parts");
        header.push(unescaped(&rest[..end], &[('|', '|')]));
        rest = &rest[end + 1..];
    }
    let mut extension = BTreeMap::new();
    let equals: Vec<_> = ends(rest, '=').collect();
    let keys: Vec<_> =
        equals.iter().map(|end| rest[..*end].rfind(' ').map_or(0, |space| space + 1)).collect();
    for (at, (key, equals)) in keys.iter().zip(&equals).enumerate() {
        let end = keys.get(at + 1).map_or(rest.len(), |next| next - 1);
        let name = &rest[*key..*equals];
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name:?}");
        let value = unescaped(&rest[equals + 1..end], &[('=', '='), ('n', '\n'), ('r', '\r')]);
        assert_eq!(extension.insert(name.to_owned(), value), None, "{name} comes twice");
    }
    Read { header, extension }
}

/// Where this sign stands without a backslash before it.
fn ends(text: &str, sign: char) -> impl Iterator<Item = usize> {
    let mut escaped = false;
    text.char_indices().filter_map(move |(at, character)| {
        let found = character == sign && !escaped;
        escaped = character == '\\' && !escaped;
        found.then_some(at)
    })
}

fn unescaped(text: &str, signs: &[(char, char)]) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        let sign = characters.next().expect("a backslash is not the last");
        let meant = signs.iter().find(|(written, _)| *written == sign).map(|(_, meant)| *meant);
        plain.push(
            meant.or((sign == '\\').then_some(sign)).unwrap_or_else(|| panic!("\\{sign} is no escape")),
        );
    }
    plain
}

/// A text as the format can say it.
fn sayable(text: &str) -> String {
    let say = |character: char| match character {
        '\n' | '\r' => character,
        '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(say).collect()
}

#[tokio::test]
async fn every_event_of_the_host_is_a_line_with_a_name_and_a_severity_of_its_own() {
    let policy: Policy<Audit> = policy("audit-cef", &[]).await;
    for event in of_the_host() {
        let read = read(&policy.format(&event).await.expect("a line"));
        let [vendor, product, version, signature, name, severity] = &read.header[..] else { panic!("six") };
        assert_eq!((vendor.as_str(), product.as_str()), ("Overlord", "overlord"));
        assert_eq!((version.as_str(), signature.as_str()), (env!("CARGO_PKG_VERSION"), event.name.as_ref()));
        let known = *name != event.name.replace('_', " ") || event.name.starts_with("rules_");
        assert!(known, "{name} is not known");
        assert!((1..=8).contains(&severity.parse().expect("a number")), "{severity}");
        assert_eq!(read.extension["rt"], AT.to_string());
        assert!(read.extension.contains_key("suser"));
        let values = event.fields.iter().filter(|(_, value)| *value != Value::Absent).count();
        let labels = read.extension.keys().filter(|key| key.ends_with("Label")).count();
        let outcome = usize::from(read.extension.contains_key("outcome"));
        assert_eq!(read.extension.len(), 1 + outcome + values + labels, "{:?}", read.extension);
    }
}

#[tokio::test]
async fn whatever_is_said_is_read_back_as_it_was_said() {
    let policy: Policy<Audit> = policy("audit-cef", &[]).await;
    let mut random = fastrand::Rng::with_seed(23);
    for _ in 0..1000 {
        let event = hostile(&mut random);
        let line = policy.format(&event).await.expect("a line");
        assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}')), "{line:?}");
        let read = read(&line);
        let flat = sayable(&event.name).replace(['\n', '\r'], " ");
        assert_eq!(read.header[3], flat);
        for (name, value) in &event.fields {
            let said = match value {
                Value::Text(text) => sayable(text),
                Value::Number(number) => number.to_string(),
                Value::Flag(yes) => yes.to_string(),
                Value::Absent => continue,
            };
            let key = match (*name, value) {
                ("user", Value::Text(_)) => "suser",
                ("message", Value::Text(_)) => "msg",
                ("session_id", Value::Text(_)) => "cs1",
                ("request_id", Value::Text(_)) => "cs2",
                ("result_preview", Value::Text(_)) => "cs3",
                ("elapsed_ms", Value::Number(_)) => "cn1",
                ("retry_after_s", Value::Number(_)) => "cn2",
                ("from", Value::Text(_)) => "oldFileHash",
                ("to", Value::Text(_)) => "fileHash",
                // Whatever its key, it is there.
                _ => {
                    assert!(read.extension.values().any(|value| *value == said), "{name} of {event:?}");
                    continue;
                }
            };
            assert_eq!(read.extension[key], said, "{name} of {event:?}");
        }
    }
}

#[tokio::test]
async fn a_text_of_megabytes_is_cut_to_what_the_format_allows() {
    let policy: Policy<Audit> = policy("audit-cef", &[]).await;
    for (name, key, most) in
        [("user", "suser", 1023), ("message", "msg", 500), ("colour", "overlordColour", 4000)]
    {
        let fields = vec![(name, "=".repeat(4 << 20).into())];
        let event = Event { name: "e".into(), at: Instant(AT), fields };
        let read = read(&policy.format(&event).await.expect("a line"));
        assert_eq!(read.extension[key].len(), most);
    }
}

#[tokio::test]
async fn what_no_line_can_say_is_a_fault_that_names_it() {
    let good: Policy<Audit> = policy("audit-cef", &[]).await;
    let set: Policy<Audit> = policy("audit-cef", &[("indent", "2")]).await;
    let event = |fields| Event { name: "e".into(), at: Instant(u64::MAX), fields };
    let outcomes = [
        (good.format(&event(vec![("a", true.into()), ("a", true.into())])).await, "the field 'a' twice"),
        (set.format(&event(vec![])).await, "there is no 'indent'"),
    ];
    for (outcome, words) in outcomes {
        let Err(Broken::Fault(message)) = outcome else { panic!("{words}: {outcome:?}") };
        assert!(message.contains(words), "{message}");
    }
}
