//! What the test rings share.
