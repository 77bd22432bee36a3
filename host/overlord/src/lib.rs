//! Overlord: command-line agents behind a web address, every rule of the house a sandboxed component.
//!
//! ARCHITECTURE.md says which room holds what. The order of the rooms, none of which knows those
//! before it: `server` → `pipeline` → `stages` → `sandbox` and `capability` → `domain`.

pub mod cli;
pub mod sandbox;
