//! Overlord's page as somebody has it who opens it in a browser: a real host, a real Chromium, an agent
//! without a model. Each module is one matter that a stranger could complain about. How the page finds
//! its elements is in docs/page.md; only `house` and the names there are leaned on.

mod admin;
mod asking;
mod by_key;
mod for_everybody;
mod hostile;
mod house;
mod interruptions;
mod long_history;
mod queue;
mod reloading;
mod sessions;
mod signing_in;
mod stopping;
mod tools;
