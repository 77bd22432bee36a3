//! What a program can do to its host: print too much, print rubbish, leave processes behind.

use crate::clock::Signals;
use std::io::{self, Write};
use std::process::{Command, Stdio};

const MIB: u64 = 1 << 20;

/// One write of a flood.
const CHUNK: usize = 64 << 10;

/// How long what is left behind would live if nobody ended it.
const ORPHAN_SECONDS: &str = "600";

/// Lines that are no events, or events that say nothing.
pub(crate) fn rubbish() {
    let deep = "[".repeat(10_000);
    let lines: [&[u8]; 12] = [
        b"Hello, this is no JSON.",
        b"",
        b"{",
        b"{\"type\":\"assistant\"",
        b"[1,2,",
        b"\"result\"",
        b"{\"type\":7}",
        b"{\"type\":\"result\"}",
        b"{\"type\":\"result\",\"result\":null,\"is_error\":\"maybe\",\"num_turns\":-1}",
        b"{\"type\":\"assistant\",\"message\":{\"content\":\"\"}}",
        b"\0\0\xff\xfe\x1b[2J",
        deep.as_bytes(),
    ];
    let mut stdout = io::stdout().lock();
    for line in lines {
        let _ = stdout.write_all(line).and_then(|()| stdout.write_all(b"\n"));
    }
    let _ = stdout.flush();
}

/// So many MiB on standard output, as lines or as one; ends early where nobody reads or SIGINT comes.
pub(crate) fn flood(mib: u64, one_line: bool, signals: &Signals) {
    let mut chunk = vec![b'x'; CHUNK];
    if !one_line {
        chunk[CHUNK - 1] = b'\n';
    }
    let mut stdout = io::stdout().lock();
    for _ in 0..mib * MIB / CHUNK as u64 {
        if signals.interrupted() || stdout.write_all(&chunk).is_err() {
            return;
        }
    }
    if one_line {
        let _ = stdout.write_all(b"\n");
    }
    let _ = stdout.flush();
}

/// So many KiB on standard error, in lines.
pub(crate) fn complain(kib: u64) {
    let line = format!("{}\n", "e".repeat(1023));
    let mut stderr = io::stderr().lock();
    for _ in 0..kib {
        if stderr.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

/// Processes in a session of their own whose parent is gone, as a client that was killed leaves
/// its tools. They inherit the environment, and standard output where they are `clingy`.
pub(crate) fn orphans(count: u64, clingy: bool) -> Result<(), String> {
    for _ in 0..count {
        let mut command = Command::new("setsid");
        command.args(["--fork", "sleep", ORPHAN_SECONDS]).stdin(Stdio::null()).stderr(Stdio::null());
        if !clingy {
            command.stdout(Stdio::null());
        }
        let status =
            command.status().map_err(|error| format!("Error: leaving a process behind failed: {error}"))?;
        if !status.success() {
            return Err(format!("Error: leaving a process behind failed: setsid: {status}"));
        }
    }
    Ok(())
}
