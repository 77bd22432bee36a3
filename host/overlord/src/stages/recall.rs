//! What was said? Reads a session page by page through the history policy and writes the answer's JSON
//! as it goes, so that a long session never stands in memory as a whole.

use std::sync::Arc;

use serde::Serialize;

use super::identify::Caller;
use super::pieces::{Pieces, pieces};
use super::readers::{Reading, reading};
use crate::capability::files::{Directory, Stamp};
use crate::domain::{Instant, SessionId};
use crate::generation::Generation;
use crate::sandbox::hooks::{Message, Page, Role, Window};

/// How many messages one call hands over.
pub(super) const PAGE_MESSAGES: u32 = 256;

/// After how many bytes of the file a call ends: a few milliseconds of work.
pub(super) const PAGE_BYTES: u64 = 1 << 20;

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
        let path = self.locate().await?;
        Ok(path.map(|path| self.directory.size(&path).unwrap_or(0)))
    }

    /// When the session's file was made; none where there is none, or nobody knows.
    pub async fn born(&self) -> Option<Instant> {
        let path = self.locate().await.ok().flatten()?;
        self.directory.born(&path).map(Instant)
    }

    /// Where the file is, below the lent directory; none where there is none.
    pub async fn locate(&self) -> Result<Option<String>, Unreadable> {
        self.generation.history.locate(self.directory.clone(), self.session).await.map_err(|_| Unreadable)
    }

    /// The state of the session's file, and where it is; none where there is none.
    pub async fn stamp(&self) -> Result<Option<(String, Stamp)>, Unreadable> {
        let Some(path) = self.locate().await? else { return Ok(None) };
        let directory = self.directory.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let file = directory.plain(&path).map_err(|_| Unreadable)?;
            file.map(|file| file.stamp().map(|stamp| (path, stamp)).map_err(|_| Unreadable)).transpose()
        });
        looked.await.map_err(|_| Unreadable)?
    }

    /// What tells this state of the history from others: a file's, and the rules that read it.
    pub fn tag(&self, stamp: Option<Stamp>) -> String {
        match stamp {
            None => "none".to_owned(),
            Some(Stamp { size, modified, changed, inode }) => {
                let rules = self.generation.history.digest().short();
                format!("{size:x}-{modified:x}-{changed:x}-{inode:x}-{rules}")
            }
        }
    }

    /// The right to read, which the reader waits for.
    pub(super) async fn reading(&self) -> Reading {
        reading(&self.user).await
    }

    /// The directory that is lent for it.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// A page; none where there is no file. Works on a thread of its own, since it reads from the disk.
    pub(super) async fn read(
        &self,
        window: Window,
        messages_max: u32,
        detailed: bool,
    ) -> Result<Option<Page>, Unreadable> {
        let (this, runtime) = (self.clone(), tokio::runtime::Handle::current());
        let page = tokio::task::spawn_blocking(move || {
            let history = &this.generation.history;
            runtime.block_on(history.read(
                this.directory,
                this.session,
                window,
                messages_max,
                PAGE_BYTES,
                detailed,
            ))
        });
        let page = page.await.map_err(|_| Unreadable)?.map_err(|_| Unreadable)?;
        if let Some(page) = &page {
            let gets_on = match window {
                Window::Since(from) => page.next > from,
                Window::Before(to) => page.next < to,
                Window::Tail => true,
            };
            if page.more && !gets_on {
                tracing::error!("the history component does not get on: more to read, and nothing read");
                return Err(Unreadable);
            }
        }
        Ok(page)
    }

    /// The page from an offset on, as the elements of a JSON list, and where the next one is.
    async fn page(&self, offset: u64, first: bool) -> Result<Option<(Vec<u8>, Option<u64>)>, Unreadable> {
        let page = self.read(Window::Since(offset), PAGE_MESSAGES, false).await?;
        Ok(page.map(|page| (elements(&page, first), page.more.then_some(page.next))))
    }
}

/// Reads a session from its beginning. An error here means that nothing was read yet.
pub async fn recall(from: Recollection) -> Result<Recalled, Unreadable> {
    let reading = from.reading().await;
    let mut start = OPENING.to_vec();
    let Some((elements, next)) = from.page(0, true).await? else {
        return Ok(Recalled::nothing());
    };
    start.extend_from_slice(&elements);
    let Some(mut next) = next else {
        start.extend_from_slice(CLOSING);
        return Ok(Recalled::Whole(start));
    };
    let (giver, pieces) = pieces();
    tokio::spawn(async move {
        let _reading = reading;
        let mut first = start.len() == OPENING.len();
        let mut piece = start;
        // Ends early where the reader has gone, takes no more, or there is no more to be had: without
        // its last piece it does not look whole.
        while giver.more(piece).await {
            let Ok(Some((mut elements, after))) = from.page(next, first).await else { return };
            first = first && elements.is_empty();
            if let Some(after) = after {
                next = after;
                piece = elements;
            } else {
                elements.extend_from_slice(CLOSING);
                giver.last(elements).await;
                return;
            }
        }
    });
    Ok(Recalled::Pieces(pieces))
}

/// A message as the original answers it.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    role: &'static str,
    text: &'a str,
    timestamp: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        Self { role: role(message), text: &message.text, timestamp: message.timestamp.as_deref() }
    }
}

/// Who said it, in the original's words.
pub(super) fn role(message: &Message) -> &'static str {
    match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn elements(page: &Page, mut first: bool) -> Vec<u8> {
    let bytes: usize = page.messages.iter().map(|message| message.text.len() + 80).sum();
    let mut json = Vec::with_capacity(bytes + bytes / 16);
    for message in &page.messages {
        if !std::mem::take(&mut first) {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, &Said::of(message)).expect("text can be written to memory");
    }
    json
}
