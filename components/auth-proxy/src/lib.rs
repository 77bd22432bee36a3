//! Who is asking, by what the header of a trusted proxy says.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod decision;
pub mod settings;

#[cfg(target_arch = "wasm32")]
mod guest;
