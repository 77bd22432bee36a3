//! The empty WASI: a component that brings a language's runtime may print, into the host's log, and
//! finds nothing else. The refusal where it is not granted is in `fit`.

use overlord::domain::{Event, Instant};
use overlord::sandbox::{Audit, Policy, Terms, Wasi};

use crate::forge::{audit_module, bytes_at, component, contract};
use crate::stage::{Log, made_up};

/// As much of WASI as the components here import.
const WASI: &str = "
package wasi:io@0.2.0 {
  interface error { resource error; }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      write: func(contents: list<u8>) -> result<_, stream-error>;
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}
package wasi:cli@0.2.0 {
  interface environment {
    get-environment: func() -> list<tuple<string, string>>;
    get-arguments: func() -> list<string>;
  }
  interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
  interface stderr { use wasi:io/streams@0.2.0.{output-stream}; get-stderr: func() -> output-stream; }
}
package wasi:filesystem@0.2.0 {
  interface types { resource descriptor; }
  interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }
}
";

/// An audit policy that prints `text` to standard output in each call, and writes an empty record.
pub fn printing_audit(text: &str) -> Vec<u8> {
    printing(text.as_bytes(), "stdout", "blocking-write-and-flush")
}

fn printing(text: &[u8], stream: &str, by: &str) -> Vec<u8> {
    let imports = format!(
        r#"(import "wasi:cli/{stream}@0.2.0" "get-{stream}" (func $stream (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.{by}" (func $write (param i32 i32 i32 i32)))
        (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop (param i32)))"#
    );
    // Standard output takes 4,096 bytes at a time.
    let pieces = text.chunks(4096).enumerate().fold(String::new(), |code, (number, piece)| {
        let at = 65536 + number * 4096;
        code + &bytes_at(at, piece)
            + &format!(
                "(call $write (local.get $out) (i32.const {at}) (i32.const {}) (i32.const 512))",
                piece.len()
            )
            + "(if (i32.load8_u (i32.const 512)) (then unreachable))"
    });
    let body = format!(
        "(local $out i32) (drop (memory.grow (i32.const 4))) (local.set $out (call $stream))
        {pieces} (call $drop (local.get $out))"
    );
    of(&format!("import wasi:cli/{stream}@0.2.0;"), &imports, &body)
}

/// An audit policy with these imports, in WIT and in WAT, and this body.
fn of(wit: &str, imports: &str, body: &str) -> Vec<u8> {
    let contract = format!("{}\nworld printing {{ {wit} export audit; }}\n{WASI}", contract());
    let module = audit_module(body).replacen("(module", &format!("(module {imports}"), 1);
    component(&contract, "printing", &module, None)
}

async fn policy(bytes: &[u8]) -> Policy<Audit> {
    made_up(bytes, Terms { wasi: Wasi::Empty, ..Terms::default() }).await
}

/// What the log says the component said while it was called once.
async fn said(bytes: &[u8]) -> Vec<String> {
    let policy = policy(bytes).await;
    let (log, _guard) = Log::listen();
    assert_eq!(policy.format(&event()).await.expect("it may print"), "");
    drop(policy);
    let lines = log.lines();
    for line in &lines {
        assert!(line.contains("INFO") && line.contains("made-up"), "{line}");
    }
    let words = lines.iter().filter_map(|line| line.split_once("component says: "));
    words.map(|(_, words)| words.trim_end_matches(" component=made-up").to_owned()).collect()
}

fn event() -> Event {
    Event { name: "ask_start".into(), at: Instant(1), fields: Vec::new() }
}

#[tokio::test]
async fn what_is_printed_goes_to_the_log_line_by_line() {
    assert_eq!(said(&printing_audit("hello\nworld\n")).await, ["hello", "world"]);
}

#[tokio::test]
async fn standard_error_goes_to_the_log_too() {
    assert_eq!(said(&printing(b"oh no\n", "stderr", "blocking-write-and-flush")).await, ["oh no"]);
}

#[tokio::test]
async fn a_line_that_is_not_ended_is_not_lost() {
    assert_eq!(said(&printing_audit("one\ntwo")).await, ["one", "two"]);
}

#[tokio::test]
async fn what_is_printed_cannot_forge_a_line_of_the_log() {
    let lines = said(&printing_audit("\u{1b}[31mred\r2026 ERROR forged\0\n")).await;
    assert_eq!(lines, ["\\u{1b}[31mred\\r2026 ERROR forged\\0"]);
    assert_eq!(
        said(&printing(b"\xff\xfe\n", "stdout", "blocking-write-and-flush")).await,
        ["\u{fffd}\u{fffd}"]
    );
}

#[tokio::test]
async fn a_long_line_is_cut_into_pieces() {
    let lines = said(&printing_audit(&"x".repeat(10_000))).await;
    assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [4096, 4096, 10_000 - 8192]);
}

#[tokio::test]
async fn each_instance_may_print() {
    let policy = policy(&printing_audit("again\n")).await;
    let (log, _guard) = Log::listen();
    for _ in 0..10 {
        policy.format(&event()).await.expect("it may print");
    }
    assert_eq!(log.lines().len(), 10);
}

#[tokio::test]
async fn it_finds_no_environment_no_arguments_and_no_directory() {
    let imports = r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func $variables (param i32)))
        (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
        (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))"#;
    let wit = "import wasi:cli/environment@0.2.0; import wasi:filesystem/preopens@0.2.0;";
    // Three digits: how many there are of each.
    let digit = |at: usize, call: &str| {
        format!(
            "(call {call} (i32.const 512))
            (i32.store8 (i32.const {at}) (i32.add (i32.const 48) (i32.load (i32.const 516))))"
        )
    };
    let body = digit(2048, "$variables")
        + &digit(2049, "$arguments")
        + &digit(2050, "$directories")
        + "(i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 3))";
    let policy = policy(&of(wit, imports, &body)).await;
    assert_eq!(policy.format(&event()).await.expect("it may look"), "000");
}
