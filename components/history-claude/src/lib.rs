//! What was said, from the session files of claude.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

#[cfg(target_arch = "wasm32")]
mod guest;
