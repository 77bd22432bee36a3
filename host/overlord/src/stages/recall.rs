//! What was said? Reads a session page by page through the history policy and writes the answer's JSON
//! as it goes, so that a long session never stands in memory as a whole.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use super::identify::Caller;
use super::readers::reading;
use crate::capability::files::Directory;
use crate::domain::SessionId;
use crate::generation::Generation;
use crate::sandbox::Broken;
use crate::sandbox::hooks::{Page, Role, Window};

/// How many messages one call hands over.
const PAGE_MESSAGES: u32 = 256;

/// After how many bytes of the file a call ends: a few milliseconds of work.
const PAGE_BYTES: u64 = 1 << 20;

/// How many pages are ready before the reader has taken the first.
const PAGES_AHEAD: usize = 2;

/// How long a reader may take over one page before the rest is not kept for it any longer.
const PAGE_TIME: Duration = Duration::from_secs(30);

/// The beginning and the end of the answer.
const OPENING: &[u8] = b"{\"messages\":[";
const CLOSING: &[u8] = b"]}";

/// A session's messages as JSON.
#[derive(Debug)]
pub enum Recalled {
    /// All of it.
    Whole(Vec<u8>),
    /// The pieces as they come.
    Pieces(Pieces),
}

/// A session's JSON, a piece at a time.
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

impl Pieces {
    /// The next piece; none after the last. An error means that the rest cannot be read, or was not
    /// taken in time: what has been sent is not whole.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, Unreadable>> {
        if self.whole {
            return None;
        }
        match self.taken.recv().await {
            Some(Piece::More(json)) => Some(Ok(json)),
            Some(Piece::Last(json)) => {
                self.whole = true;
                Some(Ok(json))
            }
            None => {
                self.whole = true;
                Some(Err(Unreadable))
            }
        }
    }
}

impl Recalled {
    /// What an empty session looks like, and one that is none of the caller's business.
    pub fn nothing() -> Self {
        Self::Whole([OPENING, CLOSING].concat())
    }
}

/// The session's file cannot be read; the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("failed to read session")]
pub struct Unreadable;

/// Where a session's file is looked for, and by which rules.
#[derive(Debug, Clone)]
pub struct Recollection {
    generation: Arc<Generation>,
    directory: Directory,
    session: SessionId,
    user: String,
}

impl Recollection {
    /// Of one session, in a directory that is lent to the policy.
    pub fn new(caller: &Caller, directory: Directory, session: SessionId) -> Self {
        let user = caller.principal().user.clone();
        Self { generation: Arc::clone(caller.generation()), directory, session, user }
    }

    /// How long the session's file is; none where there is none.
    pub async fn size(&self) -> Result<Option<u64>, Unreadable> {
        let path = self.generation.history.locate(self.directory.clone(), self.session).await;
        let path = path.map_err(|_| Unreadable)?;
        Ok(path.map(|path| self.directory.size(&path).unwrap_or(0)))
    }

    /// The page from an offset on, as the elements of a JSON list; none where there is no file. Works
    /// on a thread of its own, since it reads from the disk.
    async fn page(&self, offset: u64, first: bool) -> Result<Option<(Vec<u8>, Option<u64>)>, Unreadable> {
        let this = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let page = tokio::task::spawn_blocking(move || {
            runtime
                .block_on(this.generation.history.read(
                    this.directory,
                    this.session,
                    Window::Since(offset),
                    PAGE_MESSAGES,
                    PAGE_BYTES,
                ))
                .map(|page| page.map(|page| (elements(&page, first), page.more.then_some(page.next))))
        })
        .await;
        match page {
            Ok(Ok(Some((_, Some(next))))) if next <= offset => {
                tracing::error!("the history component does not get on: more to read, and nothing read");
                Err(Unreadable)
            }
            Ok(Ok(page)) => Ok(page),
            Ok(Err(Broken::Fault(_) | Broken::Trapped(_) | Broken::Answer(_))) | Err(_) => Err(Unreadable),
        }
    }
}

/// Reads a session from its beginning. An error here means that nothing was read yet.
pub async fn recall(from: Recollection) -> Result<Recalled, Unreadable> {
    let reading = reading(&from.user).await;
    let mut start = OPENING.to_vec();
    let Some((elements, next)) = from.page(0, true).await? else {
        return Ok(Recalled::nothing());
    };
    start.extend_from_slice(&elements);
    let Some(mut next) = next else {
        start.extend_from_slice(CLOSING);
        return Ok(Recalled::Whole(start));
    };
    let (pieces, taken) = mpsc::channel(PAGES_AHEAD);
    tokio::spawn(async move {
        let _reading = reading;
        let mut first = start.len() == OPENING.len();
        let mut piece = Piece::More(start);
        // Ends early where the reader has gone, takes no more, or there is no more to be had: without
        // its last piece it does not look whole.
        while pieces.send_timeout(piece, PAGE_TIME).await.is_ok() {
            let Ok(Some((mut elements, after))) = from.page(next, first).await else { return };
            first = first && elements.is_empty();
            if let Some(after) = after {
                next = after;
                piece = Piece::More(elements);
            } else {
                elements.extend_from_slice(CLOSING);
                let _ = pieces.send_timeout(Piece::Last(elements), PAGE_TIME).await;
                return;
            }
        }
    });
    Ok(Recalled::Pieces(Pieces { taken, whole: false }))
}

/// A message as the original answers it.
#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    text: &'a str,
    timestamp: Option<&'a str>,
}

fn elements(page: &Page, mut first: bool) -> Vec<u8> {
    let bytes: usize = page.messages.iter().map(|message| message.text.len() + 80).sum();
    let mut json = Vec::with_capacity(bytes + bytes / 16);
    for message in &page.messages {
        if !std::mem::take(&mut first) {
            json.push(b',');
        }
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let said = Said { role, text: &message.text, timestamp: message.timestamp.as_deref() };
        serde_json::to_writer(&mut json, &said).expect("text can be written to memory");
    }
    json
}
