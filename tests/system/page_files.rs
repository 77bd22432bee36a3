//! The page's files as they go over the wire: compressed where that is wanted, named, and the same for
//! everybody. What the page does is for tests with a browser.

use std::io::Read as _;

use overlord_tests::caller::Answer;
use overlord_tests::host::{Host, Setup};

fn get(host: &Host, path: &str, headers: &[(&str, &str)]) -> Answer {
    host.anyone().send("GET", path, headers, None)
}

/// The page's parts, as it names them.
fn parts(host: &Host) -> Vec<String> {
    let page = get(host, "/", &[]).text() + &get(host, "/admin", &[]).text();
    let parts: Vec<_> =
        page.split(['"', '\'']).filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect();
    assert!(parts.len() >= 2, "{page}");
    parts
}

#[test]
fn the_page_and_its_parts_are_for_everybody_and_the_same() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let mut paths = parts(&host);
    paths.extend(["/".to_owned(), "/admin".to_owned()]);
    for path in paths {
        let answer = get(&host, &path, &[]);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        let kind = answer.header("content-type").expect("a type");
        let expected = match path.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("/" | "/admin") => "text/html; charset=utf-8",
            _ => kind,
        };
        assert_eq!(kind, expected, "{path}");
        assert_eq!(alice.get(&path).body, answer.body, "{path}");
    }
    for path in
        ["/assets/nothing.js", "/assets/..%2Findex.html", "/assets/index.html", "/assets/", "/index.html"]
    {
        assert_eq!(get(&host, path, &[]).status, 404, "{path}");
    }
}

#[test]
fn the_page_may_do_what_it_needs_and_nothing_else() {
    let host = Setup::new().start();
    for path in ["/", "/admin"] {
        may_do_what_it_needs(&get(&host, path, &[]));
    }
}

#[track_caller]
fn may_do_what_it_needs(answer: &Answer) {
    assert_eq!(
        answer.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types overlord"
        )
    );
    // What it does not allow would be left out by the browser without a word.
    let page = answer.text();
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "<base"] {
        assert!(!page.contains(inline), "the page has {inline}: {page}");
    }
    let scripts = page.matches("<script").count();
    assert_eq!(scripts, page.matches("src=\"/assets/").count(), "a script is a file: {page}");
}

#[test]
fn a_file_goes_out_compressed_to_those_who_take_it() {
    let host = Setup::new().start();
    for path in parts(&host).iter().map(String::as_str).chain(["/"]) {
        let plain = get(&host, path, &[]);
        let packed = get(&host, path, &[("accept-encoding", "br, gzip")]);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        if packed.header("content-encoding").is_some() {
            assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
            assert!(packed.body.len() < plain.body.len(), "{path}");
            assert_ne!(packed.header("etag"), plain.header("etag"), "{path}");
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).expect("gzip");
            assert_eq!(unpacked, plain.body, "{path}");
        }
        let refused = get(&host, path, &[("accept-encoding", "gzip;q=0, identity")]);
        assert_eq!(refused.header("content-encoding"), None, "{path}");
        assert_eq!(refused.body, plain.body, "{path}");
    }
    assert_eq!(get(&host, "/", &[("accept-encoding", "gzip")]).header("content-encoding"), Some("gzip"));
}

#[test]
fn who_has_a_file_is_not_sent_it_again() {
    let host = Setup::new().start();
    for encoding in ["identity", "gzip"] {
        let first = get(&host, "/", &[("accept-encoding", encoding)]);
        let tag = first.header("etag").expect("a name").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 64, "{tag}");
        for (match_, status) in [
            (tag.clone(), 304),
            (format!("W/{tag}"), 304),
            (format!("\"x\", {tag}"), 304),
            ("*".to_owned(), 304),
            ("\"x\"".to_owned(), 200),
            (tag.replace('"', ""), 200),
        ] {
            let again = get(&host, "/", &[("if-none-match", &match_), ("accept-encoding", encoding)]);
            assert_eq!(again.status, status, "{match_}");
            assert_eq!(again.body.is_empty(), status == 304, "{match_}");
            assert_eq!(again.header("etag"), Some(&*tag), "{match_}");
        }
    }
}
