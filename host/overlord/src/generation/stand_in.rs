//! Stands in for the ways of a candidate until they are there: shows what serves, and changes nothing.
#![expect(clippy::unused_async, reason = "what takes its place waits")]

use super::publish::Publisher;
use super::standing::{ChangeError, Divergence, Entry, Served, Standing};
use crate::domain::Actor;
use crate::sandbox::SlotName;
use crate::sandbox::package::Digest;

type Outcome = Result<Standing, ChangeError>;

fn not_now() -> Outcome {
    Err(ChangeError::NotNow("there is no candidate".to_owned()))
}

impl Publisher {
    /// Which rules stand where.
    pub async fn standing(&self) -> Outcome {
        let (current, generation) = (self.current(), self.current().pin());
        let entry = |slot| Entry {
            slot,
            entry: generation.name(slot).to_owned(),
            component: generation.name(slot).to_owned(),
            digest: generation.digest(slot),
            loaded: 0,
        };
        let serving = Served {
            number: generation.number,
            since: 0,
            until: None,
            by: Actor::File.to_string(),
            why: "the start".to_owned(),
            entries: SlotName::ALL.map(entry).into(),
        };
        Ok(Standing {
            serving,
            candidate: None,
            previous: Vec::new(),
            quarantined: Vec::new(),
            alive: current.alive(),
        })
    }

    /// Loads `bytes` as the candidate's entry of a slot.
    pub async fn propose(&self, _: SlotName, _: Option<&str>, _: &str, _: &[u8], _: &Actor) -> Outcome {
        Err(ChangeError::NotGood("nothing can be proposed yet".to_owned()))
    }

    /// Compares the candidate on live traffic.
    pub async fn shadow(&self, _: &Actor) -> Outcome {
        not_now()
    }

    /// Lets the candidate serve a share of the callers.
    pub async fn canary(&self, _: f64, _: &Actor) -> Outcome {
        not_now()
    }

    /// Makes the candidate serve.
    pub async fn promote(&self, _: &Actor) -> Outcome {
        not_now()
    }

    /// Lets go of the candidate.
    pub async fn abort(&self, _: &Actor) -> Outcome {
        not_now()
    }

    /// Lets a previous generation serve again.
    pub async fn roll_back(&self, _: Option<u64>, _: &Actor) -> Outcome {
        Err(ChangeError::Unknown("no generation has served before this one".to_owned()))
    }

    /// Keeps a digest from serving.
    pub async fn quarantine(&self, _: Digest, _: &str, _: &Actor) -> Outcome {
        Err(ChangeError::NotNow("nothing can be quarantined yet".to_owned()))
    }

    /// Lets it serve again.
    pub async fn release(&self, _: Digest, _: &Actor) -> Outcome {
        Err(ChangeError::Unknown("nothing is quarantined".to_owned()))
    }

    /// Sampled decisions that the candidate made otherwise, newest first.
    pub async fn divergences(&self) -> Vec<Divergence> {
        Vec::new()
    }
}
