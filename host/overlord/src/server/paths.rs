//! Paths as the original's framework sees them: decoded before they are matched, so that an encoded
//! slash separates like any other, and a slash too many at the end is answered with a redirect.

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The address with its path decoded and then encoded in one way, so that the router matches what the
/// original matched. What is no UTF-8 is replaced, as it does; none for what cannot be an address.
pub(super) fn normal(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains('%') {
        return Some(uri.clone());
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut whole = percent_encoding::utf8_percent_encode(&decoded, REENCODED).to_string();
    if let Some(query) = uri.query() {
        whole.push('?');
        whole.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(whole).ok()?);
    Uri::from_parts(parts).ok()
}

/// Everything but what stands for itself in a path.
const REENCODED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':')
    .remove(b'@');

/// Where the same path lies without the slashes at its end, or with one: the other form that may have
/// a route.
pub(super) fn other_form(path: &str) -> Option<String> {
    // CONNECT has no path at all.
    if matches!(path, "" | "/") {
        return None;
    }
    Some(if path.ends_with('/') { path.trim_end_matches('/').to_owned() } else { format!("{path}/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<String> {
        normal(&Uri::try_from(text).expect("an address")).map(|uri| uri.to_string())
    }

    #[test]
    fn an_encoded_path_is_the_path_it_encodes() {
        assert_eq!(path("/agent%2Fhealth").as_deref(), Some("/agent/health"));
        assert_eq!(path("/%61gent/health?x=%2F").as_deref(), Some("/agent/health?x=%2F"));
        assert_eq!(
            path("/agent/sessions/a%2F..%2Fb/history").as_deref(),
            Some("/agent/sessions/a/../b/history")
        );
        assert_eq!(path("/a%20b%3Fc%23").as_deref(), Some("/a%20b%3Fc%23"));
        assert_eq!(path("/%C3%A9").as_deref(), Some("/%C3%A9"));
        assert_eq!(path("/%FF").as_deref(), Some("/%EF%BF%BD"));
    }

    #[test]
    fn slashes_at_the_end() {
        assert_eq!(other_form("/agent/health//").as_deref(), Some("/agent/health"));
        assert_eq!(other_form("/agent/health").as_deref(), Some("/agent/health/"));
        assert_eq!(other_form("/"), None);
        assert_eq!(other_form(""), None);
    }
}
