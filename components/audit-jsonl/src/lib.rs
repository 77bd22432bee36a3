//! The audit line, as the original service wrote it.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod line;
pub mod python;

pub use overlord_audit_event as event;

#[cfg(target_arch = "wasm32")]
mod guest;
