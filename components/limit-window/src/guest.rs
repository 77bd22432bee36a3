//! The world `limit-policy`: generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

wit_bindgen::generate!({ world: "limit-policy", path: "../../wit" });

use overlord_arena as _; // the global allocator

use crate::{decision, settings};
use exports::overlord::policy::limiter::{Demand, Fault, Guest, Outcome, Refusal, Settings, Verdict};

struct Policy;

export!(Policy);

impl Guest for Policy {
    fn admit(settings: Settings, demand: Demand, cell: Vec<u8>) -> Result<Outcome, Fault> {
        let settings = settings::Settings::read(&settings).map_err(fault)?;
        let queued = demand.facts.iter().any(|fact| fact.name == "queued-since");
        let load = decision::Load { running: demand.running, waiting: demand.waiting, queued };
        let outcome = decision::decide(&settings, demand.now, load, &cell).map_err(fault)?;
        let verdict = match outcome.verdict {
            decision::Verdict::Admit => Verdict::Admit,
            decision::Verdict::Wait => Verdict::Wait,
            decision::Verdict::Refuse(refusal) => Verdict::Refuse(Refusal {
                event: refusal.event().to_owned(),
                message: refusal.message(),
                retry_after_s: refusal.retry_after_s(),
            }),
        };
        Ok(Outcome { verdict, cell: outcome.cell })
    }
}

fn fault(error: impl std::error::Error) -> Fault {
    Fault { message: error.to_string() }
}
