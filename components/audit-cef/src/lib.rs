//! The audit line in the Common Event Format.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod escape;
pub mod line;
pub mod meaning;

pub use overlord_audit_event as event;

#[cfg(target_arch = "wasm32")]
mod guest;
