//! One function an address: from the request to the pipeline and back.

pub(super) mod admin;
mod ask;
mod export;
mod health;
mod history;
mod me;
mod metrics;
mod page;
pub(super) mod runs;
mod sessions;
mod sign_in;

pub(super) use ask::{Answered, ask};
pub(super) use export::export;
pub(super) use health::health;
pub(super) use history::history;
pub(super) use me::me;
pub(super) use metrics::figures;
pub(super) use page::{asset, index};
pub(super) use sessions::{delete, list, new_session, rename, restore};
pub(super) use sign_in::{login, logout};
