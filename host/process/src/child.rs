//! A running program, as the host holds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::keeper::{Order, Shared, StopCause};
use crate::wire::Exit;

/// What comes next from a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line without its end; the last may have lacked one.
    Line(Vec<u8>),
    /// Nothing came for the length of the idle limit, and the program is being stopped. What it
    /// still says follows.
    Idle,
    /// Its output has ended, or is not read any further.
    End,
}

/// A running program. Dropping it stops the program, and everything that it started, in the
/// background.
#[derive(Debug)]
pub struct Child {
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) exit: watch::Receiver<Option<Exit>>,
}

impl Child {
    /// Waits for the next event; [`Event::End`] for ever after the end. Where the future is
    /// dropped nothing is lost.
    pub async fn next(&mut self) -> Event {
        self.shared.queue.take().await
    }

    /// Sends SIGINT to the program, and to nothing that it started. It may or may not end.
    pub fn interrupt(&self) {
        self.order(Order::Interrupt);
    }

    /// Says that the program has done its work: it has so long to end. Saying it again starts the
    /// time anew.
    pub fn finish_within(&self, time: Duration) {
        self.order(Order::FinishWithin(time));
    }

    /// Begins to stop the program and returns at once: SIGINT, then SIGTERM, then the end of
    /// everything. Go on reading: a client still says what it had.
    pub fn begin_stop(&self) {
        self.order(Order::Stop);
    }

    /// Stops the program and waits until everything of it is gone.
    pub async fn stop(&self) -> Exit {
        self.begin_stop();
        self.wait().await
    }

    /// Waits until the program has ended and everything that it started is gone. What it says
    /// meanwhile stays to be read as far as it fits; the rest is dropped, so that a program whose
    /// reader waits here is not held up.
    pub async fn wait(&self) -> Exit {
        let _unread = self.shared.queue.leave_unread();
        let mut exit = self.exit.clone();
        loop {
            if let Some(exit) = *exit.borrow_and_update() {
                return exit;
            }
            if exit.changed().await.is_err() {
                // The runtime is shutting down and has dropped the keeper; the launcher sees the
                // socket end and kills everything.
                return (*exit.borrow()).unwrap_or(Exit::Signal(9));
            }
        }
    }

    /// Whether the program has ended and everything that it started is gone.
    pub fn has_ended(&self) -> bool {
        self.exit.borrow().is_some()
    }

    /// The last of what it wrote to its standard error; what is no UTF-8 is replaced.
    pub fn stderr_tail(&self) -> String {
        self.shared.stderr_tail()
    }

    /// Why it was stopped; none where it ended by itself or still runs.
    pub fn stopped_because(&self) -> Option<StopCause> {
        self.shared.stopped.get().copied()
    }

    fn order(&self, order: Order) {
        // Where the keeper has ended, so has the program.
        let _ = self.orders.send(order);
    }
}
