//! what was said, on demand.
