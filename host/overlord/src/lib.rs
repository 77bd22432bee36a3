//! Overlord: command-line agents behind a web address, every rule of the house a sandboxed component.
//!
//! ARCHITECTURE.md says which room holds what. The order of the rooms, none of which knows those
//! before it: `cli` → `host` → `server` → `pipeline` → `stages` → `generation`, `runs` and
//! `replay` → `sandbox` and `capability` → `domain`.
#![cfg_attr(test, allow(clippy::disallowed_methods))] // a test sets its own stage

pub mod capability;
pub mod cli;
pub mod config;
pub mod domain;
pub mod generation;
pub mod homes;
pub mod host;
pub mod pipeline;
pub mod replay;
pub mod runs;
pub mod sandbox;
pub mod server;
pub mod stages;
pub mod traces;
