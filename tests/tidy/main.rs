//! The rules of the house that no compiler knows. Each test reads the checkout, names every place that
//! breaks its rule, and says what the rule is. Clippy holds the rest: the calls to the operating
//! system that a room may make are in the `clippy.toml` nearest to it.

mod advisories;
mod checkout;
mod commands;
mod components;
mod dependencies;
mod documents;
mod rooms;
mod sources;

/// Fails with all that was found, one a line, and the rule that it breaks.
#[track_caller]
fn nothing_found(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}
