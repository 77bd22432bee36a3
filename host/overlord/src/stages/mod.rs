//! The stages of a question's way, each a verb. A stage takes the proof that the one before it made
//! (a [`Caller`], a [`Permit`]) and nobody else can make one. Knows neither HTTP nor WebAssembly.

mod admit;
mod answer;
mod identify;
mod own;
mod places;
mod queue;
mod readers;
mod recall;
mod record;
mod sign_in;

pub use admit::{Admission, Admitted, Demand, NotAdmitted, Permit};
pub use answer::{Agent, Failed, Setting, answer};
pub use identify::{Caller, NotIdentified, identify};
pub use own::{Ownership, Rules, claim};
pub use places::{Closed, Place, Places};
pub use queue::{Queue, Ticket};
pub use recall::{Recalled, Recollection, Unreadable, recall};
pub use record::{FailMode, Recorder, Unrecorded};
pub use sign_in::{Desk, NotSignedIn};
