//! Who is asking, by a JSON Web Token of somebody else's.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod json;
pub mod keys;
pub mod request;
pub mod settings;
pub mod token;
mod verify;

#[cfg(target_arch = "wasm32")]
mod guest;
