//! What an audit policy may get: each event that the host tells of with the fields that it has, and
//! events that nobody tells of, with texts that want to be something else. Knows no format.

use overlord::domain::{Event, Instant, Value};

/// When all of them happen.
pub const AT: u64 = 1_700_000_000_123;

/// Where texts go wrong: ends of lines, signs of formats, orders to terminals, directions of writing.
const HOSTILE: &str = "|=\\\n\r\t\0\u{1b}\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{fffd}\"'{}[]<>%&;,: é日🦀aZ09_-";

/// Every event that the host tells of.
pub fn of_the_host() -> Vec<Event> {
    let event = |name: &'static str, fields: &[(&'static str, Value)]| {
        let who: [(&'static str, Value); 3] = [
            ("user", "alice".into()),
            ("session_id", "0b4cf4b5-1f1f-4c1a-9d5e-2d7c1c0e9f11".into()),
            ("request_id", "7a0e9f4c-3f8e-4ad1-8a55-0d6c5f1d9a10".into()),
        ];
        Event {
            name: name.into(),
            at: Instant(AT),
            fields: who.into_iter().chain(fields.iter().cloned()).collect(),
        }
    };
    let mut events = vec![
        event("ask_start", &[("message", "a|b=c\nd".into()), ("message_len", 7_u32.into())]),
        event(
            "ask_ok",
            &[
                ("result_preview", "Two files.".into()),
                ("result_len", 10_u32.into()),
                ("turns", 3_u32.into()),
                ("elapsed_ms", 4321_u64.into()),
                ("subprocess_ms", 4000_u64.into()),
                ("is_error", false.into()),
            ],
        ),
        event("ask_error", &[("error", "claude exited with 1".into()), ("elapsed_ms", 12_u64.into())]),
        event("ask_queued", &[("position", 2_u32.into())]),
        event("rate_limited", &[("retry_after_s", 3599_u32.into())]),
        event("quota_exceeded", &[("retry_after_s", 82_800_u32.into())]),
    ];
    for name in [
        "ask_withdrawn",
        "concurrency_blocked",
        "queue_timed_out",
        "session_not_found",
        "host_full",
        "session_renamed",
        "session_deleted",
        "session_restored",
        "signed_in",
        "signed_out",
    ] {
        events.push(event(name, &[]));
    }
    for name in [
        "rules_proposed",
        "rules_shadowed",
        "rules_canaried",
        "rules_promoted",
        "rules_aborted",
        "rules_rolled_back",
        "rules_quarantined",
        "rules_released",
        "rules_changed",
    ] {
        let fields: Vec<(&'static str, Value)> = vec![
            ("user", "cli:root".into()),
            ("generation", 7_u64.into()),
            ("slot", "limit".into()),
            ("entry", "limit-window".into()),
            ("from", "0".repeat(64).into()),
            ("to", "f".repeat(64).into()),
            ("why", "limit-window.wasm changed".into()),
        ];
        events.push(Event { name: name.into(), at: Instant(AT), fields });
    }
    events
}

/// An event that nobody tells of: any name, any fields, in any text.
pub fn hostile(random: &mut fastrand::Rng) -> Event {
    const NAMES: [&str; 16] = [
        "user",
        "session_id",
        "message",
        "error",
        "why",
        "request_id",
        "result_preview",
        "elapsed_ms",
        "retry_after_s",
        "from",
        "to",
        "is_error",
        "a=b|c",
        "ünï cödé",
        "ev\nil",
        "",
    ];
    let mut names: Vec<&'static str> = NAMES.to_vec();
    random.shuffle(&mut names);
    names.truncate(random.usize(..NAMES.len()));
    let fields = names.into_iter().map(|name| (name, value(random))).collect();
    Event { name: text(random, 40).into(), at: Instant(AT), fields }
}

fn value(random: &mut fastrand::Rng) -> Value {
    match random.u8(..6) {
        0 => Value::Number(random.i64(..)),
        1 => Value::Flag(random.bool()),
        2 => Value::Absent,
        _ => Value::Text(text(random, 250)),
    }
}

fn text(random: &mut fastrand::Rng, most: usize) -> String {
    let letters: Vec<char> = HOSTILE.chars().collect();
    (0..random.usize(..=most)).map(|_| letters[random.usize(..letters.len())]).collect()
}
