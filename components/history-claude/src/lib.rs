//! What was said, from the session files of claude.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types. A question
//! passes through them in this order: `settings` and `place` say which file is meant, `page` walks
//! it through a [`source::Source`], `scan` finds the few lines that may be messages, and `record`
//! makes messages of them. `titles` does the same for the list of sessions.
#![cfg_attr(test, allow(clippy::unwrap_used))] // a test that cannot go on should stop there

pub mod page;
pub mod place;
pub mod record;
pub mod scan;
pub mod settings;
pub mod source;
pub mod titles;

mod json;
mod lines;

#[cfg(target_arch = "wasm32")]
mod guest;

#[cfg(test)]
mod tests;
