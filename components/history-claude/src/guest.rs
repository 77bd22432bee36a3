//! The world `history-policy`: the contract's generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

wit_bindgen::generate!({ world: "history-policy", path: "../../wit" });

use exports::overlord::policy::history as wit;
use overlord::policy::files::{self, IoError};
use overlord::policy::types::Fault;

use crate::page::{self, Page, Query, Window};
use crate::place::{self, Session};
use crate::record::{Aside, Kind, Message, Role};
use crate::settings::Settings;
use crate::source::{Source, SourceError};
use crate::titles::{self, Listed};

struct HistoryClaude;

export!(HistoryClaude);

impl wit::Guest for HistoryClaude {
    fn read(settings: Vec<(String, String)>, query: wit::Query) -> Result<Option<wit::Page>, Fault> {
        let path = path(&settings, &query.session)?;
        let Some(mut file) = Lent::open(&path)? else { return Ok(None) };
        let query = Query {
            window: match query.window {
                wit::Window::Since(offset) => Window::Since(offset),
                wit::Window::Before(offset) => Window::Before(offset),
                wit::Window::Tail => Window::Tail,
            },
            messages_max: query.messages_max,
            bytes_max: query.bytes_max,
            detailed: query.detailed,
        };
        let page = page::read(&mut file, &query).map_err(|error| about(&path, &error))?;
        Ok(Some(page.into()))
    }

    fn locate(settings: Vec<(String, String)>, session: String) -> Result<Option<String>, Fault> {
        let path = path(&settings, &session)?;
        Ok(Lent::open(&path)?.map(|_| path))
    }

    fn directory(settings: Vec<(String, String)>) -> Result<String, Fault> {
        let settings = Settings::new(&settings).map_err(fault)?;
        Ok(place::directory(&settings.cwd))
    }

    fn sessions(settings: Vec<(String, String)>, max: u32) -> Result<Vec<wit::Summary>, Fault> {
        let settings = Settings::new(&settings).map_err(fault)?;
        let directory = place::directory(&settings.cwd);
        let entries = match files::entries(&directory) {
            Ok(entries) => entries,
            Err(IoError::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(about(&directory, &error.into())),
        };
        let sessions = entries.into_iter().filter(|entry| !entry.directory).filter_map(|entry| {
            let session = Session::of_file(&entry.name)?;
            Some(Listed { session, modified: entry.modified, size: entry.size })
        });
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let newest = titles::newest(sessions.collect(), max);
        Ok(newest.into_iter().map(summary).collect())
    }

    fn titles(settings: Vec<(String, String)>, sessions: Vec<String>) -> Result<Vec<Option<String>>, Fault> {
        let settings = Settings::new(&settings).map_err(fault)?;
        sessions
            .iter()
            .map(|session| Ok(title(&Session::new(session).map_err(fault)?.path(&settings.cwd))))
            .collect()
    }
}

/// One line of the list.
fn summary(listed: Listed) -> wit::Summary {
    wit::Summary {
        session: listed.session.as_str().to_owned(),
        modified: listed.modified,
        size: listed.size,
        facts: Vec::new(),
    }
}

/// A file that cannot be read has no title: one bad file must not cost the others theirs.
fn title(path: &str) -> Option<String> {
    let mut file = Lent::open(path).ok().flatten()?;
    titles::title(&mut file).ok().flatten()
}

/// A file of the lent directory.
struct Lent(files::File);

impl Lent {
    /// None where there is no such file.
    fn open(path: &str) -> Result<Option<Self>, Fault> {
        match files::open(path) {
            Ok(file) => Ok(Some(Self(file))),
            Err(IoError::NotFound) => Ok(None),
            Err(error) => Err(about(path, &error.into())),
        }
    }
}

impl Source for Lent {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, SourceError> {
        Ok(self.0.read(offset, length)?)
    }
}

impl From<IoError> for SourceError {
    fn from(error: IoError) -> Self {
        match error {
            IoError::Denied => Self::Denied,
            IoError::NotFound | IoError::Other => Self::Other,
        }
    }
}

impl From<Page> for wit::Page {
    fn from(page: Page) -> Self {
        Self {
            messages: page.messages.into_iter().map(Into::into).collect(),
            next: page.next,
            more: page.more,
        }
    }
}

impl From<Message> for wit::Message {
    fn from(message: Message) -> Self {
        Self {
            role: match message.role {
                Role::User => wit::Role::User,
                Role::Assistant => wit::Role::Assistant,
            },
            kind: match message.kind {
                Kind::Text => wit::Kind::Text,
                Kind::Marker => wit::Kind::Marker,
                Kind::Error => wit::Kind::Error,
            },
            text: message.text,
            timestamp: message.timestamp,
            offset: message.offset,
            asides: message.asides.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Aside> for wit::Aside {
    fn from(aside: Aside) -> Self {
        Self {
            kind: aside.kind.to_owned(),
            id: aside.id,
            name: aside.name,
            text: aside.text,
            failed: aside.failed,
        }
    }
}

fn path(settings: &[(String, String)], session: &str) -> Result<String, Fault> {
    let settings = Settings::new(settings).map_err(fault)?;
    Ok(Session::new(session).map_err(fault)?.path(&settings.cwd))
}

fn fault(error: impl std::error::Error) -> Fault {
    Fault { message: error.to_string() }
}

fn about(path: &str, error: &SourceError) -> Fault {
    Fault { message: format!("{error} (`{path}` below the lent directory)") }
}
