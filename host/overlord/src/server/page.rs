//! The page's files: which there are, and how they are handed out. They lie in the program itself, the
//! same for everybody. Knows nobody who is signed in and nothing of what the page does.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// What the page may do: run the service's own scripts, ask the service, and be nobody's frame. Text
/// becomes markup only where the one policy `overlord` makes it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types overlord";

/// A file of the folder `page`, as part of the program.
macro_rules! embedded {
    ($name:literal, $content_type:expr) => {
        File {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../page/", $name)),
            ready: OnceLock::new(),
        }
    };
}

/// The page.
static INDEX: File = embedded!("index.html", HTML);

/// The one for administrators. Whether somebody is one, the addresses say that it asks.
static ADMIN: File = embedded!("admin.html", HTML);

/// Their parts: what `/assets/{name}` has, and nothing else.
static ASSETS: [File; 33] = [
    embedded!("account.js", JS),
    embedded!("admin-api.js", JS),
    embedded!("admin-changes.js", JS),
    embedded!("admin-confirm.js", JS),
    embedded!("admin-lists.js", JS),
    embedded!("admin-plots.js", JS),
    embedded!("admin-rules.js", JS),
    embedded!("admin.css", CSS),
    embedded!("admin.js", JS),
    embedded!("api.js", JS),
    embedded!("app.js", JS),
    embedded!("blocks.js", JS),
    embedded!("code.js", JS),
    embedded!("composer.js", JS),
    embedded!("conversation.css", CSS),
    embedded!("conversation.js", JS),
    embedded!("dom.js", JS),
    embedded!("events.js", JS),
    embedded!("host-html.js", JS),
    embedded!("icon.svg", SVG),
    embedded!("keyboard.js", JS),
    embedded!("live.js", JS),
    embedded!("message.js", JS),
    embedded!("notices.js", JS),
    embedded!("run-stream.js", JS),
    embedded!("run-view.js", JS),
    embedded!("session-list.js", JS),
    embedded!("session-row.js", JS),
    embedded!("sessions.css", CSS),
    embedded!("sign-in.js", JS),
    embedded!("store.js", JS),
    embedded!("style.css", CSS),
    embedded!("time.js", JS),
];

/// One file.
struct File {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    ready: OnceLock<Ready>,
}

/// What is made of a file when it is first asked for.
struct Ready {
    /// Names these very bytes.
    tag: String,
    /// The same compressed, and its name, where that is shorter.
    compressed: Option<(String, Vec<u8>)>,
}

/// The page.
pub(super) fn index(headers: &HeaderMap) -> Response {
    whole(&INDEX, headers)
}

/// The page for administrators.
pub(super) fn admin(headers: &HeaderMap) -> Response {
    whole(&ADMIN, headers)
}

fn whole(page: &'static File, headers: &HeaderMap) -> Response {
    let mut response = page.answer(headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}

/// One of its parts; none of another name.
pub(super) fn asset(name: &str, headers: &HeaderMap) -> Option<Response> {
    ASSETS.iter().find(|file| file.name == name).map(|file| file.answer(headers))
}

impl File {
    fn answer(&'static self, headers: &HeaderMap) -> Response {
        let ready = self.ready.get_or_init(|| Ready::of(self.bytes));
        let compressed = ready.compressed.as_ref().filter(|_| takes_gzip(headers));
        let tag = compressed.map_or(&ready.tag, |(tag, _)| tag);
        let mut response = if known(headers, ready) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            match compressed {
                Some((_, bytes)) => ([(header::CONTENT_ENCODING, "gzip")], bytes.as_slice()).into_response(),
                None => self.bytes.into_response(),
            }
        };
        let out = response.headers_mut();
        if response_has_body(out) {
            out.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        out.insert(header::ETAG, HeaderValue::from_str(tag).expect("hexadecimal digits in quotes"));
        // A new program has new files under the same names: it is asked each time, and mostly says 304.
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

impl Ready {
    fn of(bytes: &[u8]) -> Self {
        let hash = format!("{:x}", Sha256::digest(bytes));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
        let compressed = written.expect("memory takes every write");
        let compressed = (compressed.len() < bytes.len()).then(|| (format!("\"{hash}-gzip\""), compressed));
        Self { tag: format!("\"{hash}\""), compressed }
    }
}

/// An answer without a body has been given no type.
fn response_has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_TYPE)
}

/// Whether the client has the file already, in whichever form.
fn known(headers: &HeaderMap, ready: &Ready) -> bool {
    list(headers, &header::IF_NONE_MATCH).any(|tag| {
        // A proxy that compresses makes a tag weak; it names the same file.
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag == ready.tag || ready.compressed.as_ref().is_some_and(|(other, _)| tag == other)
    })
}

/// Whether the client can read what is compressed.
fn takes_gzip(headers: &HeaderMap) -> bool {
    list(headers, &header::ACCEPT_ENCODING).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |q: &str| q.parse().is_ok_and(|q: f32| q == 0.0);
        gzip && !parts.any(|part| part.strip_prefix("q=").is_some_and(refused))
    })
}

/// The items of a header that is a list.
fn list<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accepts, takes) in [
            ("gzip", true),
            ("GZIP", true),
            ("br, gzip;q=0.5", true),
            ("deflate, br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("x-gzip-like", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepts.parse().expect("a value"));
            assert_eq!(takes_gzip(&headers), takes, "{accepts}");
        }
    }

    #[test]
    fn what_does_not_get_shorter_is_left_as_it_is() {
        assert!(Ready::of(b"x").compressed.is_none());
        assert!(Ready::of(&[b'x'; 1000]).compressed.is_some());
    }

    #[test]
    fn every_part_has_a_name_of_its_own_that_is_one_part_of_a_path() {
        for (place, file) in ASSETS.iter().enumerate() {
            assert!(!file.name.contains(['/', '%', '\\']) && !file.name.is_empty(), "{}", file.name);
            assert!(ASSETS[..place].iter().all(|other| other.name != file.name), "{}", file.name);
        }
    }
}
