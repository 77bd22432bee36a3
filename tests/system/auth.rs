//! who is let in.
