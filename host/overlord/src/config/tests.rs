//! Loads configurations from files and environments made up here, and looks at what comes of them.
//! What every key has in common is tested over the table of keys, so that a new key is tested too.

mod chains;
mod metrics;
mod places;
mod secrets;
mod server;
mod signing;
mod slots;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Config, Surroundings};

/// A machine with a home directory and nothing installed.
fn surroundings(environment: &[(&str, &str)]) -> Surroundings {
    let home = [("HOME", "/nonexistent/you")];
    let all = home.iter().chain(environment);
    Surroundings {
        environment: all.map(|(name, value)| (name.into(), value.into())).collect(),
        directory: PathBuf::from("/nonexistent/here"),
        program: PathBuf::from("/nonexistent/opt/bin/overlord"),
    }
}

/// What comes of this environment alone.
fn from_environment(environment: &[(&str, &str)]) -> Result<Config, String> {
    Config::load(None, &surroundings(environment)).map_err(|errors| errors.to_string())
}

/// What comes of this file in this environment. The file's directory is written `DIR` in errors.
fn from_file(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let directory = TempDir::new().expect("a directory for the file");
    from_file_in(&directory, text, environment)
}

fn from_file_in(directory: &TempDir, text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let file = write(directory, "overlord.toml", text);
    Config::load(Some(&file), &surroundings(environment))
        .map_err(|errors| errors.to_string().replace(&directory.path().display().to_string(), "DIR"))
}

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).expect("writing a file of the test's own");
    path
}

/// Asserts that loading fails with exactly this error.
#[track_caller]
fn assert_error(result: Result<Config, String>, expected: &str) {
    let error = result.expect_err(expected);
    assert_eq!(error.strip_prefix("the configuration has an error: "), Some(expected), "{error}");
}

fn path(text: &str) -> &Path {
    Path::new(text)
}
