//! A program in the client's place whose every token is the time at which it was written, so that
//! whoever reads it, wherever, knows how old it is. Owns what it prints and how old a token is; knows
//! nothing of who reads it.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde_json::{Value, json};

/// So many tokens a run.
pub(crate) const TOKENS: usize = 20;

/// Between two tokens: about as fast as models talk.
const PACE: Duration = Duration::from_millis(10);

/// Digits of a time in nanoseconds, from 2001 to 2286. Nothing else in an answer has that many.
const DIGITS: usize = 19;

/// Says its tokens as the client does, for the session of its arguments.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    std::io::stdin().read_to_end(&mut Vec::new()).context("reading the question")?;
    let name = |argument: &String| {
        let value = argument.strip_prefix("--session-id=").or_else(|| argument.strip_prefix("--resume="));
        value.map(str::to_owned)
    };
    let session = arguments.iter().find_map(name).unwrap_or_default();
    let said = |event: Value| json!({"type": "stream_event", "event": event, "session_id": session});
    line(&json!({"type": "system", "subtype": "init", "session_id": session}))?;
    let message = json!({"id": "msg_bench", "type": "message", "role": "assistant", "content": []});
    line(&said(json!({"type": "message_start", "message": message})))?;
    let block = json!({"type": "text", "text": ""});
    line(&said(json!({"type": "content_block_start", "index": 0, "content_block": block})))?;
    let mut text = String::new();
    for _ in 0..TOKENS {
        thread::sleep(PACE);
        let token = format!("{} ", now());
        let delta = json!({"type": "text_delta", "text": token});
        line(&said(json!({"type": "content_block_delta", "index": 0, "delta": delta})))?;
        text.push_str(&token);
    }
    let content = json!([{"type": "text", "text": text}]);
    let message = json!({"id": "msg_bench", "type": "message", "role": "assistant", "content": content});
    line(&json!({"type": "assistant", "message": message, "session_id": session}))?;
    line(&said(json!({"type": "content_block_stop", "index": 0})))?;
    line(&said(json!({"type": "message_stop"})))?;
    line(&json!({"type": "result", "subtype": "success", "is_error": false, "duration_ms": 0, "num_turns": 1,
        "result": text, "session_id": session}))
}

/// The text of a token in one of the lines that are printed; none in the others.
pub(crate) fn token_in(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["event"]["delta"]["text"].as_str()?.to_owned())
}

/// The times in a text, in order.
pub(crate) fn times_in(text: &[u8]) -> impl Iterator<Item = u64> {
    let numbers = text.split(|byte| !byte.is_ascii_digit()).filter(|number| number.len() == DIGITS);
    numbers.filter_map(|number| std::str::from_utf8(number).ok()?.parse().ok())
}

/// How long ago that was, in milliseconds.
pub(crate) fn age(time: u64, now: u64) -> f64 {
    // A clock that is set meanwhile makes no token come before it was said.
    let nanoseconds = u32::try_from(now.saturating_sub(time)).unwrap_or(u32::MAX);
    f64::from(nanoseconds) / 1e6
}

/// Nanoseconds since the Unix epoch, by the clock that all processes share.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A script that is this program in this role, since an agent's command has no arguments of its own.
pub(crate) fn script(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let program = std::env::current_exe()?;
    let text = format!("#!/bin/sh\nexec '{}' speak -- \"$@\"\n", program.display());
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

/// A line in one write, as the client writes it.
fn line(event: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{event}\n").as_bytes()).and_then(|()| out.flush()).context("saying something")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_in_whatever_they_are_wrapped_in() {
        let text =
            b"{\"html\":\"<p>1764000000000000001 1764000000000000002</p>\",\"id\":\"9f2c61d04b7e8a13:17\"}";
        let times: Vec<_> = times_in(text).collect();
        assert_eq!(times, [1_764_000_000_000_000_001, 1_764_000_000_000_000_002]);
        assert_eq!(now().to_string().len(), DIGITS);
    }

    #[test]
    fn a_token_is_as_old_as_it_is() {
        assert!((age(1_000_000, 3_500_000) - 2.5).abs() < 1e-9);
        assert!(age(2, 1).abs() < 1e-9);
    }
}
