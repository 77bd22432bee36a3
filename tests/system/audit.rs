//! every outcome has its line.
