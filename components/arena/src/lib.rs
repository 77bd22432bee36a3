//! The allocator of a guest that lives for one call.
//!
//! A decision takes a fresh instance, a few kilobytes and some microseconds, and then the whole
//! memory is thrown away. So this allocator hands out one piece after the other and takes back
//! only what was handed out last. Its first space is part of the module's own data: a guest that
//! gets by with that never calls `memory.grow`, which would cost more than the decision itself.
//! Larger inputs still work, they are only slower.
//!
//! It is for fresh instances alone. In an instance that is used for many calls, memory would grow
//! with each: a component that is to be kept warm uses the standard allocator.
//!
//! To use it: `use overlord_arena as _;`. Natively this crate allocates nothing.

mod bump;

#[cfg(target_arch = "wasm32")]
mod global;

pub use bump::Bump;
