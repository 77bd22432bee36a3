//! Who is asking, by an itsdangerous cookie.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod cookies;
mod mac;
pub mod payload;
pub mod settings;
pub mod signature;
pub mod token;

#[cfg(target_arch = "wasm32")]
mod guest;
