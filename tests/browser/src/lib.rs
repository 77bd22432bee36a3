//! The fourth ring: the page in a real Chromium. A test opens a [`Browser`], says what a person
//! would do, and waits for what a person would see; what the page must never do (an error on the
//! console, a breach of its policy, a request to anyone else) is watched all the while.
//!
//! `ChromeDriver` is spoken to in plain `WebDriver` over `ureq`. The crates that do the same switch
//! features of `serde` or of `syn` on, the compiler in wasmtime takes these too, and so wasmtime
//! would be built once for the host and once more for everything together.

mod axe;
mod browser;
mod driver;
mod element;
mod find;
mod keys;
mod media;
mod opening;
mod report;
mod turns;
mod watch;
mod webdriver;

pub use axe::Fault;
pub use browser::Browser;
pub use element::Element;
pub use media::Shape;
pub use opening::Opening;
