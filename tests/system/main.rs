//! The third ring: a real host, real sockets, real child processes. Each module is one matter that
//! a stranger could complain about; what they share lies in the crate's library.

mod answers;
mod ask;
mod audit;
mod auth;
mod history;
mod history_long;
mod limits;
mod owners;
mod recorded;
mod sessions;
mod stand_in;
mod wire;
