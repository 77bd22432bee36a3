//! A stand-in for `claude -p` that needs no account.
