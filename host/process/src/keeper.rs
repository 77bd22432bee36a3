//! The task that keeps one running program to its limits, whether or not anybody listens: it reads
//! what the program says, stops it when a limit is passed, and tells when everything of it is gone.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use uuid::Uuid;

use crate::child::Event;
use crate::lines::Lines;
use crate::queue::Queue;
use crate::sweep::sweep_run;
use crate::wire::{END_ALL, Exit, Report};

/// One read of a program's output: what a pipe holds.
const CHUNK: usize = 64 << 10;

/// How long a launcher may take to end everything before it is killed itself. It needs
/// milliseconds; a machine that swaps needs longer.
const LAUNCHER_GRACE: Duration = Duration::from_secs(5);

/// The longest report of a launcher; a sentence with two paths fits.
const REPORT_BYTES: usize = 64 << 10;

/// What a program may use, and how it is stopped.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From start to end.
    pub time: Duration,
    /// Without a byte of output. It does not run while the caller is the slow one.
    pub idle: Duration,
    /// Output in all.
    pub output_bytes: u64,
    /// One line of output, without its end.
    pub line_bytes: usize,
    /// How much of the end of its standard error is kept.
    pub stderr_bytes: usize,
    /// From SIGINT to SIGTERM, and from SIGTERM to SIGKILL.
    pub grace: [Duration; 2],
    /// How long it may go on after its output has ended.
    pub linger: Duration,
}

/// Why a program was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// It ran longer than [`Limits::time`].
    Time,
    /// It was silent longer than [`Limits::idle`].
    Idle,
    /// It said more than [`Limits::output_bytes`].
    Output,
    /// It said a line longer than [`Limits::line_bytes`].
    Line,
    /// It did not end after its work was done ([`Limits::linger`], [`Child::finish_within`]).
    ///
    /// [`Child::finish_within`]: crate::Child::finish_within
    Linger,
    /// The host asked for it.
    Host,
}

/// What the holder of a child asks of its keeper.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Interrupt,
    Stop,
    FinishWithin(Duration),
}

/// What both sides see.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) stopped: OnceLock<StopCause>,
    stderr: Mutex<VecDeque<u8>>,
}

/// A launcher that runs a program, as the supervisor got it.
pub(crate) struct Running {
    pub(crate) launcher: tokio::process::Child,
    pub(crate) control: Control,
    pub(crate) stdout: pipe::Receiver,
    pub(crate) stderr: pipe::Receiver,
    pub(crate) data_id: Uuid,
    pub(crate) run: Uuid,
}

/// The socket to a launcher.
pub(crate) struct Control {
    socket: UnixStream,
    unread: Vec<u8>,
}

/// The ladder's next step.
#[derive(Clone, Copy)]
enum Rung {
    Terminate,
    EndAll,
    KillLauncher,
}

struct Keeper {
    running: Running,
    limits: Limits,
    shared: Arc<Shared>,
    lines: Option<Lines>,
    said: u64,
    heard: Instant,
    deadline: Instant,
    linger: Option<Instant>,
    next: Option<(Instant, Rung)>,
    exit: Option<Exit>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { queue: Queue::default(), stopped: OnceLock::new(), stderr: Mutex::default() }
    }

    pub(crate) fn stderr_tail(&self) -> String {
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn keep_stderr(&self, bytes: &[u8], limit: usize) {
        let mut kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(limit)..];
        let excess = (kept.len() + bytes.len()).saturating_sub(limit);
        kept.drain(..excess);
        kept.extend(bytes);
    }
}

impl Control {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, unread: Vec::new() }
    }

    /// The launcher's next report; none where it is gone. Nothing is lost where the future is
    /// dropped.
    pub(crate) async fn report(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            if self.unread.len() > REPORT_BYTES || self.socket.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// A few bytes in a lifetime always fit; where the launcher is gone its end is about to be seen.
    fn order(&self, order: u8) {
        let _ = self.socket.try_write(&[order]);
    }
}

/// Keeps `running` until everything of it is gone. `exit` learns how the program ended; when
/// `orders` ends, nobody wants the program any more.
pub(crate) async fn keep(
    running: Running,
    limits: Limits,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    exit: watch::Sender<Option<Exit>>,
) {
    let now = Instant::now();
    let mut keeper = Keeper {
        lines: Some(Lines::new(limits.line_bytes)),
        said: 0,
        heard: now,
        deadline: later(now, limits.time),
        linger: None,
        next: None,
        exit: None,
        running,
        limits,
        shared,
    };
    keeper.until_gone(&mut orders).await;
    // A launcher that did not see the program end killed it, or was killed with it.
    exit.send_replace(Some(keeper.exit.unwrap_or(Exit::Signal(i32::from(KILL)))));
    // What still lies in the pipe comes before the end of the output; where nobody holds the
    // child any more there is nobody to read it.
    tokio::select! {
        () = keeper.read_rest() => {}
        () = async { while orders.recv().await.is_some() {} } => {}
    }
    keeper.shared.queue.end();
    keeper.reap_launcher().await;
}

impl Keeper {
    async fn until_gone(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) {
        let (mut out, mut err) = (vec![0; CHUNK], vec![0; CHUNK]);
        let (mut out_open, mut err_open, mut held) = (true, true, true);
        loop {
            let full = self.shared.queue.full();
            let wake = self.wake(out_open && !full);
            tokio::select! {
                read = self.running.stdout.read(&mut out), if out_open && !full => {
                    self.heard = Instant::now();
                    match read {
                        Ok(count) if count > 0 => self.take(&out[..count]),
                        _ => {
                            out_open = false;
                            self.finish_output();
                        }
                    }
                }
                () = async { self.shared.queue.room().await }, if full => {
                    // It was the caller who was slow; the program's time to speak begins now.
                    self.heard = Instant::now();
                }
                read = self.running.stderr.read(&mut err), if err_open => match read {
                    Ok(count) if count > 0 => {
                        self.shared.keep_stderr(&err[..count], self.limits.stderr_bytes);
                    }
                    _ => err_open = false,
                },
                report = self.running.control.report() => match report {
                    Ok(Some(Report::Exited(exit))) => self.exit = Some(exit),
                    Ok(Some(Report::Gone)) => return,
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return self.launcher_lost().await,
                },
                order = orders.recv(), if held => match order {
                    Some(Order::Interrupt) => self.running.control.order(INTERRUPT),
                    Some(Order::FinishWithin(time)) => self.linger = Some(later(Instant::now(), time)),
                    Some(Order::Stop) => self.stop(StopCause::Host),
                    None => {
                        held = false;
                        // Nobody reads any more; the program must not wait for a reader.
                        self.lines = None;
                        self.shared.queue.end();
                        self.stop(StopCause::Host);
                    }
                },
                () = sleep_until(wake) => self.look_at_clock(out_open && !full),
            }
        }
    }

    /// When to look at the clock next.
    fn wake(&self, listening: bool) -> Instant {
        let step = self.next.map(|(at, _)| at);
        let idle = listening.then(|| later(self.heard, self.limits.idle));
        let limits =
            if step.is_some() { [None, None, None] } else { [Some(self.deadline), idle, self.linger] };
        limits.into_iter().chain([step]).flatten().min().unwrap_or(self.deadline)
    }

    fn look_at_clock(&mut self, listening: bool) {
        let now = Instant::now();
        if let Some((at, rung)) = self.next {
            if at <= now {
                self.climb(rung);
            }
        } else if self.deadline <= now {
            self.stop(StopCause::Time);
        } else if self.linger.is_some_and(|at| at <= now) {
            self.stop(StopCause::Linger);
        } else if listening && later(self.heard, self.limits.idle) <= now {
            self.shared.queue.push(Event::Idle);
            self.stop(StopCause::Idle);
        }
    }

    /// Begins the ladder: SIGINT, with which a client still writes down what it has.
    fn stop(&mut self, cause: StopCause) {
        if self.next.is_none() {
            self.blame(cause);
            self.running.control.order(INTERRUPT);
            self.next = Some((later(Instant::now(), self.limits.grace[0]), Rung::Terminate));
        }
    }

    /// Ends a program at once whose words nobody can use any more.
    fn cut_off(&mut self, cause: StopCause) {
        self.blame(cause);
        self.lines = None;
        self.shared.queue.end();
        self.climb(Rung::EndAll);
    }

    fn blame(&self, cause: StopCause) {
        // Once the program has ended by itself, nothing stopped it; and the first cause counts.
        if self.exit.is_none() {
            let _ = self.shared.stopped.set(cause);
        }
    }

    fn climb(&mut self, rung: Rung) {
        let now = Instant::now();
        self.next = Some(match rung {
            Rung::Terminate => {
                self.running.control.order(TERMINATE);
                (later(now, self.limits.grace[1]), Rung::EndAll)
            }
            Rung::EndAll => {
                self.running.control.order(END_ALL);
                (later(now, LAUNCHER_GRACE), Rung::KillLauncher)
            }
            Rung::KillLauncher => {
                // An error means that it is gone, and the socket tells so.
                let _ = self.running.launcher.start_kill();
                (later(now, LAUNCHER_GRACE), Rung::KillLauncher)
            }
        });
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(lines) = &mut self.lines else { return };
        self.said += bytes.len() as u64;
        let queue = &self.shared.queue;
        let whole = lines.push(bytes, |line| queue.push(Event::Line(line)));
        if self.said > self.limits.output_bytes {
            self.cut_off(StopCause::Output);
        } else if whole.is_err() {
            self.cut_off(StopCause::Line);
        }
    }

    fn finish_output(&mut self) {
        if let Some(line) = self.lines.as_mut().and_then(Lines::finish) {
            self.shared.queue.push(Event::Line(line));
        }
        self.lines = None;
        self.shared.queue.end();
        self.start_linger();
    }

    fn start_linger(&mut self) {
        self.linger.get_or_insert(later(Instant::now(), self.limits.linger));
    }

    /// The launcher has ended without saying that everything is gone: somebody killed it. Its
    /// namespace dies with it; what there is without one is found by its tag.
    async fn launcher_lost(&mut self) {
        let (data_id, run) = (self.running.data_id, self.running.run);
        let swept = tokio::task::spawn_blocking(move || sweep_run(data_id, run)).await;
        tracing::warn!(%run, ended = swept.unwrap_or(0), "the launcher of a program was killed");
    }

    /// Waits for the launcher itself, so that it does not stay a zombie.
    async fn reap_launcher(&mut self) {
        let limit = later(Instant::now(), LAUNCHER_GRACE);
        if timeout_at(limit, self.running.launcher.wait()).await.is_err() {
            // An error means that it is gone.
            let _ = self.running.launcher.kill().await;
        }
    }

    /// Everything that wrote is gone, so the pipes end; the reader may still be slow.
    async fn read_rest(&mut self) {
        let mut chunk = vec![0; CHUNK];
        while self.lines.is_some() {
            if self.shared.queue.full() {
                self.shared.queue.room().await;
                continue;
            }
            match self.running.stdout.read(&mut chunk).await {
                Ok(count) if count > 0 => self.take(&chunk[..count]),
                _ => self.finish_output(),
            }
        }
        while let Ok(count @ 1..) = self.running.stderr.read(&mut chunk).await {
            self.shared.keep_stderr(&chunk[..count], self.limits.stderr_bytes);
        }
    }
}

const INTERRUPT: u8 = 2;
const KILL: u8 = 9;
const TERMINATE: u8 = 15;

/// A limit too long for the clock is no limit.
fn later(now: Instant, by: Duration) -> Instant {
    /// A year: longer than any run, and within what timers take.
    const LONGEST: Duration = Duration::from_hours(365 * 24);
    now + by.min(LONGEST)
}
