//! May they ask now, by a day's and a month's number in the calendar of a time zone.
//!
//! Pure modules, and `guest`, the only file that knows the contract's generated types.

pub mod calendar;
pub mod cell;
pub mod decision;
pub mod settings;

#[cfg(target_arch = "wasm32")]
mod guest;
