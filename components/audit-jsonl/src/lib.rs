//! The audit line, as the original service wrote it.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod event;
pub mod line;
pub mod python;

#[cfg(target_arch = "wasm32")]
mod guest;
