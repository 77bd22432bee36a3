//! Long histories: they stream, they never stand in memory as a whole, and one that breaks after its
//! first byte was sent is cut, so that nobody takes it for all there is.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::net::TcpStream;

use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::session_files::{write_real_mix, write_text_heavy};
use rustix::process::Pid;
use uuid::Uuid;

use crate::{sessions, wire};

/// A long session: 64 MiB.
const LONG: u64 = 64 << 20;

/// What a host may take of memory over its idle size for one long history.
const OVER_IDLE_KIB: u64 = 32 << 10;

/// What the idle size itself may differ between two looks: pages that the allocator keeps.
const SLACK_KIB: u64 = 8 << 10;

/// The end of an answer in chunks. Without it no client takes it for whole.
const END: &[u8] = b"\r\n0\r\n\r\n";

/// A host with one long session, and how many messages that shows.
fn host_with(write: impl Fn(&mut BufWriter<File>) -> std::io::Result<u64>) -> (Host, String, u64) {
    let setup = Setup::new();
    let session = Uuid::new_v4().to_string();
    sessions::put(&setup, &session, "");
    let mut file = BufWriter::new(File::create(sessions::file(&setup, &session)).expect("a session"));
    let messages =
        write(&mut file).and_then(|messages| file.flush().map(|()| messages)).expect("a long session");
    (setup.start(), session, messages)
}

/// A line of `/proc/PID/status` in KiB.
fn memory(host: Pid, name: &str) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", host.as_raw_nonzero())).expect("the host runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line of memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("KiB")
}

/// How much of memory a host takes at most over its idle size while it tells `session`, in KiB.
fn taken_for(host: Host, session: &str, messages: u64) -> u64 {
    // Started again, it has nothing to compile: its highest size so far is its idle size.
    let host = host.stop().1.start();
    let alice = host.sign_in("alice");
    // What is set up once, at the first history, is not this one's.
    alice.history(&Uuid::new_v4().to_string());
    let idle = memory(host.pid(), "VmRSS:");
    assert_eq!(alice.history(session).len() as u64, messages);
    memory(host.pid(), "VmHWM:").saturating_sub(idle)
}

#[test]
fn a_long_session_of_the_real_mix_takes_little_memory() {
    let (host, session, messages) = host_with(|file| write_real_mix(file, LONG));
    let taken = taken_for(host, &session, messages);
    assert!(taken <= OVER_IDLE_KIB + SLACK_KIB, "{taken} KiB");
}

#[test]
fn a_long_session_full_of_text_takes_little_memory() {
    let (host, session, messages) = host_with(|file| write_text_heavy(file, LONG));
    let taken = taken_for(host, &session, messages);
    assert!(taken <= OVER_IDLE_KIB + SLACK_KIB, "{taken} KiB");
}

/// Asks for a history and reads its first bytes, no more: what the host has sent and the sockets hold
/// is far less than the whole.
fn begun(host: &Host, session: &str) -> (TcpStream, Vec<u8>) {
    let path = format!("/agent/sessions/{session}/history");
    let mut stream = wire::send(host.address(), &wire::head(host, &host.sign_in("alice"), "GET", &path, ""));
    let mut first = vec![0; 4096];
    stream.read_exact(&mut first).expect("the beginning of a history");
    assert_eq!(wire::status(&first), 200);
    (stream, first)
}

#[test]
fn a_long_session_that_nothing_happens_to_is_whole() {
    let (host, session, messages) = host_with(|file| write_text_heavy(file, LONG));
    let (stream, mut answer) = begun(&host, &session);
    answer.extend(wire::rest(stream));
    assert!(answer.ends_with(END), "it is not whole");
    let told = String::from_utf8_lossy(&answer).matches(r#"{"role":""#).count();
    assert!(told as u64 >= messages - messages / 100, "{told} of {messages}: some lie across two chunks");
}

/// Waits until the host has stopped sending for want of a reader: it is between two pieces then. Where
/// the machine is so slow that this is taken for it, the piece that is being read breaks instead.
fn stalled(stream: &TcpStream) {
    const LOOKS: u32 = 30;
    let (mut before, mut same) = (0, 0);
    wait_until("a host that sends no more", || {
        let waiting = rustix::io::ioctl_fionread(stream).expect("bytes that wait");
        same = if waiting == before { same + 1 } else { 0 };
        before = waiting;
        (same == LOOKS).then_some(())
    });
}

/// A history that `break_it` happens to while it is told must be cut, whether a piece is being read at
/// that moment or the host waits for its reader.
fn broken_in_the_middle(break_it: impl Fn(&Host, &str)) {
    for while_reading in [true, false] {
        let (host, session, _) = host_with(|file| write_text_heavy(file, LONG));
        let (stream, mut answer) = begun(&host, &session);
        if !while_reading {
            stalled(&stream);
        }
        break_it(&host, &session);
        answer.extend(wire::rest(stream));
        assert!(!answer.ends_with(END), "{} bytes look like a whole history", answer.len());
        assert!((answer.len() as u64) < LONG, "all of it was sent before it broke");
        // Only that one: the host goes on.
        assert_eq!(host.sign_in("alice").history(&Uuid::new_v4().to_string()).len(), 0);
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_told_cuts_the_answer() {
    broken_in_the_middle(|host, session| {
        let file =
            File::options().write(true).open(sessions::file(host.setup(), session)).expect("the session");
        file.set_len(100).expect("cut");
    });
}

#[test]
fn a_file_that_goes_away_while_it_is_told_cuts_the_answer() {
    broken_in_the_middle(|host, session| {
        std::fs::remove_file(sessions::file(host.setup(), session)).expect("removed");
    });
}

#[test]
fn a_file_that_becomes_another_while_it_is_told_cuts_the_answer() {
    broken_in_the_middle(|host, session| {
        let file = sessions::file(host.setup(), session);
        std::fs::remove_file(&file).expect("removed");
        std::os::unix::fs::symlink("/etc/passwd", &file).expect("a link");
    });
}

#[test]
fn a_reader_who_leaves_costs_the_host_nothing() {
    let (host, session, messages) = host_with(|file| write_text_heavy(file, LONG));
    for _ in 0..20 {
        drop(begun(&host, &session));
    }
    assert_eq!(host.sign_in("alice").history(&session).len() as u64, messages);
}
