//! HTTP: connections in, answers out. Owns status codes, headers and bodies; what is decided about a
//! request is the pipeline's business.

mod body;
mod connections;
mod first_words;
mod gate;
mod handlers;
mod incoming;
mod paths;
mod query;
mod reply;
mod routes;

pub use connections::{Limits, serve};
pub use gate::Visible;
pub use routes::{Access, ROUTES, Service, router};
