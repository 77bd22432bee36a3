//! The token that a request shows in its one `Authorization` header. Knows no token.

use axum::http::{HeaderMap, header};

use super::guard::only;

/// The scheme, in any case, and the blank behind it.
const SCHEME: &[u8] = b"Bearer ";

/// What a request shows, where it shows one thing.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = only(headers, header::AUTHORIZATION)?.as_bytes().split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_is_shown_or_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.append("authorization", "bearer x".parse().expect("a value"));
        assert_eq!(bearer(&headers), Some(b"x".as_slice()));
        headers.append("authorization", "Bearer x".parse().expect("a value"));
        assert_eq!(bearer(&headers), None);
        for other in ["Basic xyzabc", "Bearer", ""] {
            headers.insert("authorization", other.parse().expect("a value"));
            assert_eq!(bearer(&headers), None, "{other}");
        }
    }
}
