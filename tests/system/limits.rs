//! how often, and how many at once.
