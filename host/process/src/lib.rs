//! Child processes that really end, behind a wall.
//!
//! The host starts programs that run whatever a model thinks of. This crate starts such a program
//! through a launcher (the host's own binary, executed again) that puts the strongest wall around
//! it that the machine allows, keeps the program to its limits, and makes sure that nothing of it
//! is left: neither when it ends, nor when it is stopped, nor when the host itself is killed.
//!
//! It knows nothing of questions, users or what a program says: lines go out as bytes.
//!
//! * [`launcher::main`] is what the host's `main` calls first when its hidden subcommand is given.
//! * [`Supervisor::start`] tries the walls and keeps the strongest; [`Supervisor::spawn`] starts a
//!   program; [`Child`] is what is left of it in the host.
//! * [`sweep`] ends what an earlier host left behind; [`harden_host`] closes the host's memory.

mod child;
mod error;
mod keeper;
mod lines;
mod proc;
mod queue;
mod supervisor;
mod sweep;
mod sys;
mod wall;
mod wire;

pub mod launcher;

pub use child::{Child, Event};
pub use error::{SpawnError, StartError};
pub use keeper::{Limits, StopCause};
pub use supervisor::{Command, Launcher, Options, Supervisor};
pub use sweep::sweep;
pub use wall::{Kind, Wall, WallRequest, account_ids, account_name};
pub use wire::Exit;

/// Closes the host's memory, environment and descriptors (`/proc/<host>/mem`, `environ`, `fd`,
/// `root`) to every other process of the same user, and to core dumps. The host's own way to its
/// own `/proc/self` stays open. Call it first thing in `main`, before a secret is read.
pub fn harden_host() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
