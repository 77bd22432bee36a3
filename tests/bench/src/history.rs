//! A session of 64 MiB, read through the real host over HTTP: how fast, and how much more memory
//! than idle it takes. Beside it the same file read with `serde_json` in this process, with no HTTP.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use history_claude::place::Session;
use overlord_tests::host::{Host, Setup};
use overlord_tests::session_files::{SESSION, write_real_mix, write_text_heavy};

use crate::cookie_check::USER;
use crate::memory::{self, MB};
use crate::samples::Samples;
use crate::serde_reader;
use crate::table::{Aim, Beside, Row};

/// The least size of a file.
const BYTES: u64 = 64 << 20;

/// How fast the client's own mix should be read, in MB/s.
const AIM_MB_S: f64 = 1000.0;

/// How much memory it may take over idle, in MB.
const AIM_MB: f64 = 32.0;

/// How much of an answer is taken at a time.
const BUFFER: usize = 256 << 10;

/// What writes a file of at least so many bytes and says how many messages a chat shows of it.
type Writer = fn(&mut BufWriter<File>, u64) -> std::io::Result<u64>;

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let rounds = if quick { 2 } else { 15 };
    let mut rows = kind("history of 64 MiB, the client's mix", write_real_mix, Some(AIM_MB_S), rounds)?;
    rows.extend(kind("history of 64 MiB, mostly text", write_text_heavy, None, rounds)?);
    Ok(rows)
}

fn kind(what: &str, write: Writer, aim: Option<f64>, rounds: u32) -> anyhow::Result<Vec<Row>> {
    let setup = Setup::new();
    let file = place(&setup)?;
    let mut out = BufWriter::new(File::create(&file)?);
    let messages = write(&mut out, BYTES)?;
    out.into_inner()?.sync_all()?;
    let host = setup.start();
    let caller = host.sign_in(USER);
    let cookie = caller.cookie().context("whoever signs in has a cookie")?;
    let size = std::fs::metadata(&file)?.len();
    let rate =
        |seconds: f64| f64::from(u32::try_from(size >> 10).unwrap_or(u32::MAX)) * 1024.0 / MB / seconds;

    let (mut ours, mut native) = (Samples::default(), Samples::default());
    let (mut over, mut answers) = (Samples::default(), Samples::default());
    for round in 0..=rounds {
        let idle = memory::resident(host.pid())?;
        memory::forget_peak(host.pid());
        let begun = Instant::now();
        let answer = fetch(&host, cookie)?;
        let ours_s = begun.elapsed().as_secs_f64();
        // What the first reading leaves behind is idle for the second one, so all of them count.
        if over.is_empty() {
            eprintln!("  {what}: {idle:.1} MB idle");
        }
        over.push(memory::peak(host.pid())? - idle);
        answers.push(f64::from(u32::try_from(answer)?) / MB);
        let begun = Instant::now();
        let (found, bytes) = serde_reader::read(&file)?;
        let native_s = begun.elapsed().as_secs_f64();
        ensure!(found == messages, "serde_json finds {found} messages of {messages}");
        ensure!(
            bytes < answer,
            "the host's answer of {answer} bytes is less than {bytes}, the messages' own"
        );
        if round > 0 {
            ours.push(rate(ours_s));
            native.push(rate(native_s));
        }
    }
    let shown = caller.history(SESSION).len();
    ensure!(shown as u64 == messages, "the host shows {shown} messages of {messages}");
    eprintln!("  {what}: {:.0} MB/s, serde_json {:.0}", ours.summary().median, native.summary().median);
    let mut most = Samples::default();
    most.push(over.max());
    Ok(vec![
        Row {
            what: what.to_owned(),
            unit: "MB/s",
            figure: ours.summary(),
            beside: Beside { what: "serde_json natively, no HTTP", figure: native.summary() },
            aim: aim.map(Aim::AtLeast),
        },
        Row {
            what: "  its most memory over idle".to_owned(),
            unit: "MB",
            figure: most.summary(),
            beside: Beside { what: "its answer", figure: answers.summary() },
            aim: Some(Aim::AtMost(AIM_MB)),
        },
    ])
}

/// Where the host looks for the session, its folder made.
fn place(setup: &Setup) -> anyhow::Result<PathBuf> {
    let workspace = setup.workspace().canonicalize()?;
    let workspace = workspace.to_str().context("the workspace's path is text")?;
    let file = setup.home().join(".claude").join(Session::new(SESSION)?.path(workspace));
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
    Ok(file)
}

/// Takes the whole answer and throws it away; how many bytes there were, the head included.
fn fetch(host: &Host, cookie: &str) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(host.address())?;
    write!(
        stream,
        "GET /agent/sessions/{SESSION}/history HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n",
        host.address()
    )?;
    let mut buffer = vec![0; BUFFER];
    let (mut total, mut last) = (0, Vec::new());
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        if total == 0 {
            ensure!(
                buffer.starts_with(b"HTTP/1.1 200 "),
                "the host answers {}",
                String::from_utf8_lossy(&buffer[..count])
            );
        }
        total += count as u64;
        last.extend_from_slice(&buffer[count.saturating_sub(16)..count]);
        last.drain(..last.len().saturating_sub(16));
    }
    ensure!(last.ends_with(b"\r\n0\r\n\r\n"), "the answer breaks off after {total} bytes");
    Ok(total)
}
