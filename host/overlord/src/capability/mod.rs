//! What the operating system is asked for: files, processes, the clock, the state on disk, the audit
//! file. Everything else in the host asks here, so this is the only place to look for a path that
//! leaves its directory or a process that stays behind.
#![expect(clippy::disallowed_methods, reason = "this is where the operating system is asked")]

pub mod audit_file;
pub mod background;
pub mod clock;
pub mod control;
pub mod decisions;
pub mod files;
pub mod process;
pub mod sign_in;
pub mod state;
pub mod trouble;
