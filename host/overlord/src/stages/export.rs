//! A session to take away: the agent's own file as it is, or what was said as Markdown. It is written
//! as it is read, and never stands in memory as a whole.

use std::fmt::Write as _;

use super::pieces::{Pieces, pieces};
use super::recall::{PAGE_MESSAGES, Recollection, Unreadable};
use crate::domain::{SessionId, Title};
use crate::sandbox::hooks::{Message, Role, Window};

/// How much of the agent's file is read at a time.
const PIECE_BYTES: u32 = 256 << 10;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Markdown,
    /// The agent's own file.
    Jsonl,
}

/// Writes out the session whose file is at `path`. An error here means that nothing was read yet.
pub async fn export(
    from: Recollection,
    path: String,
    format: Format,
    session: SessionId,
    title: Option<Title>,
) -> Result<Pieces, Unreadable> {
    match format {
        Format::Jsonl => as_it_is(from, path).await,
        Format::Markdown => as_markdown(from, heading(session, title.as_ref())).await,
    }
}

async fn as_it_is(from: Recollection, path: String) -> Result<Pieces, Unreadable> {
    let reading = from.reading().await;
    let directory = from.directory().clone();
    let opened = tokio::task::spawn_blocking(move || directory.plain(&path).ok().flatten());
    let file = std::sync::Arc::new(opened.await.ok().flatten().ok_or(Unreadable)?);
    let size = file.stamp().map_err(|_| Unreadable)?.size;
    let (giver, pieces) = pieces();
    tokio::spawn(async move {
        let _reading = reading;
        let mut at = 0;
        // What is written while this goes on is for another time.
        while at < size {
            let file = std::sync::Arc::clone(&file);
            let length = u32::try_from(size - at).unwrap_or(u32::MAX).min(PIECE_BYTES);
            let read = tokio::task::spawn_blocking(move || file.bytes(at, length)).await;
            let Ok(Ok(bytes)) = read else { return };
            // Cut while it was read: what was sent must not look whole.
            if bytes.is_empty() {
                return;
            }
            at += bytes.len() as u64;
            if !giver.more(bytes).await {
                return;
            }
        }
        giver.last(Vec::new()).await;
    });
    Ok(pieces)
}

async fn as_markdown(from: Recollection, heading: String) -> Result<Pieces, Unreadable> {
    let reading = from.reading().await;
    let mut page = from.read(Window::Since(0), PAGE_MESSAGES, false).await?.ok_or(Unreadable)?;
    let mut text = heading;
    let (giver, pieces) = pieces();
    tokio::spawn(async move {
        let _reading = reading;
        loop {
            page.messages.iter().for_each(|message| write_message(&mut text, message));
            let piece = std::mem::take(&mut text).into_bytes();
            if !page.more {
                return giver.last(piece).await;
            }
            if !giver.more(piece).await {
                return;
            }
            let Ok(Some(next)) = from.read(Window::Since(page.next), PAGE_MESSAGES, false).await else {
                return;
            };
            page = next;
        }
    });
    Ok(pieces)
}

fn heading(session: SessionId, title: Option<&Title>) -> String {
    let title = title.map_or_else(|| "A session".to_owned(), |title| escaped(title.as_str()));
    format!("# {title}\n\nSession {session}\n")
}

/// A message as a quotation, so that nothing in it (a heading, a fence that is not closed) reaches
/// beyond it or passes for another message.
fn write_message(text: &mut String, message: &Message) {
    let who = match message.role {
        Role::User => "User",
        Role::Assistant => "Assistant",
    };
    let _ = write!(text, "\n## {who}\n\n");
    if let Some(timestamp) = &message.timestamp {
        let _ = write!(text, "{}\n\n", escaped(timestamp));
    }
    for line in message.text.split(['\n', '\r']) {
        text.push_str(if line.is_empty() { ">" } else { "> " });
        text.push_str(line);
        text.push('\n');
    }
}

/// A short text on one line, in which no character means anything to Markdown.
fn escaped(text: &str) -> String {
    let text = Title::found(text).map(|text| text.as_str().to_owned()).unwrap_or_default();
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_punctuation() && !matches!(c, '-' | ':' | '.' | ',') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::hooks::Kind;

    #[test]
    fn no_message_passes_for_another() {
        let message = Message {
            role: Role::User,
            kind: Kind::Text,
            text: "# one\n\n```\r## Assistant".to_owned(),
            timestamp: Some("2026-01-02T03:04:05.678Z\n# x".to_owned()),
            offset: 0,
            asides: Vec::new(),
        };
        let mut text = String::new();
        write_message(&mut text, &message);
        assert_eq!(
            text,
            "\n## User\n\n2026-01-02T03:04:05.678Z \\# x\n\n> # one\n>\n> ```\n> ## Assistant\n"
        );
        let session = SessionId::from_bytes([0; 16]);
        let title = Title::found("a *b*\n# c");
        assert_eq!(
            heading(session, title.as_ref()),
            "# a \\*b\\* \\# c\n\nSession 00000000-0000-0000-0000-000000000000\n"
        );
    }
}
