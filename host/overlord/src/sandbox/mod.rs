//! Where policies run. Owns everything that knows WebAssembly: the engine and its limits, the
//! contract's generated types, how a component is loaded, tried and called. Knows nothing of HTTP, of
//! requests, or of which component serves.

pub mod bindings;
mod cache;
pub mod cases;
mod engine;
mod guest;
pub mod hooks;
mod load;
mod measure;
mod migration;
pub mod package;
mod policy;
pub mod signature;
mod tally;
mod trial;
mod trust;
mod wasi_log;
mod world;

pub use cache::CodeCache;
pub use cases::CaseError;
pub use engine::{Limits, Sandbox};
pub use guest::{Guest, Lent, Wasi};
pub use load::{LoadError, Loaded, Loader, Names, grants, names_of};
pub use measure::{Cost, Spread, measure};
pub use policy::{Broken, Instances, Policy, Terms, in_one_line};
pub use tally::{BOUNDS_US, Latency, OTHER_REASON, Tally, TallySnapshot, uncounted};
pub use trial::{Trial, try_settings};
pub use trust::{Trust, TrustError};
pub use world::{Agent, Audit, Auth, History, Limit, SlotName, World};
