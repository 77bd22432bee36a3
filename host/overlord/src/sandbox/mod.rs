//! Where policies run.

pub mod package;
