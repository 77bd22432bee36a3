//! From nothing to the first answer of `/agent/health`, and what stands in memory then.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use overlord_tests::host::Setup;
use rustix::process::{Pid, Signal, kill_process};

use crate::cookie_check::SECRET;
use crate::memory;
use crate::samples::Samples;
use crate::table::{Aim, Beside, Row};

/// How long a start may take that finds its components compiled.
const WARM_AIM_MS: f64 = 150.0;

/// What an idle host may take, in MB.
const IDLE_AIM_MB: f64 = 60.0;

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let rounds = if quick { 1 } else { 9 };
    let (mut cold, mut warm, mut native) = (Samples::default(), Samples::default(), Samples::default());
    let (mut cold_mb, mut warm_mb, mut native_mb) =
        (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..rounds {
        let setup = Setup::new();
        // Tests lend their hosts what others have compiled; a cold start has none of it.
        match std::fs::remove_dir_all(setup.data().join("compiled")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        for (times, sizes) in [(&mut cold, &mut cold_mb), (&mut warm, &mut warm_mb)] {
            let (started, time) = Started::health(setup.command(["serve"]))?;
            times.push(time);
            sizes.push(memory::resident(started.pid())?);
        }
        let (started, time) = Started::health(native_command("overlord_session")?)?;
        native.push(time);
        native_mb.push(memory::resident(started.pid())?);
    }
    let native = || Beside { what: "axum, the same check natively", figure: native.summary() };
    let native_mb = || Beside { what: "axum, the same check natively", figure: native_mb.summary() };
    let row = |what: &str, unit, samples: &Samples, beside, aim| Row {
        what: what.to_owned(),
        unit,
        figure: samples.summary(),
        beside,
        aim,
    };
    Ok(vec![
        row("cold start, everything compiled anew", "ms", &cold, native(), None),
        row("warm start", "ms", &warm, native(), Some(Aim::AtMost(WARM_AIM_MS))),
        row("idle memory after a cold start", "MB", &cold_mb, native_mb(), Some(Aim::AtMost(IDLE_AIM_MB))),
        row("idle memory after a warm start", "MB", &warm_mb, native_mb(), Some(Aim::AtMost(IDLE_AIM_MB))),
    ])
}

/// The server that the host is held against.
pub(crate) struct Native(Started);

impl Native {
    /// Checks cookies of this name, with the bench's secret.
    pub(crate) fn start(cookie: &str) -> anyhow::Result<Self> {
        Ok(Self(Started::new(native_command(cookie)?)?))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

fn native_command(cookie: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["native-server", SECRET, cookie]).env_clear();
    Ok(command)
}

/// A server that prints its address as the first line, and is ended when this is dropped.
struct Started {
    child: Child,
    address: SocketAddr,
}

impl Started {
    fn new(mut command: Command) -> anyhow::Result<Self> {
        let errors = tempfile::tempfile()?;
        let mut said = errors.try_clone()?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        let out = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().strip_prefix("http://").and_then(|address| address.parse().ok());
        if let Some(address) = address {
            return Ok(Self { child, address });
        }
        child.kill()?;
        child.wait()?;
        let mut text = String::new();
        std::io::Seek::rewind(&mut said)?;
        said.read_to_string(&mut text)?;
        anyhow::bail!("{command:?} printed no address but {line:?}, and said:\n{text}")
    }

    /// Starts it and waits for its first answer; how long that took, in milliseconds.
    fn health(command: Command) -> anyhow::Result<(Self, f64)> {
        let begun = Instant::now();
        let started = Self::new(command)?;
        let mut stream = TcpStream::connect(started.address)?;
        write!(
            stream,
            "GET /agent/health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            started.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let elapsed = begun.elapsed();
        ensure!(answer.starts_with("HTTP/1.1 200 "), "health answers {answer}");
        Ok((started, elapsed.as_secs_f64() * 1e3))
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // In order, so that the next start of the same data folder has nothing to tidy up.
        let _ = kill_process(self.pid(), Signal::TERM);
        let _ = self.child.wait();
    }
}
