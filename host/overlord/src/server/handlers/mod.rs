//! One function an address: from the request to the pipeline and back.

mod ask;
mod health;
mod history;
mod me;
mod page;
pub(super) mod runs;
mod sessions;
mod sign_in;

pub(super) use ask::{Answered, ask};
pub(super) use health::health;
pub(super) use history::history;
pub(super) use me::me;
pub(super) use page::{asset, index};
pub(super) use sessions::new_session;
pub(super) use sign_in::{login, logout};
