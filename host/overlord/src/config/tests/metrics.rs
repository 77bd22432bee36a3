//! The token for Prometheus: from both sides of its length, and never shown.

use super::super::metrics::TOKEN_LENGTH_MIN;
use super::{assert_error, from_file_in, write};

const SECTION: &str = "metrics.token_file = 'token'";

#[test]
fn a_token_is_the_one_line_of_its_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let shortest = "t".repeat(TOKEN_LENGTH_MIN);
    for text in [shortest.clone(), format!("{shortest}\n"), format!("{shortest}\r\n")] {
        let file = write(&directory, "token", &text);
        let metrics = from_file_in(&directory, SECTION, &[]).expect("it is a token").metrics;
        assert_eq!(metrics.token.as_ref().map(super::super::Secret::expose), Some(shortest.as_str()));
        assert_eq!(metrics.token_file, Some(file));
        assert!(!format!("{metrics:?}").contains(&shortest), "debugging output has the token");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let way_out =
        "it must be a file that the host may read, with one line, such as `openssl rand -hex 32` writes";
    let characters = "its token has other characters than printable ASCII, or a blank";
    let short = "t".repeat(TOKEN_LENGTH_MIN - 1);
    let few = "its token has 15 characters, fewer than the 16 that it needs";
    let none = "its token has 0 characters, fewer than the 16 that it needs";
    let two = format!("{short}t\n{short}t\n");
    let cases = [
        (short.as_str(), few),
        ("", none),
        ("\n", none),
        (two.as_str(), characters),
        ("a token with blanks", characters),
        ("t\u{f6}t\u{f6}t\u{f6}t\u{f6}t\u{f6}t\u{f6}t\u{f6}t\u{f6}t\u{f6}", characters),
    ];
    for (text, why) in cases {
        write(&directory, "token", text);
        let expected = format!("DIR/overlord.toml:1: reading DIR/token failed: {why}; {way_out}");
        assert_error(from_file_in(&directory, SECTION, &[]), &expected);
    }
    let missing = from_file_in(&directory, "metrics.token_file = 'nothing'", &[]).expect_err("there is none");
    assert!(missing.contains("reading DIR/nothing failed: "), "{missing}");
}

#[test]
fn a_token_does_not_lie_where_the_agent_can_read_it() {
    let directory = tempfile::tempdir().expect("a directory");
    write(&directory, "token", &"t".repeat(TOKEN_LENGTH_MIN));
    let text = format!("workspace = '.'\n{SECTION}");
    let error = from_file_in(&directory, &text, &[]).expect_err("the agent can read it");
    assert!(error.contains("metrics.token_file is DIR/token, which lies in the workspace"), "{error}");
}
