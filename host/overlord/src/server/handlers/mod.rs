//! One function an address: from the request to the pipeline and back.

mod ask;
mod health;
mod history;
pub(super) mod runs;
mod sessions;

pub(super) use ask::{Answered, ask};
pub(super) use health::health;
pub(super) use history::history;
pub(super) use sessions::new_session;
