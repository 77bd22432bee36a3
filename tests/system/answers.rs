//! the answers are the original's.
