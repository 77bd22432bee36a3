//! whose session it is.
