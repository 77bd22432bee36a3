//! The cookie and its check that all comparisons of sign-in have in common.

use std::time::{SystemTime, UNIX_EPOCH};

use auth_cookie::settings::Settings;

/// As long as a sensible secret is.
pub(crate) const SECRET: &str = "a secret of the bench and of nothing else";

/// Who is signed in.
pub(crate) const USER: &str = "bench";

/// The settings pairs of the auth slot.
pub(crate) fn pairs(secret: &str, own_cookie: &str) -> Vec<(String, String)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    vec![pair("secret", secret), pair("cookie", "session"), pair("own_cookie", own_cookie)]
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Whom the cookies of a request speak for, by the same code as the component's.
pub(crate) fn user(settings: &Settings, cookies: &[(&str, &str)]) -> Option<String> {
    auth_cookie::cookies::authenticate(settings, cookies, now()).ok().map(|who| who.user)
}
