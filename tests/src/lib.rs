//! What the test rings share.

pub mod caller;
mod compiled;
pub mod events;
pub mod host;
pub mod load;
pub mod marked;
pub mod messages_api;
pub mod namespaces;
pub mod session_files;
pub mod sessions;
pub mod shelf;
pub mod speaker;
pub mod stand_in;
