//! The world `audit-policy`: generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

wit_bindgen::generate!({ world: "audit-policy", path: "../../wit" });

use overlord_arena as _; // the global allocator

use crate::{event, line};
use exports::overlord::policy::audit::{Event, Fault, Field, Guest, Settings, Value};

struct Policy;

export!(Policy);

impl Guest for Policy {
    fn format(settings: Settings, event: Event) -> Result<String, Fault> {
        event::check(&settings).map_err(fault)?;
        line::line(&event::Event {
            name: event.name,
            at: event.at,
            fields: event.fields.into_iter().map(field).collect(),
        })
        .map_err(fault)
    }
}

fn field(Field { name, value }: Field) -> (String, event::Value) {
    let value = match value {
        Value::Text(text) => event::Value::Text(text),
        Value::Number(number) => event::Value::Number(number),
        Value::Real(number) => event::Value::Real(number),
        Value::Flag(flag) => event::Value::Flag(flag),
        Value::Absent => event::Value::Absent,
    };
    (name, value)
}

fn fault(error: impl std::error::Error) -> Fault {
    Fault { message: error.to_string() }
}
