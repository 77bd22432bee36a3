//! Which credential counts where there are several.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_700_000_000_000;

fn settings(more: &[(&str, &str)]) -> Settings {
    let key = format!("HS256 text:{SECRET}");
    let all = [&[("key", &*key), ("secret", "s")], more].concat();
    let pairs: Vec<_> = all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings::read(&pairs).expect("good settings")
}

fn token(user: &str, lives_s: i64) -> String {
    let exp = i64::try_from(NOW / 1000).expect("small") + lives_s;
    let claims = format!(r#"{{"sub":"{user}","exp":{exp}}}"#);
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256::HMAC::mac(signed.as_bytes(), SECRET)))
}

fn own(settings: &Settings, user: &str) -> String {
    let who = Principal { user: user.to_owned(), roles: Vec::new() };
    settings.own.issue(who, NOW).expect("a good name").value
}

fn user(settings: &Settings, headers: &[&str], cookies: &[(&str, &str)]) -> Result<String, Denial> {
    let headers: Vec<_> = headers.iter().map(|value| ("authorization", value.as_bytes())).collect();
    authenticate(settings, &headers, cookies, NOW).map(|who| who.user)
}

#[test]
fn a_bearer_token_is_read_as_the_rfc_writes_it() {
    let (settings, good) = (settings(&[]), token("alice", 60));
    for header in [format!("Bearer {good}"), format!("bearer {good}"), format!("BEARER   {good} ")] {
        assert_eq!(user(&settings, &[&header], &[]), Ok("alice".into()), "{header}");
    }
    for header in
        ["Bearer", "Bearer ", "bearer x", &format!("Bearer {good} x"), &format!("Bearer {good},{good}")]
    {
        assert!(matches!(user(&settings, &[header], &[]), Err(Denial::Invalid(_))), "{header}");
    }
    for header in ["", "Basic YTpi", &format!("Bearer{good}"), &good, &format!("Bearer\t{good}"), " Bearer x"]
    {
        assert_eq!(user(&settings, &[header], &[]), Err(Denial::Missing), "{header}");
    }
    let late = format!("Bearer {}", token("alice", -60));
    assert_eq!(user(&settings, &[&late], &[]), Err(Denial::Expired));
    let bytes = authenticate(&settings, &[("authorization", b"Bearer \xff")], &[], NOW);
    assert!(matches!(bytes, Err(Denial::Invalid(_))));
}

#[test]
fn of_two_authorization_headers_none_counts() {
    let (settings, good) = (settings(&[]), format!("Bearer {}", token("alice", 60)));
    for headers in [[&*good, &*good], [&*good, "Basic YTpi"], ["Basic YTpi", &*good]] {
        assert!(matches!(user(&settings, &headers, &[]), Err(Denial::Invalid(_))), "{headers:?}");
    }
}

#[test]
fn the_header_comes_first_then_the_own_cookie_then_the_others() {
    let settings = settings(&[]);
    let (own, theirs) = (own(&settings, "own"), token("theirs", 60));
    let header = format!("Bearer {}", token("bearer", 60));
    let cookies = [("session", &*theirs), ("overlord_session", &*own)];
    assert_eq!(user(&settings, &[&header], &cookies), Ok("bearer".into()));
    assert_eq!(user(&settings, &[], &cookies), Ok("own".into()));
    assert_eq!(user(&settings, &["Basic YTpi"], &cookies[..1]), Ok("theirs".into()));
    assert!(matches!(user(&settings, &["Bearer x"], &cookies), Err(Denial::Invalid(_))), "nobody else");
    assert_eq!(user(&settings, &[], &[]), Err(Denial::Missing));
}

#[test]
fn one_is_not_the_other() {
    let settings = settings(&[]);
    let (own, theirs) = (own(&settings, "own"), token("theirs", 60));
    for cookies in [[("overlord_session", &*theirs)], [("session", &*own)]] {
        assert!(matches!(user(&settings, &[], &cookies), Err(Denial::Invalid(_))), "{cookies:?}");
    }
    assert!(matches!(user(&settings, &[&format!("Bearer {own}")], &[]), Err(Denial::Invalid(_))));
}

#[test]
fn it_reads_only_from_where_it_is_told_to() {
    let good = token("alice", 60);
    let (bearer, cookie) = (settings(&[("read_from", "bearer")]), settings(&[("read_from", "cookie")]));
    let header = format!("Bearer {good}");
    assert_eq!(user(&bearer, &[], &[("session", &good)]), Err(Denial::Missing));
    assert_eq!(user(&cookie, &[&header], &[]), Err(Denial::Missing));
    assert_eq!(user(&cookie, &["Bearer x"], &[("session", &good)]), Ok("alice".into()));
    let own = own(&bearer, "own");
    assert_eq!(user(&bearer, &[], &[("overlord_session", &own)]), Ok("own".into()));
}

#[test]
fn one_that_is_not_genuine_hides_none_that_is() {
    let (settings, good) = (settings(&[]), token("alice", 60));
    for cookies in [["x", &*good], [&*good, "x"], [&*good, &token("alice", -60)]] {
        let cookies = cookies.map(|value| ("session", value));
        assert_eq!(user(&settings, &[], &cookies), Ok("alice".into()));
    }
    let expired = token("alice", -60);
    for cookies in [["x", &*expired], [&*expired, "x"]] {
        assert_eq!(user(&settings, &[], &cookies.map(|value| ("session", value))), Err(Denial::Expired));
    }
    let flood = vec![("session", "x"); MAX_VALUES];
    let behind = |count: usize| user(&settings, &[], &[&[("session", &*good)], &flood[..count]].concat());
    assert!(behind(MAX_VALUES - 1).is_ok() && behind(MAX_VALUES).is_err());
}
