//! Drives `claude -p`: one question, one run of the program (two where the first guess whether the
//! session exists was wrong), one answer or one sentence why there is none.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types. Nothing
//! here knows HTTP, who may ask, or how a process is started and stopped: the host does that.

pub mod command;
pub mod drive;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod line;
pub mod sentence;
pub mod settings;
pub mod stream;
pub mod transcript;

#[cfg(test)]
mod replay;
