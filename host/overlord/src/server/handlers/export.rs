//! A session as a file to save.

use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::sessions::{invalid, not_done};
use crate::domain::{SessionId, Title};
use crate::pipeline::sessions;
use crate::server::query::Query;
use crate::server::reply;
use crate::server::routes::InService;
use crate::stages::{Caller, Format};

/// How much of a title a file's name takes: what a save dialog shows.
const NAME_CHARACTERS_MAX: usize = 50;

/// `GET /agent/sessions/{session_id}/export`
pub(in crate::server) async fn export(
    State(service): InService,
    Extension(caller): Extension<Caller>,
    Path(session_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(session) = SessionId::parse(&session_id) else { return invalid() };
    let mut query = Query::read(query.as_deref());
    let format = query.value("format", "markdown or jsonl", |text| match text {
        "markdown" => Some(Format::Markdown),
        "jsonl" => Some(Format::Jsonl),
        _ => None,
    });
    if let Some(answer) = query.objection() {
        return answer;
    }
    let format = format.unwrap_or(Format::Markdown);
    let exported = match sessions::export(&service.house, &caller, session, format).await {
        Ok(exported) => exported,
        Err(why) => return not_done(why),
    };
    // A piece that is an error cuts the connection: what was sent must not look whole.
    let pieces = stream::unfold(exported.pieces, |mut pieces| async { Some((pieces.next().await?, pieces)) });
    let mut response = (StatusCode::OK, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(format));
    headers.insert(header::CONTENT_DISPOSITION, disposition(session, exported.title.as_ref(), format));
    reply::guarded(response)
}

fn content_type(format: Format) -> HeaderValue {
    HeaderValue::from_static(match format {
        Format::Markdown => "text/markdown; charset=utf-8",
        Format::Jsonl => "application/jsonl",
    })
}

/// A name that is safe on every system and in every header: ASCII letters, digits and hyphens.
fn disposition(session: SessionId, title: Option<&Title>, format: Format) -> HeaderValue {
    let ending = match format {
        Format::Markdown => "md",
        Format::Jsonl => "jsonl",
    };
    let title = title.map_or("", Title::as_str).to_lowercase();
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name: String = words.flat_map(|word| [word, "-"]).collect();
    name.truncate(NAME_CHARACTERS_MAX);
    let name = name.trim_end_matches('-');
    let between = if name.is_empty() { "" } else { "-" };
    let value = format!("attachment; filename=\"{name}{between}{session}.{ending}\"");
    HeaderValue::try_from(value).expect("it is made of letters, digits and hyphens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_safe_whatever_the_title() {
        let session = SessionId::from_bytes([0; 16]);
        let id = "00000000-0000-0000-0000-000000000000";
        let name = |title: Option<&str>| {
            let title = title.and_then(Title::found);
            let value = disposition(session, title.as_ref(), Format::Markdown);
            value.to_str().expect("text").to_owned()
        };
        assert_eq!(name(None), format!("attachment; filename=\"{id}.md\""));
        assert_eq!(
            name(Some("../../My \"Chat\"; filename=x.exe é")),
            format!("attachment; filename=\"my-chat-filename-x-exe-{id}.md\"")
        );
        let long = name(Some(&"x".repeat(NAME_CHARACTERS_MAX + 1)));
        assert_eq!(long, format!("attachment; filename=\"{}-{id}.md\"", "x".repeat(NAME_CHARACTERS_MAX)));
        assert_eq!(name(Some("日本")), format!("attachment; filename=\"{id}.md\""));
    }
}
