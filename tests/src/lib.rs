//! What the test rings share.

pub mod caller;
pub mod host;
