//! Ring two: each component alone, through the host's own sandbox, with capabilities that a test
//! makes up; and what the sandbox does with components that are none of the project's.

mod bounds;
mod cases;
mod empty_wasi;
mod fit;
mod forge;
mod limits;
mod stage;
mod warm;
