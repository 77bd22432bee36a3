//! What the tests compare with and the project does not build: the real itsdangerous and the stock
//! `wasmtime` command line, where `tests/install-tools.sh` puts them. Where one is missing the test
//! fails and says how to get it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs a script of `tests/fixtures` with the Python that has the real itsdangerous.
#[track_caller]
pub fn python<S: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = S>, input: &str) -> Output {
    let script = overlord_tests::host::checkout().join("tests/fixtures").join(script);
    let mut command = Command::new(tool("python/bin/python"));
    command.arg("-I").arg(script).args(arguments);
    run(command, input)
}

/// Runs the stock `wasmtime` command line in the checkout, as a reader of the README would.
#[track_caller]
pub fn wasmtime<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(tool("wasmtime"));
    command.args(arguments).current_dir(overlord_tests::host::checkout());
    // It keeps compiled code, and that is nothing for the home of whoever runs the tests.
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    run(command, "")
}

/// The standard output of something that must not fail.
#[track_caller]
pub fn text_of(output: &Output) -> &str {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    std::str::from_utf8(&output.stdout).expect("it prints text")
}

#[track_caller]
fn tool(name: &str) -> PathBuf {
    let path = overlord_tests::host::built("target/tools").join(name);
    assert!(
        path.exists(),
        "{} is not there to be run: run tests/install-tools.sh, which gets it from PyPI",
        path.display()
    );
    path
}

#[track_caller]
fn run(mut command: Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(
            |error| panic!("starting {command:?}: {error}; run tests/install-tools.sh again"),
        );
    // From a thread of its own: it may print before it has read all.
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("waiting for a child of one's own");
    // A program that ends without reading its input has said why.
    let _ = writing.join();
    output
}
