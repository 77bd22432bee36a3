//! Something long on its way out, a piece at a time: it never stands in memory as a whole, it does not
//! wait for a reader without end, and what breaks off does not look whole.

use std::time::Duration;

use tokio::sync::mpsc;

use super::recall::Unreadable;

/// How many pieces are ready before the reader has taken the first.
const PIECES_AHEAD: usize = 2;

/// How long a reader may take over one piece before the rest is not kept for it any longer.
const PIECE_TIME: Duration = Duration::from_secs(30);

/// What comes out, a piece at a time.
#[derive(Debug)]
pub struct Pieces {
    taken: mpsc::Receiver<Piece>,
    whole: bool,
}

#[derive(Debug)]
enum Piece {
    More(Vec<u8>),
    Last(Vec<u8>),
}

/// The end that pieces go in at. Where it is dropped without a last piece, the reader learns that what
/// it has is not whole.
#[derive(Debug)]
pub(super) struct Giver(mpsc::Sender<Piece>);

/// Both ends.
pub(super) fn pieces() -> (Giver, Pieces) {
    let (given, taken) = mpsc::channel(PIECES_AHEAD);
    (Giver(given), Pieces { taken, whole: false })
}

impl Giver {
    /// Gives a piece; false where the reader has gone, or takes no more.
    pub(super) async fn more(&self, piece: Vec<u8>) -> bool {
        self.0.send_timeout(Piece::More(piece), PIECE_TIME).await.is_ok()
    }

    /// Gives the last piece.
    pub(super) async fn last(self, piece: Vec<u8>) {
        let _ = self.0.send_timeout(Piece::Last(piece), PIECE_TIME).await;
    }
}

impl Pieces {
    /// The next piece; none after the last. An error means that the rest cannot be read, or was not
    /// taken in time: what has been sent is not whole.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, Unreadable>> {
        if self.whole {
            return None;
        }
        match self.taken.recv().await {
            Some(Piece::More(piece)) => Some(Ok(piece)),
            Some(Piece::Last(piece)) => {
                self.whole = true;
                Some(Ok(piece))
            }
            None => {
                self.whole = true;
                Some(Err(Unreadable))
            }
        }
    }
}
