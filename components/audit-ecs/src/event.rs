//! What is written down. Knows nothing of how.

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text of any length.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Any number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// Known to be unknown.
    Absent,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What, such as `ask_start`.
    pub name: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The rest, in the order in which it is to be written.
    pub fields: Vec<(String, Value)>,
}
