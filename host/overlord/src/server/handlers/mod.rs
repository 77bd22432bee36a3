//! One function an address: from the request to the pipeline and back.

mod ask;
mod export;
mod health;
mod history;
mod sessions;

pub(super) use ask::ask;
pub(super) use export::export;
pub(super) use health::health;
pub(super) use history::history;
pub(super) use sessions::{delete, list, new_session, rename, restore};
