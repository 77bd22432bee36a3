//! Overlord.
