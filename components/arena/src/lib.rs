//! The allocator of a guest that lives for one call.
