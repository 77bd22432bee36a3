//! The world `limit-policy-migrating`: generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

wit_bindgen::generate!({ world: "limit-policy-migrating", path: "../../wit" });

use overlord_arena as _; // the global allocator

use crate::{cell, decision, settings};
use exports::overlord::policy::limiter::{self, Demand, Outcome, Refusal, Verdict};
use exports::overlord::policy::migration;
use overlord::policy::types::{Fault, Settings};

struct Policy;

export!(Policy);

impl limiter::Guest for Policy {
    fn admit(settings: Settings, demand: Demand, cell: Vec<u8>) -> Result<Outcome, Fault> {
        let settings = settings::Settings::read(&settings).map_err(fault)?;
        if demand.facts.iter().any(|fact| fact.name == "queued-since") {
            return Ok(Outcome { verdict: Verdict::Admit, cell: None }); // it was counted when it came
        }
        let outcome = decision::decide(&settings, demand.now, &cell).map_err(fault)?;
        let verdict = match outcome.refusal {
            None => Verdict::Admit,
            Some(refusal) => Verdict::Refuse(Refusal {
                event: decision::EVENT.to_owned(),
                message: refusal.message(&settings.zone),
                retry_after_s: refusal.retry_after_s(demand.now),
            }),
        };
        Ok(Outcome { verdict, cell: outcome.cell })
    }
}

impl migration::Guest for Policy {
    fn form() -> String {
        cell::FORM.to_owned()
    }

    fn migrate(_: Settings, old_form: String, cell: Vec<u8>) -> Result<Vec<u8>, Fault> {
        cell::take_over(&old_form, cell).map_err(fault)
    }
}

fn fault(error: impl std::error::Error) -> Fault {
    Fault { message: error.to_string() }
}
