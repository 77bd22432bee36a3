//! The one program, as it is lent to an agent policy: the contract's interfaces `process` and
//! `progress`. Owns what may be passed on and how often it may be started; how a child is kept behind
//! its wall and really ended is the crate `overlord-process`.

mod environment;
mod lent;
mod scripted;
mod there;

pub use lent::{LentChild, Listener, Program, ProgramSetup, Stop, StopHandle, Stopped};
pub use scripted::ScriptedProcess;
pub use there::is_there;
