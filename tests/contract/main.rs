//! Ring two: each component alone, through the host's own sandbox, with capabilities that a test makes up.
