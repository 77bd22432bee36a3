//! May they ask now, by a bucket of tokens that fills with time.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod cell;
pub mod decision;
pub mod settings;

#[cfg(target_arch = "wasm32")]
mod guest;
