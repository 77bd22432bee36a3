//! Who is asking? Makes the proof that every other stage asks for.

use std::sync::Arc;

use crate::capability::clock;
use crate::domain::Principal;
use crate::generation::Generation;
use crate::sandbox::Broken;
use crate::sandbox::hooks::{Denial, Issued, Judgement, Request};

/// Someone whom the auth policy has let in, and the generation that did.
#[derive(Debug, Clone)]
pub struct Caller {
    principal: Principal,
    generation: Arc<Generation>,
}

/// Why a request speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotIdentified {
    /// No credential, or none that is good. The client is not told which.
    Unknown,
    /// Known, and not welcome.
    Forbidden,
    /// The policy is broken: nobody gets in.
    Broken,
}

impl Caller {
    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The rules that the request began with; all its stages use them.
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }
}

/// Asks the auth policies of a generation, one after another, until one lets the caller in or says that
/// they are not welcome. One that is broken ends it: whoever comes after it may know less.
pub async fn identify(generation: Arc<Generation>, request: &Request) -> Result<Caller, NotIdentified> {
    let peer = &request.peer;
    let mut told: Option<Denial> = None;
    for entry in &generation.auth {
        match entry.policy.authenticate(request, clock::now()).await {
            Ok(Judgement::Admitted(who)) => {
                let principal = Principal { user: who.user, roles: who.roles };
                return Ok(Caller { principal, generation });
            }
            Ok(Judgement::Denied(Denial::Forbidden(why))) => {
                tracing::info!("a user at {peer} is not welcome: {}", why.escape_debug());
                return Err(NotIdentified::Forbidden);
            }
            Ok(Judgement::Denied(denial)) => {
                if told.as_ref().is_none_or(|told| tells(&denial) > tells(told)) {
                    told = Some(denial);
                }
            }
            Err(_) => return Err(NotIdentified::Broken),
        }
    }
    match told {
        Some(Denial::Expired) => tracing::debug!("an expired credential from {peer}"),
        Some(Denial::Invalid(why)) => {
            tracing::info!("a credential from {peer} is not genuine: {}", why.escape_debug());
        }
        Some(Denial::Missing | Denial::Forbidden(_)) | None => tracing::debug!("nobody signed in at {peer}"),
    }
    Err(NotIdentified::Unknown)
}

/// How much a denial says: one policy's "this was good until yesterday" is worth more than another's
/// "this is not mine".
fn tells(denial: &Denial) -> u8 {
    match denial {
        Denial::Missing => 0,
        Denial::Invalid(_) => 1,
        Denial::Expired => 2,
        Denial::Forbidden(_) => 3,
    }
}

/// A credential for someone who was verified by other means, of the first auth policy that gives one.
/// With none, the last one's reason.
pub async fn issue(generation: &Generation, who: &Principal) -> Result<Issued, Broken> {
    let mut why = Broken::Fault("there is no auth policy".to_owned());
    for entry in &generation.auth {
        match entry.policy.issue(who, clock::now()).await {
            Ok(issued) => return Ok(issued),
            Err(broken) => why = broken,
        }
    }
    Err(why)
}
