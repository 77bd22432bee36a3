//! The audit line in the Elastic Common Schema.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod event;
pub mod line;
pub mod meaning;

#[cfg(target_arch = "wasm32")]
mod guest;
