//! The stages of a question's way, each a verb. A stage takes the proof that the one before it made
//! (a [`Caller`], a [`Permit`]) and nobody else can make one. Knows neither HTTP nor WebAssembly.

mod admit;
mod answer;
mod export;
mod identify;
mod list;
mod own;
mod page;
mod pieces;
mod places;
mod queue;
mod readers;
mod recall;
mod record;
mod remember;
mod render;
mod shelve;
mod sign_in;
mod titles;

pub use admit::{Admission, Admitted, Demand, NotAdmitted, Permit};
pub use answer::{Agent, Failed, Setting, answer};
pub use export::{Format, export};
pub use identify::{Caller, NotIdentified, identify, issue};
pub use list::{Cursor, Line, Listing, PAGE_LINES, PAGE_LINES_MAX, Wanted, list, list_deleted};
pub use own::{Ownership, Rules, claim};
pub use page::{PART_MESSAGES, PART_MESSAGES_MAX, Part, Side, page};
pub use pieces::Pieces;
pub use places::{Closed, Hold, Place, Places};
pub use queue::{Queue, Ticket};
pub use recall::{Recalled, Recollection, Unreadable, recall};
pub use record::{FailMode, Recorder, Unrecorded};
pub use remember::{Asked, Deciding, REDACTED, Remember};
pub use render::rendering;
pub use shelve::{NotShelved, bring_back, name_aside, purge, shelve};
pub use sign_in::{Desk, NotSignedIn};
pub use titles::Titles;
