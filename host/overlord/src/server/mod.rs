//! HTTP: connections in, answers out. Owns status codes, headers and bodies; what is decided about a
//! request is the pipeline's business.

mod answers;
mod bearer;
mod body;
mod connections;
pub mod control;
mod dispatch;
mod events;
mod first_words;
mod gate;
mod guard;
mod handlers;
mod incoming;
mod metrics;
mod outcome;
mod page;
mod paths;
mod projection;
mod query;
mod reply;
mod routes;

pub use connections::{Limits, serve};
pub use control::serve_control;
pub use dispatch::router;
pub use gate::Visible;
pub use guard::Guard;
pub use metrics::Metrics;
pub use routes::{Access, ROUTES, Route, Service, Shared};
